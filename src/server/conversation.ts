import { readFileSync } from 'node:fs'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { restLeft } from '../requests/bodies.ts'
import { isReserved } from '../requests/request.ts'

/** Whatever answers a request. */
export type Handle = (request: IncomingMessage, response: ServerResponse) => void

/** What the gateway waits for, if it is the client that is due: more of a body, or that it reads its answer. */
export type Due = 'body' | 'answer'

/** Requests that wait in all conversations of a process together. */
export interface Backlog {
  waiting: number
}

/** Requests of one connection that may wait before no more are read from it. */
const depth = 16

/** Requests that may wait in one process: about 3 KB each. */
const most = 10_000

/** Requests whose callers have shown a right password. */
const letIn = new WeakSet<IncomingMessage>()

/** The caller of this request has shown a right password. */
export function markLetIn(request: IncomingMessage): void {
  letIn.add(request)
}

/**
 * What goes over one connection. Requests that come before the answer to an earlier one (RFC 9112, 9.3.2) wait for
 * it, and each is begun in a turn of the event loop of its own: Node parses all that one read brings and would begin
 * thousands of them at once, while every other connection waits.
 */
export class Conversation {
  /** What requests are read from: under TLS another socket than the one that was accepted. */
  socket: Socket
  readonly server: Server
  /** As it stands in the order of all beginnings: which connection has been idle longest? */
  begun = 0
  #request: IncomingMessage | undefined
  #response: ServerResponse | undefined
  readonly #waiting: (readonly [IncomingMessage, ServerResponse, Handle])[] = []
  readonly #backlog: Backlog
  #held = false
  #awaited: Due | undefined
  #awaitedOf: IncomingMessage | undefined
  #mark = 0
  #since = 0

  constructor(server: Server, socket: Socket, backlog: Backlog) {
    this.server = server
    this.socket = socket
    this.#backlog = backlog
  }

  /** No request is under way. */
  get isIdle(): boolean {
    return this.#waiting.length === 0 && (this.#response === undefined || this.#response.closed)
  }

  /** What is under way waits for a client that has shown no right password: nobody else should have to. */
  get stalls(): boolean {
    return this.#request !== undefined && !letIn.has(this.#request) && this.#due() !== undefined
  }

  /** Begins the request at once, or when its turn has come. */
  take(request: IncomingMessage, response: ServerResponse, handle: Handle): void {
    if (this.isIdle) return this.#begin(request, response, handle)
    this.#waiting.push([request, response, handle])
    this.#backlog.waiting += 1
    if (this.#waiting.length === 1) this.#response?.once('close', this.#onClose)
    if (this.#waiting.length === depth) this.#hold()
    // One read brings thousands of the shortest requests; that many from each of many connections fill the memory.
    if (this.#backlog.waiting > most) this.socket.destroy()
  }

  /** What is due from the client, and has made no progress for so many milliseconds. */
  overdue(now: number, patienceMs: number, unsent: (socket: Socket) => number): Due | undefined {
    const due = this.#due()
    const mark = this.#progress(due, unsent)
    if (due !== this.#awaited || mark !== this.#mark || this.#request !== this.#awaitedOf) {
      this.#awaited = due
      this.#awaitedOf = this.#request
      this.#mark = mark
      this.#since = now
    }
    return now - this.#since >= patienceMs ? due : undefined
  }

  #begin(request: IncomingMessage, response: ServerResponse, handle: Handle): void {
    this.#request = request
    this.#response = response
    handle(request, response)
  }

  readonly #onClose = (): void => {
    const rest = restLeft(this.socket)
    if (rest > 0) setTimeout(this.#next, rest)
    else setImmediate(this.#next)
  }

  readonly #next = (): void => {
    const next = this.#waiting.shift()
    if (next === undefined) return
    const [request, response, handle] = next
    this.#backlog.waiting -= 1
    if (this.socket.destroyed) return this.#forget()
    if (this.#held && this.#waiting.length < depth / 2) this.#release()
    if (this.#waiting.length > 0) response.once('close', this.#onClose)
    this.#begin(request, response, handle)
  }

  #forget(): void {
    this.#backlog.waiting -= this.#waiting.length
    this.#waiting.length = 0
  }

  #hold(): void {
    const { socket } = this
    this.#held = true
    socket.on('resume', pause)
    socket.pause()
  }

  #release(): void {
    const { socket } = this
    this.#held = false
    socket.off('resume', pause)
    if (restLeft(socket) === 0) socket.resume()
  }

  /** A number that stays the same while the client makes no progress. */
  #progress(due: Due | undefined, unsent: (socket: Socket) => number): number {
    const { socket } = this
    // The kernel takes more only when a good part of its buffer, megabytes, is free: see what the peer has confirmed.
    if (due === 'answer') return written(socket) - unsent(socket)
    // A form is small and anyone may send one: it has to come whole, or a byte a minute would keep it open for days.
    const isForm = isReserved(this.#request?.url ?? '')
    return due === 'body' && !isForm ? socket.bytesRead : 0
  }

  #due(): Due | undefined {
    const { socket } = this
    if (socket.writableLength > 0) return 'answer'
    const request = this.#request
    // Nothing is due while nobody reads: the upstream is slow, or the gate has yet to open.
    const isRead = request !== undefined && !request.complete && request.readableFlowing === true
    return isRead && !socket.isPaused() ? 'body' : undefined
  }
}

/** Node resumes a socket at the end of each request. */
function pause(this: Socket): void {
  this.pause()
}

/** How much has been taken off our hands. Of one long write only Node's handle knows how far it has come. */
function written(socket: Socket): number {
  const { _handle: handle } = socket as { _handle?: { writeQueueSize?: number } | null }
  return socket.bytesWritten - (handle?.writeQueueSize ?? socket.writableLength)
}

/**
 * Asks how many bytes of a connection the peer has yet to confirm, from the kernel's table, which is read once, when it
 * is first asked. 0 where there is no such table.
 */
export function createUnsent(): (socket: Socket) => number {
  let table: ReadonlyMap<string, number> | undefined
  return ({ localPort, remotePort }) => {
    table ??= readTable()
    return table.get(`${localPort} ${remotePort}`) ?? 0
  }
}

function readTable(): ReadonlyMap<string, number> {
  return new Map(['/proc/net/tcp', '/proc/net/tcp6'].flatMap(rowsOf))
}

/** proc_pid_net(5): addresses with their ports in hexadecimal, then the state, then what is queued to be sent. */
function rowsOf(file: string): (readonly [string, number])[] {
  try {
    return readFileSync(file, 'latin1')
      .split('\n')
      .slice(1, -1)
      .map(line => line.trim().split(/\s+/))
      .map(([, local = '', remote = '', , queues = '']) => [
        `${portIn(local)} ${portIn(remote)}`,
        Number.parseInt(queues, 16),
      ])
  } catch {
    return []
  }
}

function portIn(address: string): number {
  return Number.parseInt(address.slice(address.indexOf(':') + 1), 16)
}
