import { randomUUID } from 'node:crypto'
import { Redis, type RedisOptions } from 'ioredis'
import { Outage } from '../gateway/outage.ts'
import type { Secret } from '../gateway/secret.ts'
import { containReplies } from './contained.ts'

containReplies()

/** One Redis, and the two ways in which we talk to it. Both fail soon rather than wait. */
export interface RedisServer {
  /** A connection that is kept and made again when it breaks; `patience`: milliseconds that a command may take. */
  keep(name: string, patience: number): Redis
  /**
   * A connection for one task, made now and closed after it: for changes, which are rare and must not run into a
   * connection that died unnoticed. Throws `Outage`.
   */
  visit<T>(task: (redis: Redis) => Promise<T>): Promise<T>
  /** Resolves if Redis answers. Throws `Outage`. */
  ping(): Promise<void>
  /**
   * The outage that an error of the client is. The error itself must not travel into a log: it carries the command
   * with its arguments, of `HELLO` and `AUTH` the password, and an old Redis repeats them in its message.
   */
  outage(cause: unknown): Outage
}

/** Measured with Redis stopped and killed: nobody waits longer than about two command timeouts. */
const impatient = {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  // Whoever subscribes does so again himself: he must know from when on he hears everything.
  autoResubscribe: false,
} satisfies RedisOptions

/** `url`: `redis://` or `rediss://`; it may hold a password. */
export function redisAt(url: Secret): RedisServer {
  function keep(name: string, patience: number): Redis {
    const redis = new Redis(url.reveal(), {
      ...impatient,
      connectionName: `altgate-${name}`,
      enableAutoPipelining: true,
      commandTimeout: patience,
      connectTimeout: 250,
      // A timed-out command stays in the client's queue: only dropping the dead socket empties it.
      socketTimeout: Math.max(250, patience),
      // The random part keeps a hundred processes from coming back in one moment.
      retryStrategy: times => Math.min(1000, 50 * 2 ** Math.min(times, 5)) + Math.random() * 50,
    })
    keepInStep(redis)
    return redis
  }

  async function visit<T>(task: (redis: Redis) => Promise<T>): Promise<T> {
    const redis = new Redis(url.reveal(), {
      ...impatient,
      connectionName: 'altgate-visit',
      lazyConnect: true,
      commandTimeout: 1000,
      connectTimeout: 1000,
      socketTimeout: 1000,
      retryStrategy: () => null,
    })
    let reason: unknown // `connect` itself only says that the connection is closed
    redis.on('error', error => (reason = error))
    try {
      await redis.connect()
      return await Promise.race([task(redis), endOf(redis)])
    } catch (error) {
      throw outage(reason ?? error)
    } finally {
      redis.disconnect()
    }
  }

  return { keep, visit, ping: () => visit(async redis => void (await redis.ping())), outage }
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

function outage(cause: unknown): Outage {
  if (cause instanceof Outage) return cause
  const message = cause instanceof Error ? cause.message : 'unknown trouble'
  return new Outage('redis', new Error(message.replace(/, with args.*$/s, '')))
}
