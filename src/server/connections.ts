import type { Server } from 'node:http'
import { Server as TlsServer } from 'node:https'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { type Backlog, Conversation, createUnsent, type Due, type Handle } from './conversation.ts'

/** Connections of one network, or of all proxies. */
type Its = Map<Socket, Conversation>

/** The connections of one process to all of its ports. */
export class Connections {
  readonly limits: ConnectionLimits
  readonly #options: ConnectionOptions
  readonly #networks = new Map<string, Its>()
  readonly #proxies: Its = new Map()
  /** Of every socket that a request may name. */
  readonly #conversations = new WeakMap<Socket, Conversation>()
  readonly #backlog: Backlog = { waiting: 0 }
  #open = 0
  #beginnings = 0
  #closing = false
  #servers = 0
  #sweeping: NodeJS.Timeout | undefined

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.limits = options.limits
  }

  /** How many there are. */
  get open(): number {
    return this.#open
  }

  /** From now on every answer asks its client to open another connection, which then leads elsewhere. */
  announceEnd(): void {
    this.#closing = true
  }

  /** The handler, called for one request of a connection after the other. */
  inTurn(handle: Handle): Handle {
    return (request, response) => {
      if (this.#closing) response.setHeader('Connection', 'close')
      const conversation = this.#conversations.get(request.socket)
      if (conversation === undefined) return handle(request, response)
      conversation.begun = ++this.#beginnings
      conversation.take(request, response, handle)
    }
  }

  /** Looks after a server's connections as long as it listens. */
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
      this.#conversations.set(socket, conversation)
    })
    this.#servers += 1
    this.#sweeping ??= setInterval(this.#sweep, Math.min(5000, this.#patienceMs / 4)).unref()
    server.on('close', () => {
      this.#servers -= 1
      if (this.#servers > 0) return
      clearInterval(this.#sweeping)
      this.#sweeping = undefined
    })
  }

  get #patienceMs(): number {
    return this.limits.progressSeconds * 1000
  }

  /** `undefined`: there is no room for it. */
  #admit(server: Server, socket: Socket): Conversation | undefined {
    const address = socket.remoteAddress
    if (address === undefined) return undefined // gone already
    const { networkOf, isProxy, limits } = this.#options
    const network = isProxy(address) ? proxies : networkOf(address)
    const its: Its = network === proxies ? this.#proxies : (this.#networks.get(network) ?? new Map())

    const isTooMany = network !== proxies && its.size >= limits.perAddress
    if (isTooMany && !this.#makeRoom(its, network, idle) && !this.#makeRoom(its, network, stalling))
      return this.#refuse(socket, 'too-many-from-address', network)
    if (this.#open >= limits.total && !this.#makeRoomAnywhere())
      return this.#refuse(socket, 'too-many', network)

    const conversation = new Conversation(server, socket, this.#backlog)
    conversation.begun = ++this.#beginnings
    this.#conversations.set(socket, conversation)
    if (network !== proxies) this.#networks.set(network, its)
    its.set(socket, conversation)
    this.#open += 1
    socket.once('close', () => this.#leave(socket, its, network))
    return conversation
  }

  #refuse(socket: Socket, why: Closed, network: string): undefined {
    this.#options.observer.closed(why, network)
    socket.destroy()
  }

  #leave(socket: Socket, its: Its, network: string): void {
    if (!its.delete(socket)) return
    this.#open -= 1
    // Another one may have come under that name since.
    if (its.size === 0 && this.#networks.get(network) === its) this.#networks.delete(network)
  }

  /** Closes the connection of these that has been so longest. */
  #makeRoom(its: Its, network: string, gives: (conversation: Conversation) => boolean): boolean {
    let oldest: readonly [Socket, Conversation] | undefined
    for (const each of its) {
      const [, conversation] = each
      if (conversation.begun < (oldest?.[1].begun ?? Infinity) && gives(conversation)) oldest = each
    }
    if (oldest === undefined) return false
    const [accepted, { socket }] = oldest
    this.#options.observer.closed('gave-way', network)
    socket.destroy()
    // 'close' comes later, and the place is given away now.
    this.#leave(accepted, its, network)
    return true
  }

  /** From those who have most of them: a flood from one address pushes out its own. Proxies come last. */
  #makeRoomAnywhere(): boolean {
    const bySize = [...this.#networks].sort(([, one], [, other]) => other.size - one.size)
    return (
      bySize.some(([network, its]) => this.#makeRoom(its, network, idle)) ||
      bySize.some(([network, its]) => this.#makeRoom(its, network, stalling)) ||
      this.#makeRoom(this.#proxies, proxies, idle)
    )
  }

  readonly #sweep = (): void => {
    const now = performance.now()
    const unsent = createUnsent()
    for (const [network, its] of [...this.#networks, [proxies, this.#proxies] as const])
      for (const conversation of its.values()) {
        const due = conversation.overdue(now, this.#patienceMs, unsent)
        if (due !== undefined) this.#end(conversation, due, network)
      }
  }

  #end({ server, socket }: Conversation, due: Due, network: string): void {
    this.#options.observer.closed(due === 'body' ? 'late-body' : 'late-reader', network)
    if (due === 'body' && socket.writable) server.emit('clientError', new LateBody(), socket)
    else socket.destroy()
  }
}

const idle = ({ isIdle }: Conversation): boolean => isIdle
const stalling = ({ stalls }: Conversation): boolean => stalls

/** What stands in the place of a network for those that are not counted by address. */
const proxies = 'proxies'

/** For Node's 'clientError' event: answered as all else that is no proper request. */
class LateBody extends Error {
  readonly code = 'ERR_BODY_STOOD_STILL'
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}

/** How many connections there may be, and how long they may stand still. */
interface ConnectionLimits {
  /** From one address, or one network of IPv6. */
  readonly perAddress: number
  /** From all addresses together. */
  readonly total: number
  /** How long a body, or the reading of an answer, may make no progress. */
  readonly progressSeconds: number
  /** How long the head of a request may take, and the handshake of TLS. */
  readonly headSeconds: number
  /** How long a connection may be idle. */
  readonly idleSeconds: number
}

export interface ConnectionOptions {
  readonly limits: ConnectionLimits
  /** Whose connections are counted together. */
  readonly networkOf: (address: string) => string
  /** Proxies: their connections are many people's, so they count in all, but not by address. */
  readonly isProxy: (address: string) => boolean
  readonly observer: ConnectionObserver
}

/** Why the gateway closed a connection: it gave way to a new one, it was one too many, or it stood still. */
export type Closed = 'gave-way' | 'too-many' | 'too-many-from-address' | 'late-body' | 'late-reader'

/** Must not throw. */
interface ConnectionObserver {
  closed(why: Closed, network: string): void
}

/** For a server that is alone in its process and not on a port that others reach. */
export const unbounded: ConnectionOptions = {
  limits: { perAddress: Infinity, total: Infinity, progressSeconds: 60, headSeconds: 60, idleSeconds: 72 },
  networkOf: address => address,
  isProxy: () => false,
  observer: { closed() {} },
}
