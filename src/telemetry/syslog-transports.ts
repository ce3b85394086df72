import { createSocket, type Socket as DatagramSocket } from 'node:dgram'
import { readFileSync } from 'node:fs'
import { connect, isIPv6, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'

/** Where messages go: `udp://host:514`, `tcp://host:601` or `tls://host:6514`. */
export interface SyslogAddress {
  readonly url: string
  /** CA certificates in PEM that are trusted instead of the well-known ones. */
  readonly caFile?: string | undefined
}

/** A way to a syslog receiver. It is opened when the first message is sent, and again after each failure. */
export interface Transport {
  /** Whether it takes several messages at once, and what it has taken may be lost if it breaks. */
  readonly isStream: boolean
  /** Resolves when the system has them. Rejects with an error that has a code. */
  send(messages: readonly string[]): Promise<void>
  close(): void
}

/** Milliseconds for which a receiver may take nothing. */
const patienceMs = 10_000

/** `broken`: called when an open connection ends. */
export function openTransport(address: SyslogAddress, broken: () => void): Transport {
  const { protocol, hostname, port } = new URL(address.url)
  const host = hostname.replace(/^\[|\]$/g, '')
  if (protocol === 'udp:') return new UdpTransport(host, Number(port || 514))
  const to = { host, port: Number(port || (protocol === 'tls:' ? 6514 : 601)) }
  return new StreamTransport(() => (protocol === 'tls:' ? openTls(to, address.caFile) : connect(to)), broken)
}

/** Certificates are read at each connection, so that renewed ones are used. */
function openTls(to: { readonly host: string; readonly port: number }, caFile: string | undefined): Socket {
  return connectTls({ ...to, ...(caFile !== undefined && { ca: readFileSync(caFile) }) })
}

/** TCP, and TLS, with octet counting (RFC 6587, 3.4.1; RFC 5425, 4.3). */
class StreamTransport implements Transport {
  readonly isStream = true
  readonly #open: () => Socket
  readonly #broken: () => void
  #socket: Socket | undefined

  constructor(open: () => Socket, broken: () => void) {
    this.#open = open
    this.#broken = broken
  }

  async send(messages: readonly string[]): Promise<void> {
    const frames = messages.map(message => `${Buffer.byteLength(message)} ${message}`).join('')
    const socket = (this.#socket ??= this.#opened())
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const fail = (error?: Error) => reject(error ?? withCode('ECONNRESET'))
    const ended = () => fail()
    socket.once('error', fail).once('close', ended).setTimeout(patienceMs)
    // Its callback waits for the connection, and then for the system to take the bytes.
    socket.write(frames, error => (error ? fail(error) : resolve()))
    try {
      await promise
    } catch (error) {
      socket.destroy()
      throw withCode(codeIn(error))
    } finally {
      socket.off('error', fail).off('close', ended).setTimeout(0)
    }
  }

  #opened(): Socket {
    const socket = this.#open()
    socket.setKeepAlive(true, patienceMs)
    socket.resume() // or its end would not be noticed
    socket.on('timeout', () => socket.destroy(withCode('ETIMEDOUT')))
    socket.on('error', () => {}) // `close` follows
    socket.once('close', () => {
      if (this.#socket !== socket) return
      this.#socket = undefined
      this.#broken()
    })
    return socket.unref()
  }

  close(): void {
    const socket = this.#socket
    this.#socket = undefined
    socket?.end()
  }
}

/** Milliseconds in which another system says that nothing listens there. */
const refusalMs = 100

/**
 * One message in each datagram (RFC 5426). What arrives is not known; that nothing listens is told to a connected socket, a
 * moment later. So the first message on each socket is a trial.
 */
class UdpTransport implements Transport {
  readonly isStream = false
  readonly #host: string
  readonly #port: number
  #socket: DatagramSocket | undefined
  #flaw: Error | undefined

  constructor(host: string, port: number) {
    this.#host = host
    this.#port = port
  }

  async send(messages: readonly string[]): Promise<void> {
    try {
      const isTrial = this.#socket === undefined
      const socket = (this.#socket ??= await this.#opened())
      for (const message of messages) {
        if (this.#flaw !== undefined) throw this.#flaw
        await new Promise<void>((resolve, reject) =>
          socket.send(message, error => (error ? reject(error) : resolve())),
        )
      }
      if (isTrial) await delay(refusalMs)
      if (isTrial && this.#flaw !== undefined) throw this.#flaw
    } catch (error) {
      const code = codeIn(error)
      if (code !== 'EMSGSIZE') this.close()
      throw withCode(code)
    }
  }

  async #opened(): Promise<DatagramSocket> {
    this.#flaw = undefined
    const socket = createSocket(isIPv6(this.#host) ? 'udp6' : 'udp4').unref()
    const { promise: failed, reject } = Promise.withResolvers<never>()
    failed.catch(() => {}) // also later ones, of which the next message is told
    socket.on('error', error => {
      this.#flaw = error
      reject(error)
    })
    const opened = new Promise<void>(resolve =>
      // A worker must not share the socket with its primary.
      socket.bind({ exclusive: true }, () => socket.connect(this.#port, this.#host, () => resolve())),
    )
    await Promise.race([opened, failed]).catch((error: unknown) => {
      socket.close()
      throw error
    })
    return socket
  }

  close(): void {
    this.#socket?.close()
    this.#socket = undefined
  }
}

function codeIn(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'EIO'
}

function withCode(code: string): Error {
  return Object.assign(new Error(code), { code })
}
