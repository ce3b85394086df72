import { readFileSync } from 'node:fs'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { endianness } from 'node:os'
import { attached } from '../gateway/attached.ts'
import { bytesOf } from '../common/addresses.ts'
import { readOn, stopReading } from '../requests/bodies.ts'
import { isReserved } from '../requests/request.ts'

/** Handles a request. */
export type Handle = (request: IncomingMessage, response: ServerResponse) => void

/** What the client has to do next: send more of a body, read its answer, begin a request, or send the rest of a head. */
export type Due = 'body' | 'answer' | 'request' | 'head'

/** Requests waiting on all connections of a process. */
export interface Backlog {
  waiting: number
}

/** Requests of one connection that may wait before the connection is no longer read. */
const depth = 16

/** Requests that may wait in one process: about 3 KB each. */
const most = 10_000

/** By each socket that a request may have. */
export const conversations = attached<Socket, Conversation>()

/** Marks a request as one with a right password. */
export function markAllowed(request: IncomingMessage): void {
  conversations.get(request.socket)?.markAllowed(request)
}

/**
 * The requests of one connection. Pipelined requests (RFC 9112, 9.3.2) wait for the answer to the earlier one, and each
 * begins in its own turn of the event loop: Node parses everything that one read brings, and would begin thousands of
 * them at once while all other connections wait.
 */
export class Conversation {
  /** The socket that requests are read from; with TLS it is not the accepted one. */
  socket: Socket
  readonly server: Server
  /** Sequence number of the last request or connect, to find the connection that is idle longest. */
  begun = 0
  #request: IncomingMessage | undefined
  #response: ServerResponse | undefined
  /** Whether the request under way has a right password. A flag costs a request less than a set of such requests. */
  #isAllowed = false
  readonly #waiting: (readonly [IncomingMessage, ServerResponse, Handle])[] = []
  readonly #backlog: Backlog
  #held = false
  // What was due at the last sweep, of which request, how far it had come, and since when.
  #awaited: Due | undefined
  #awaitedOf: IncomingMessage | undefined
  #mark = 0
  #since = 0

  constructor(server: Server, socket: Socket, backlog: Backlog) {
    this.server = server
    this.socket = socket
    this.#backlog = backlog
  }

  /** Every request is answered. The rest of a refused body may still be coming. */
  get isIdle(): boolean {
    return this.#waiting.length === 0 && (this.#response === undefined || this.#response.closed)
  }

  /** Waits for a client that has not shown a right password, so it may give way to other connections. */
  get stalls(): boolean {
    return this.#request !== undefined && !this.#isAllowed && this.#due() !== undefined
  }

  /** The request has a right password. */
  markAllowed(request: IncomingMessage): void {
    this.#isAllowed ||= request === this.#request
  }

  /** Begins the request at once, or when the earlier ones are answered. */
  take(request: IncomingMessage, response: ServerResponse, handle: Handle): void {
    if (this.isIdle) return this.#begin(request, response, handle)
    this.#waiting.push([request, response, handle])
    this.#backlog.waiting += 1
    if (this.#waiting.length === depth) this.#hold()
    // One read can bring thousands of short requests; from many connections together they would fill the memory.
    if (this.#backlog.waiting > most) this.socket.destroy()
  }

  /**
   * What the client has to do, if it has made no progress for as long as `patienceMs` allows. `isBetween`: no part of a
   * request has been read since the last one.
   */
  overdue(
    now: number,
    patienceMs: Readonly<Record<Due, number>>,
    isBetween: boolean,
    unsent: (socket: Socket) => number,
  ): Due | undefined {
    // The rest of a body has come since the answer.
    if (this.isIdle) this.#letGo()
    const due = this.#due() ?? this.#dueWhenIdle(isBetween)
    const mark = this.#progress(due, unsent)
    if (due !== this.#awaited || mark !== this.#mark || this.#request !== this.#awaitedOf) {
      this.#awaited = due
      this.#awaitedOf = this.#request
      this.#mark = mark
      this.#since = now
    }
    return due !== undefined && now - this.#since >= patienceMs[due] ? due : undefined
  }

  #begin(request: IncomingMessage, response: ServerResponse, handle: Handle): void {
    this.#request = request
    this.#response = response
    this.#isAllowed = false
    response.on('close', this.#onClose)
    handle(request, response)
  }

  readonly #onClose = (): void => {
    if (this.#waiting.length > 0) return void setImmediate(this.#next)
    this.#letGo()
  }

  /** Drops the last request, 6 KB that an idle connection would keep. */
  #letGo(): void {
    // Until all of its body has come it is kept, so that the sweep watches it.
    if (this.#request?.complete !== true) return
    this.#request = undefined
    this.#response = undefined
  }

  readonly #next = (): void => {
    const next = this.#waiting.shift()
    if (next === undefined) return
    const [request, response, handle] = next
    this.#backlog.waiting -= 1
    if (this.socket.destroyed) return this.#forget()
    if (this.#held && this.#waiting.length < depth / 2) this.#release()
    this.#begin(request, response, handle)
  }

  #forget(): void {
    this.#backlog.waiting -= this.#waiting.length
    this.#waiting.length = 0
  }

  #hold(): void {
    const { socket } = this
    this.#held = true
    stopReading(socket)
  }

  #release(): void {
    const { socket } = this
    this.#held = false
    readOn(socket)
  }

  /** A number that stays the same while the client makes no progress. */
  #progress(due: Due | undefined, unsent: (socket: Socket) => number): number {
    const { socket } = this
    // The kernel accepts more only when megabytes of its buffer are free, so count what the peer has acknowledged.
    if (due === 'answer') return written(socket) - unsent(socket)
    // A form is small and needs no password. It must arrive whole, or a byte a minute would keep it open for days.
    const isForm = due === 'body' && isReserved(this.#request?.url ?? '')
    return due === 'request' || (due === 'body' && !isForm) ? socket.bytesRead : 0
  }

  #dueWhenIdle(isBetween: boolean): Due | undefined {
    if (!this.isIdle || this.#request !== undefined) return undefined
    return isBetween ? 'request' : 'head'
  }

  #due(): 'body' | 'answer' | undefined {
    const { socket } = this
    if (socket.writableLength > 0) return 'answer'
    const request = this.#request
    // Nothing is due while the body is not read: the upstream is slow, or the decision is not made yet.
    const isRead = request !== undefined && !request.complete && request.readableFlowing === true
    return isRead && !socket.isPaused() ? 'body' : undefined
  }
}

/** Bytes that the kernel has taken. Only Node's handle knows the progress of one long write. */
function written(socket: Socket): number {
  const { _handle: handle } = socket as { _handle?: { writeQueueSize?: number } | null }
  return socket.bytesWritten - (handle?.writeQueueSize ?? socket.writableLength)
}

/**
 * Returns a function that gives the bytes that the peer has not acknowledged yet, from the kernel's tables. Each is read once, when
 * a connection of its family is asked for: that takes 3 ms, and 10 on a machine with ten thousand connections. 0 where there is no
 * such table.
 */
export function createUnsent(): (socket: Socket) => number {
  const tables = new Map<string, ReadonlyMap<string, number>>()
  return ({ localPort, remoteAddress, remotePort, remoteFamily }) => {
    if (localPort === undefined || remoteAddress === undefined || remotePort === undefined) return 0 // closed
    const file = remoteFamily === 'IPv6' ? '/proc/net/tcp6' : '/proc/net/tcp'
    let table = tables.get(file)
    if (table === undefined) tables.set(file, (table = new Map(rowsOf(file))))
    return table.get(`${portAsHex(localPort)} ${addressAsHex(remoteAddress)}:${portAsHex(remotePort)}`) ?? 0
  }
}

/** proc_pid_net(5): addresses and ports in hexadecimal, then the state, then the send queue. */
function rowsOf(file: string): (readonly [string, number])[] {
  try {
    return readFileSync(file, 'latin1')
      .split('\n')
      .slice(1, -1)
      .map(line => line.trim().split(/\s+/))
      .map(([, local = '', remote = '', , queues = '']) => [
        `${local.slice(local.indexOf(':') + 1)} ${remote}`,
        Number.parseInt(queues, 16),
      ])
  } catch {
    return []
  }
}

function portAsHex(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, '0')
}

/** As the kernel prints it: each four bytes are a number in the byte order of this machine. */
function addressAsHex(address: string): string {
  const bytes = bytesOf(address)
  return (endianness() === 'LE' ? bytes.swap32() : bytes).toString('hex').toUpperCase()
}
