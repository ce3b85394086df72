import { once } from 'node:events'
import type { Server, ServerResponse } from 'node:http'
import { Server as TlsServer } from 'node:https'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { betweenRequests } from '../engine/http.ts'
import {
  type Backlog,
  Conversation,
  conversations,
  createUnsent,
  type Due,
  type Handle,
} from './conversation.ts'

/** The connections of one network, or of all proxies. */
type Group = Map<Socket, Conversation>

/** All client connections of one process, on all its ports. */
export class Connections {
  readonly limits: ConnectionLimits
  readonly #options: ConnectionOptions
  readonly #patienceMs: Readonly<Record<Due, number>>
  /** Of a port that has closed. */
  readonly #lastPatienceMs: Readonly<Record<Due, number>>
  readonly #networks = new Map<string, Group>()
  readonly #proxies: Group = new Map()
  readonly #backlog: Backlog = { waiting: 0 }
  #open = 0
  #beginnings = 0
  #closing = false
  readonly #servers = new Set<Server>()
  #sweeping: NodeJS.Timeout | undefined

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.limits = options.limits
    const { headSeconds, progressSeconds, idleSeconds } = options.limits
    this.#patienceMs = {
      body: progressSeconds * 1000,
      answer: progressSeconds * 1000,
      // A second more than clients are told: the request of one that believes it may be on its way.
      request: (idleSeconds + 1) * 1000,
      // While the port is open, Node answers late heads with 408 before this.
      head: headSeconds * 2000,
    }
    this.#lastPatienceMs = { ...this.#patienceMs, head: Math.min(this.#patienceMs.head, closingHeadMs) }
  }

  /** Number of open connections. */
  get open(): number {
    return this.#open
  }

  /** From now on every answer closes its connection, so that clients reconnect to another worker. */
  announceEnd(): void {
    this.#closing = true
  }

  /** Wraps a handler, so that the requests of a connection are handled one after the other. */
  inTurn(handle: Handle): Handle {
    return (request, response) => {
      if (this.#closing) response.setHeader('Connection', 'close')
      const conversation = conversations.get(request.socket)
      if (conversation === undefined) return handle(request, response)
      announceIdleTime(response, this.limits.idleSeconds)
      conversation.begun = ++this.#beginnings
      conversation.take(request, response, handle)
    }
  }

  /** Applies the limits to a server's connections while it listens. */
  watch(server: Server): void {
    const handshaking = new Map<string, Conversation>()
    server.on('connection', (socket: Socket) => {
      const conversation = this.#admit(server, socket)
      if (conversation === undefined || !(server instanceof TlsServer)) return
      const peer = peerOf(socket)
      handshaking.set(peer, conversation)
      socket.once('close', () => handshaking.delete(peer))
    })
    server.on('secureConnection', (socket: TLSSocket) => {
      const peer = peerOf(socket)
      const conversation = handshaking.get(peer)
      handshaking.delete(peer)
      if (conversation === undefined) return
      conversation.socket = socket
      conversations.set(socket, conversation)
    })
    // Expectations are ignored: Node's 417 would fail a git command.
    server.on('checkExpectation', (request, response) => server.emit('request', request, response))
    // The sweep closes idle connections. Node would set a timer twice for each request.
    server.keepAliveTimeout = 0
    // Node's own treats an answer as sent once it is handed over: slow clients would lose the end of a download.
    server.closeIdleConnections = () => this.#closeIdle(server)
    this.#servers.add(server)
    const { answer, request } = this.#patienceMs
    this.#sweeping ??= setInterval(this.#sweep, Math.min(5000, answer / 4, request / 4)).unref()
    server.on('close', () => {
      this.#servers.delete(server)
      if (this.#servers.size > 0) return
      clearInterval(this.#sweeping)
      this.#sweeping = undefined
    })
  }

  /** `undefined`: the limits are reached, or it is closed already. */
  #admit(server: Server, socket: Socket): Conversation | undefined {
    const address = socket.remoteAddress
    if (address === undefined) return undefined // closed already
    const { networkOf, isProxy, limits } = this.#options
    const network = isProxy(address) ? proxies : networkOf(address)
    const group: Group = network === proxies ? this.#proxies : (this.#networks.get(network) ?? new Map())

    const isTooMany = network !== proxies && group.size >= limits.perAddress
    if (isTooMany && !this.#makeRoom(group, network, idle) && !this.#makeRoom(group, network, stalling))
      return this.#refuse(socket, 'too-many-from-address', network)
    if (this.#open >= limits.total && !this.#makeRoomAnywhere())
      return this.#refuse(socket, 'too-many', network)

    const conversation = new Conversation(server, socket, this.#backlog)
    conversation.begun = ++this.#beginnings
    conversations.set(socket, conversation)
    if (network !== proxies) this.#networks.set(network, group)
    group.set(socket, conversation)
    this.#open += 1
    socket.once('close', () => this.#leave(socket, group, network))
    return conversation
  }

  /** The kernel must have delivered the answers, too: a container that ends takes its network with it. */
  #closeIdle(server: Server): void {
    const unsent = createUnsent()
    for (const socket of betweenRequests(server)) {
      if (socket.destroyed) continue // fastify asks, and then Node again
      if (conversations.get(socket)?.isIdle !== false && unsent(socket) === 0) socket.destroy()
    }
  }

  #refuse(socket: Socket, why: Closed, network: string): undefined {
    this.#options.observer.closed(why, network)
    socket.destroy()
  }

  #leave(socket: Socket, group: Group, network: string): void {
    if (!group.delete(socket)) return
    this.#open -= 1
    // The name may belong to a newer group by now.
    if (group.size === 0 && this.#networks.get(network) === group) this.#networks.delete(network)
  }

  /** Closes the oldest of the connections in this group that give way. */
  #makeRoom(group: Group, network: string, gives: (conversation: Conversation) => boolean): boolean {
    let oldest: readonly [Socket, Conversation] | undefined
    for (const each of group) {
      const [, conversation] = each
      if (conversation.begun < (oldest?.[1].begun ?? Infinity) && gives(conversation)) oldest = each
    }
    if (oldest === undefined) return false
    const [accepted, { socket }] = oldest
    this.#options.observer.closed('gave-way', network)
    socket.destroy()
    // 'close' comes later, but the place is needed now.
    this.#leave(accepted, group, network)
    return true
  }

  /** Takes the place from the largest group, so that a flood from one address evicts itself. Proxies come last. */
  #makeRoomAnywhere(): boolean {
    const bySize = [...this.#networks].sort(([, one], [, other]) => other.size - one.size)
    return (
      bySize.some(([network, group]) => this.#makeRoom(group, network, idle)) ||
      bySize.some(([network, group]) => this.#makeRoom(group, network, stalling)) ||
      this.#makeRoom(this.#proxies, proxies, idle)
    )
  }

  readonly #sweep = (): void => {
    const now = performance.now()
    const unsent = createUnsent()
    const between = new Set([...this.#servers].flatMap(betweenRequests))
    for (const [network, group] of [...this.#networks, [proxies, this.#proxies] as const])
      for (const conversation of group.values()) {
        const { server, socket } = conversation
        const patience = server.listening ? this.#patienceMs : this.#lastPatienceMs
        const due = conversation.overdue(now, patience, between.has(socket), unsent)
        if (due !== undefined) this.#end(conversation, due, network)
      }
  }

  #end({ server, socket }: Conversation, due: Due, network: string): void {
    if (due === 'body' || due === 'answer')
      this.#options.observer.closed(due === 'body' ? 'late-body' : 'late-reader', network)
    const isAnswered = due === 'body' && socket.writable && server.emit('clientError', new LateBody(), socket)
    if (!isAnswered) socket.destroy()
  }
}

/** Milliseconds for the rest of a head when its port has closed. */
const closingHeadMs = 5000

/**
 * `Keep-Alive: timeout`, as Node sends it if it closes idle connections itself. Without it, Java's clients use a connection
 * again for 5 seconds only.
 */
function announceIdleTime(response: ServerResponse, seconds: number): void {
  const ours = response as ServerResponse & { _keepAliveTimeout: number }
  ours._keepAliveTimeout = seconds * 1000
}

const idle = ({ isIdle }: Conversation): boolean => isIdle
const stalling = ({ stalls }: Conversation): boolean => stalls

/** Replaces the network name for connections that are not counted by address. */
const proxies = 'proxies'

/** For Node's 'clientError' event: answered like any other invalid request. */
class LateBody extends Error {
  readonly code = 'ERR_BODY_STOOD_STILL'
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}

/** How many connections are allowed, and how long they may make no progress. */
interface ConnectionLimits {
  /** From one address, or one IPv6 network. */
  readonly perAddress: number
  /** From all addresses together. */
  readonly total: number
  /** How long the upload of a body, or the download of an answer, may make no progress. */
  readonly progressSeconds: number
  /** How long the head of a request, and the TLS handshake, may take. */
  readonly headSeconds: number
  /** How long a connection may wait for its next request, as clients are told. */
  readonly idleSeconds: number
}

export interface ConnectionOptions {
  readonly limits: ConnectionLimits
  /** The network that an address is counted under. */
  readonly networkOf: (address: string) => string
  /** Proxies carry requests of many users, so their connections count in total, but not by address. */
  readonly isProxy: (address: string) => boolean
  readonly observer: ConnectionObserver
}

/** Why the gateway closed a connection, as far as it is reported: idle connections and stops are not. */
export type Closed = 'gave-way' | 'too-many' | 'too-many-from-address' | 'late-body' | 'late-reader'

/** Must not throw. */
interface ConnectionObserver {
  closed(why: Closed, network: string): void
}

/** For a server that does not share its process and is not reachable from outside. */
export const unbounded: ConnectionOptions = {
  limits: { perAddress: Infinity, total: Infinity, progressSeconds: 60, headSeconds: 60, idleSeconds: 72 },
  networkOf: address => address,
  isProxy: () => false,
  observer: { closed() {} },
}

/** Closes a port: no new connections, and it waits for requests under way. */
export async function closeGently(server: Server): Promise<void> {
  if (!server.listening) return
  const closed = once(server, 'close')
  server.close()
  // `close` looks for idle connections once; those that become idle later are closed here.
  const sweep = setInterval(() => server.closeIdleConnections(), 50)
  await closed
  clearInterval(sweep)
}
