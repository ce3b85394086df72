import { randomUUID } from 'node:crypto'
import { Redis, type RedisOptions } from 'ioredis'
import handling from 'ioredis/built/DataHandler.js'
import { Outage } from '../gateway/outage.ts'
import type { Secret } from '../gateway/secret.ts'
import { connectorTo, type Find, type Tls } from './addresses.ts'

containReplies()

/** Who connects, and how. */
export interface Access {
  /** What it says of user, password and database counts; where to connect is found anew each time. */
  readonly url?: Secret | undefined
  readonly user?: string | undefined
  readonly password?: Secret | undefined
  readonly tls: Tls | undefined
  /** A Sentinel is no primary, and any node of a Cluster may be asked where keys are. */
  readonly primaryOnly: boolean
  /** Told of every error that a server answers with. */
  readonly noticed?: ((error: Error) => void) | undefined
}

/**
 * The words with which a server says that it is the wrong one, or not one yet: a primary that has become a replica, one
 * that still reads its data, a node of a Cluster that no longer has a slot.
 */
export type Misled = 'READONLY' | 'LOADING' | 'MASTERDOWN' | 'MOVED' | 'CLUSTERDOWN'

export interface KeptOptions {
  readonly access: Access
  readonly find: Find
  readonly name: string
  /** Milliseconds that a command may take. */
  readonly patience: number
  /** Words after which it connects anew, wherever the server is then. */
  readonly drops: readonly Misled[]
}

export interface VisitOptions {
  readonly access: Access
  readonly find: Find
  /** Milliseconds that anything may take. */
  readonly patience: number
}

type Options = Omit<RedisOptions, 'replyMapping'>

/** Measured with Redis stopped and killed: nobody waits longer than about two command timeouts. */
const impatient = {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  // Whoever subscribes does so again himself: he must know from when on he hears everything.
  autoResubscribe: false,
  maxLoadingRetryTime: 250,
} satisfies RedisOptions

/** A connection that is kept, and made again when it breaks. */
export function keepConnection({ access, find, name, patience, drops }: KeptOptions): Redis {
  const redis = connect(access, find, {
    connectionName: `altgate-${name}`,
    enableAutoPipelining: true,
    commandTimeout: patience,
    connectTimeout: 250,
    // A timed-out command stays in the client's queue: only dropping the dead socket empties it.
    socketTimeout: Math.max(250, patience),
    // The random part keeps a hundred processes from coming back in one moment.
    retryStrategy: times => Math.min(500, 50 * 2 ** Math.min(times, 5)) + Math.random() * 50,
    reconnectOnError(error) {
      access.noticed?.(error)
      const word = misledBy(error)
      return word !== undefined && drops.includes(word)
    },
  })
  endsWhileItWaits(redis)
  keepInStep(redis)
  return redis
}

/** A client that is closed between two tries to connect says nothing of its end, and what waits for it would go on. */
function endsWhileItWaits(redis: Redis): void {
  const disconnect = redis.disconnect.bind(redis)
  redis.disconnect = (reconnect = false) => {
    const waits = redis.status === 'reconnecting' && !reconnect
    disconnect(reconnect)
    if (waits) redis.emit('end')
  }
}

/** A connection for one task. Throws `Outage`. */
export async function visitOnce<T>(
  { access, find, patience }: VisitOptions,
  task: (redis: Redis) => Promise<T>,
): Promise<T> {
  const redis = connect(access, find, {
    connectionName: 'altgate-visit',
    lazyConnect: true,
    commandTimeout: patience,
    connectTimeout: patience,
    socketTimeout: patience,
    retryStrategy: () => null,
    reconnectOnError(error) {
      access.noticed?.(error)
      return false
    },
  })
  let reason: unknown // `connect` itself only says that the connection is closed
  redis.on('error', error => (reason = error))
  try {
    await redis.connect()
    return await Promise.race([task(redis), endOf(redis)])
  } catch (error) {
    throw redisOutage(reason ?? error)
  } finally {
    redis.disconnect()
  }
}

function connect(access: Access, find: Find, options: Options): Redis {
  const { url, user, password, tls, primaryOnly } = access
  const given: Options = {
    ...impatient,
    ...(user !== undefined && { username: user }),
    ...(password !== undefined && { password: password.reveal() }),
    ...(tls !== undefined && { tls: {} }), // it waits for the handshake then; the rest is the connector's
    enableReadyCheck: primaryOnly,
    Connector: connectorTo(find, tls),
    ...options,
  }
  return url === undefined ? new Redis(given) : new Redis(url.reveal(), given)
}

/** Before Redis 7 what a script meets comes wrapped. */
function misledBy({ message }: Error): Misled | undefined {
  const word = /^(?:ERR .*?-)?(READONLY|LOADING|MASTERDOWN|MOVED|CLUSTERDOWN)\b/s.exec(message)?.[1]
  return word as Misled | undefined // these are all there are
}

/** Milliseconds between two looks whether replies still belong to commands. */
const stepPause = 1000

/**
 * A surplus reply that comes while commands wait for theirs is taken for the first one's, and from then on every reply
 * for one that was meant for the command before. An echo tells: such a connection is dropped. It also finds out that
 * Redis hangs before a request has to.
 */
function keepInStep(redis: Redis): void {
  const timer = setInterval(() => {
    if (redis.status !== 'ready') return
    const word = randomUUID()
    redis.ping(word).then(
      reply => {
        // On a subscription of the older protocol the reply is a list.
        if (![reply].flat().includes(word)) redis.disconnect(true)
      },
      () => {}, // whoever uses the connection is told
    )
  }, stepPause).unref()
  redis.once('end', () => clearInterval(timer))
}

/** Never resolves: a task does not outlive its connection, whatever it waits for. */
function endOf(redis: Redis): Promise<never> {
  return new Promise((_, reject) => redis.once('end', () => reject(new Error('the connection is lost'))))
}

/**
 * The outage that an error of the client is. The error itself must not travel into a log: it carries the command
 * with its arguments, of `HELLO` and `AUTH` the password, and an old Redis repeats them in its message.
 */
export function redisOutage(cause: unknown): Outage {
  if (cause instanceof Outage) return cause
  const message = cause instanceof Error ? cause.message : 'unknown trouble'
  const code = cause instanceof Error && message === '' && 'code' in cause ? String(cause.code) : ''
  return new Outage('redis', new Error((message || code).replace(/, with args.*$/s, '')))
}

/** What of ioredis's reader of replies is changed here; its own types keep these private. */
interface Reader {
  readonly redis: {
    readonly stream: { destroy(): void }
    readonly commandQueue: { readonly length: number }
  }
  dispatch: (this: Reader, hand: () => void) => void
  shiftCommand: (this: Reader, reply: unknown) => unknown
  returnFatalError: (this: Reader, error: Error) => void
}

/**
 * What Redis sends must not end a process. ioredis throws past everybody what a reply makes it throw, for instance a
 * null that no command has asked for, and goes on with replies and commands that no longer belong together. Here such a
 * connection is dropped, its commands fail, and it is made anew.
 */
function containReplies(): void {
  const reader = handling.default.prototype as unknown as Reader
  const { shiftCommand } = reader

  reader.dispatch = function dispatch(hand) {
    try {
      hand()
    } catch (error) {
      this.returnFatalError(error instanceof Error ? error : new Error(String(error)))
      this.redis.stream.destroy()
    }
  }
  reader.shiftCommand = function shift(reply) {
    if (this.redis.commandQueue.length === 0) throw new Error('Redis sent a reply that nobody asked for')
    return shiftCommand.call(this, reply)
  }
}
