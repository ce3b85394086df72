import { randomUUID } from 'node:crypto'
import { Redis, type RedisOptions } from 'ioredis'
import handling from 'ioredis/built/DataHandler.js'
import { afterReading } from '../common/calls.ts'
import { Outage } from '../gateway/outage.ts'
import type { Secret } from '../gateway/secret.ts'
import { connectorTo, type Find, type Tls } from './addresses.ts'

containReplies()

/** How to connect and sign in. */
export interface Access {
  /** Only its user, password and database are used; the address is looked up for each connection. */
  readonly url?: Secret | undefined
  readonly user?: string | undefined
  readonly password?: Secret | undefined
  readonly tls: Tls | undefined
  /** False for Sentinels, and for nodes of a Cluster that are only asked where keys are. */
  readonly primaryOnly: boolean
  /** Called with every error reply of a server. */
  readonly noticed?: ((error: Error) => void) | undefined
}

/**
 * Error codes of a server that cannot serve the command: a primary that has become a replica, one that is still loading
 * its data, a node of a Cluster that no longer has the slot.
 */
export type Redirection = 'READONLY' | 'LOADING' | 'MASTERDOWN' | 'MOVED' | 'CLUSTERDOWN'

export interface KeptOptions {
  readonly access: Access
  readonly find: Find
  readonly name: string
  /** Milliseconds that a command may take. */
  readonly patience: number
  /** Error codes after which the server is looked up and connected again. */
  readonly drops: readonly Redirection[]
}

export interface VisitOptions {
  readonly access: Access
  readonly find: Find
  /** Milliseconds for each step. */
  readonly patience: number
}

type Options = Omit<RedisOptions, 'replyMapping'>

/** Measured with Redis stopped and killed: no request waits longer than about two command timeouts. */
const impatient = {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  // Subscribers subscribe again themselves, because they must know from when on they receive everything.
  autoResubscribe: false,
  maxLoadingRetryTime: 250,
} satisfies RedisOptions

/** A persistent connection, made again when it breaks. */
export function keepConnection({ access, find, name, patience, drops }: KeptOptions): Redis {
  const redis = connect(access, find, {
    connectionName: `altgate-${name}`,
    connectTimeout: 250,
    // The random part keeps a hundred processes from reconnecting at the same moment.
    retryStrategy: times => Math.min(500, 50 * 2 ** Math.min(times, 5)) + Math.random() * 50,
    reconnectOnError(error) {
      access.noticed?.(error)
      const word = redirectionIn(error)
      return word !== undefined && drops.includes(word)
    },
  })
  emitEndWhileReconnecting(redis)
  writeOncePerTurn(redis, patience)
  checkReplies(redis)
  return redis
}

/** ioredis emits no `end` when it is closed between two attempts to connect, and listeners would wait forever. */
function emitEndWhileReconnecting(redis: Redis): void {
  const disconnect = redis.disconnect.bind(redis)
  redis.disconnect = (reconnect = false) => {
    const waits = redis.status === 'reconnecting' && !reconnect
    disconnect(reconnect)
    if (waits) redis.emit('end')
  }
}

/**
 * The commands of one turn of the event loop leave in one write. ioredis can do that too (`enableAutoPipelining`), but its pipelines
 * survive until V8 collects the whole heap, with their commands, callers and requests: each defines a getter of its own, V8 makes a
 * hidden class of that, and hidden classes are born old. With them, 13 % of what a
 * request made grew old while a worker met its users, and 2 % without.
 *
 * Commands have their time from the write on, measured by the event loop: a reply that came while this process was busy is read before
 * they fail. With ioredis's own timers (`commandTimeout`, `socketTimeout`), many callers at once look like a Redis that hangs.
 */
function writeOncePerTurn(redis: Redis, patience: number): void {
  const sendCommand = redis.sendCommand.bind(redis)
  let waiting: Sent[] = []

  function flush(): void {
    const commands = waiting
    waiting = []
    limit(commands)
    const { stream } = redis
    stream.cork()
    try {
      for (const command of commands) sendCommand(...command)
    } finally {
      stream.uncork()
    }
  }

  /** Commands that are not answered in time fail, and a connection on which nothing comes is made anew. */
  function limit(commands: readonly Sent[]): void {
    const { stream } = redis
    const read = stream.bytesRead
    const drop = () => {
      if (stream.bytesRead === read) stream.destroy(new Error('Redis does not answer'))
    }
    const timer = afterReading(patience, () => {
      for (const [command] of commands) command.reject(new Error('Command timed out')) // unless it has been answered
      // They stay in the client's queue: only the end of a dead socket empties it.
      if (patience >= silenceMs) drop()
      else afterReading(silenceMs - patience, drop).unref()
    })
    void Promise.allSettled(commands.map(([{ promise }]) => promise)).then(() => clearTimeout(timer))
  }

  redis.sendCommand = (command, destination) => {
    if (redis.status === 'ready') {
      if (waiting.push([command, destination]) === 1) setImmediate(flush)
    } else {
      if (redis.status === 'connect') limit([[command, destination]]) // of the handshake
      sendCommand(command, destination)
    }
    return command.promise
  }
}

/** Milliseconds without a byte after which a connection counts as dead, unless a command may take longer. */
const silenceMs = 250

/** What `sendCommand` is given. */
type Sent = Parameters<Redis['sendCommand']>

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
  let reason: unknown // `connect` itself only rejects with "connection is closed"
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
    ...(tls !== undefined && { tls: {} }), // makes ioredis wait for the handshake; the connector has the options
    enableReadyCheck: primaryOnly,
    Connector: connectorTo(find, tls),
    ...options,
  }
  return url === undefined ? new Redis(given) : new Redis(url.reveal(), given)
}

/** Before Redis 7 an error inside a script is wrapped. */
function redirectionIn({ message }: Error): Redirection | undefined {
  const word = /^(?:ERR .*?-)?(READONLY|LOADING|MASTERDOWN|MOVED|CLUSTERDOWN)\b/s.exec(message)?.[1]
  return word as Redirection | undefined // the expression's alternatives
}

/** Milliseconds between two checks that replies still match commands. */
const checkPause = 1000

/**
 * A surplus reply is taken for the reply to the first waiting command, and every later one for that of the next command.
 * An echo detects this, and the connection is dropped. It also detects a hanging Redis before a request does.
 */
function checkReplies(redis: Redis): void {
  const timer = setInterval(() => {
    if (redis.status !== 'ready') return
    const word = randomUUID()
    redis.ping(word).then(
      reply => {
        // On a subscription of the older protocol the reply is a list.
        if (![reply].flat().includes(word)) redis.disconnect(true)
      },
      () => {}, // the users of the connection see its failure
    )
  }, checkPause).unref()
  redis.once('end', () => clearInterval(timer))
}

/** Rejects when the connection ends, so that a task does not outlive it. */
function endOf(redis: Redis): Promise<never> {
  return new Promise((_, reject) => redis.once('end', () => reject(new Error('the connection is lost'))))
}

/**
 * An error of the client as an outage. The error itself must not reach a log: it carries the command with its arguments,
 * such as the password of `HELLO` and `AUTH`, which an old Redis also repeats in its message.
 */
export function redisOutage(cause: unknown): Outage {
  if (cause instanceof Outage) return cause
  const message = cause instanceof Error ? cause.message : 'unknown error'
  const code = cause instanceof Error && message === '' && 'code' in cause ? String(cause.code) : ''
  return new Outage('redis', new Error((message || code).replace(/, with args.*$/s, '')))
}

/** The parts of ioredis's reply reader that are replaced here; its own types keep them private. */
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
 * Nothing that Redis sends may end a process. When a reply makes ioredis throw, for instance a null that answers no
 * command, no handler catches it, and later replies are matched with the wrong commands. Here such a connection is
 * dropped and made again, and its commands fail.
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
    if (this.redis.commandQueue.length === 0) throw new Error('Redis sent a reply to no command')
    return shiftCommand.call(this, reply)
  }
}
