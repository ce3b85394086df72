import { type buildConnector, type Dispatcher, errors } from 'undici'
import { remembered } from '../engine/memory.ts'
import { KeptConnection, type KeptOptions, type KeptOwner } from './kept-connection.ts'
import { Sending } from './sending.ts'

export interface KeptConnectionsOptions extends KeptOptions {
  /** To one upstream, undici's included. */
  readonly connections: number
  /** How many undici has open to an upstream. */
  readonly ofUndici: (origin: string) => number
  /** Opens a connection. `onBytes` is called with what comes on it, which is valid only during the call. */
  readonly connector: (onBytes: (bytes: Buffer) => void) => buildConnector.connector
}

/** Whatever sends requests as undici does. */
type Leg = Pick<Dispatcher, 'dispatch' | 'close'>

/**
 * Sends plain requests, which most are, over kept connections of its own, and leaves all others to undici: those over TLS,
 * those with a body, and those that undici would refuse to send (ADR 0109).
 */
export class KeptConnections implements Leg {
  readonly #undici: Leg
  readonly #options: KeptConnectionsOptions
  readonly #upstreams = new Map<string, Upstream>()
  #isClosed = false

  constructor(undici: Leg, options: KeptConnectionsOptions) {
    this.#undici = undici
    this.#options = options
  }

  dispatch(request: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const lines = linesOf(request)
    if (lines === undefined) {
      // undici's pool would refuse it as well, and lose a connection each time.
      handler.onResponseError?.(none, new errors.InvalidArgumentError('the request cannot be written'))
      return true
    }
    const { origin, method, path, body } = request
    const isOurs = lines.isPlain && body === null && bodiless.has(method) && !this.#isClosed
    if (!isOurs || typeof origin !== 'string' || !origin.startsWith('http:'))
      return this.#undici.dispatch(request, handler)
    const isHead = method === 'HEAD'
    const upstream = this.#upstreamAt(origin)
    // Then one of undici's is free: fair shares count the requests of both.
    if (!upstream.canTake) {
      upstream.checkEmpty()
      return this.#undici.dispatch(request, handler)
    }
    const first = `${method} ${path} HTTP/1.1\r\nhost: ${upstream.host}\r\n`
    // Some upstreams send a body for HEAD, too, which would be taken for the next answer.
    const bytes = `${first}connection: ${isHead ? 'close' : 'keep-alive'}\r\n${lines.text}\r\n`
    upstream.send(new Sending(bytes, isHead, handler))
    return true
  }

  /** undici opens a connection to an upstream: if there are too many, one that rests gives way. */
  makeRoomAt(origin: string): void {
    this.#upstreams.get(origin)?.makeRoom()
  }

  #upstreamAt(origin: string): Upstream {
    const known = this.#upstreams.get(origin)
    if (known !== undefined) return known
    const upstream = new Upstream(origin, this.#options, () => this.#upstreams.delete(origin))
    this.#upstreams.set(origin, upstream)
    return upstream
  }

  /** Waits for requests under way. */
  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all([this.#undici.close(), ...[...this.#upstreams.values()].map(each => each.close())])
  }
}

/** The header lines of a request, and whether they suit a request without a body. */
interface Lines {
  readonly text: string
  readonly isPlain: boolean
}

/** All of it has been screened before, but this is where it becomes lines. `undefined`: it cannot be written. */
function linesOf({ method, path, headers }: Dispatcher.DispatchOptions): Lines | undefined {
  if (!token.test(method) || !path.startsWith('/') || notInTargets.test(path)) return undefined
  const list: readonly unknown[] = Array.isArray(headers) ? headers : noList
  if (list.length % 2 !== 0) return undefined
  let text = ''
  let isPlain = true
  for (let at = 0; at < list.length; at += 2) {
    const name = list[at]
    const value = list[at + 1]
    if (typeof name !== 'string' || typeof value !== 'string' || notInValues.test(value)) return undefined
    const use = useOf(name)
    if (use === 'refused') return undefined
    if (use === 'of-a-body') isPlain = false
    text += `${name}: ${value}\r\n`
  }
  return { text, isPlain }
}

const useOf = remembered((name): 'plain' | 'of-a-body' | 'refused' => {
  if (!token.test(name) || ours.test(name)) return 'refused'
  return /^(?:content-length|connection)$/i.test(name) ? 'of-a-body' : 'plain'
})

const notInTargets = /[^\x21-\xff]/
const token = /^[\w!#$%&'*+.^`|~-]+$/
const notInValues = /[^\t\x20-\x7e\x80-\xff]/
/** What a connection is used for, and where a message ends, is not for a list of headers to say. */
const ours = /^(?:host|expect|upgrade|keep-alive|transfer-encoding)$/i
/** Methods of requests without a body. */
const bodiless: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])
const noList = [undefined]
/** undici gives no controller where a request never started, either. */
const none = null as unknown as Dispatcher.DispatchController

/** The connections to one upstream. */
class Upstream implements KeptOwner {
  /** For the `Host` header. */
  readonly host: string
  readonly #options: KeptConnectionsOptions
  readonly #address: buildConnector.Options
  /** The last one that was used is used first, so that the others can close. */
  readonly #resting: KeptConnection[] = []
  readonly #origin: string
  readonly #onEmpty: () => void
  /** Connections, those included that are being opened. */
  #count = 0
  #onClosed: (() => void) | undefined

  constructor(origin: string, options: KeptConnectionsOptions, onEmpty: () => void) {
    const { protocol, host, hostname, port } = new URL(origin)
    this.host = host
    this.#origin = origin
    this.#options = options
    this.#onEmpty = onEmpty
    this.#address = { protocol, host, port, hostname: hostname.replace(/^\[(.*)\]$/, '$1') }
  }

  /** Whether there is a connection for another request, or there may be one more. */
  get canTake(): boolean {
    return this.#resting.length > 0 || this.#total < this.#options.connections
  }

  get #total(): number {
    return this.#count + this.#options.ofUndici(this.#origin)
  }

  makeRoom(): void {
    // The one that has rested longest.
    if (this.#total > this.#options.connections) this.#resting.shift()?.destroy()
  }

  send(sending: Sending): void {
    for (let resting = this.#resting.pop(); resting !== undefined; resting = this.#resting.pop()) {
      if (resting.isGood) return resting.take(sending)
      resting.destroy()
    }
    this.#count += 1
    try {
      this.#open(sending)
    } catch (error) {
      this.#failed(sending, error as Error)
    }
  }

  #open(sending: Sending): void {
    let connection: KeptConnection | undefined
    const connect = this.#options.connector(bytes => connection?.received(bytes))
    connect(this.#address, (...[error, socket]) => {
      if (error !== null) return this.#failed(sending, error)
      connection = new KeptConnection(socket, this, this.#options)
      connection.begin(sending)
    })
  }

  #failed(sending: Sending, error: Error): void {
    this.#count -= 1
    this.checkEmpty()
    sending.lose(error)
  }

  rests(connection: KeptConnection): void {
    if (this.#onClosed !== undefined || this.#total > this.#options.connections) connection.destroy()
    else this.#resting.push(connection)
  }

  closed(connection: KeptConnection, unwritten: Sending | undefined): void {
    const at = this.#resting.indexOf(connection)
    if (at !== -1) this.#resting.splice(at, 1)
    this.#count -= 1
    if (unwritten === undefined) this.checkEmpty()
    else this.send(unwritten)
  }

  /** Without a connection it is not kept. */
  checkEmpty(): void {
    if (this.#count > 0) return
    this.#onEmpty()
    this.#onClosed?.()
  }

  close(): Promise<void> {
    return new Promise(resolve => {
      this.#onClosed = resolve
      if (this.#count === 0) resolve()
      for (const each of this.#resting.splice(0)) each.destroy()
    })
  }
}
