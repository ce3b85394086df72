import { randomUUID } from 'node:crypto'
import type { RedisServer } from '../redis/server.ts'
import {
  acksChannel,
  announcedKey,
  gatewaysKey,
  newGatewayName,
  newsChannel,
  pingChannel,
  primaryAge,
  primaryKey,
  runIdOf,
} from './channels.ts'

/** A subscription to the news channel that proves that it is alive. */
export interface Subscriber {
  /** The last announcement. Rejects if Redis cannot be asked. */
  lastAnnounced(): Promise<string | null>
  /** Tells the publisher that this process has forgotten what is stale. */
  acknowledge(id: string): void
  /** Gives up the lease, so that no change waits for this process any more. */
  close(): Promise<void>
}

export interface SubscriberOptions {
  readonly server: RedisServer
  /** Milliseconds for which a change must wait for this process after each ping. */
  readonly leaseMs: number
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number
  /** An announcement arrived. */
  readonly heard: (text: string) => void
  /** A ping returned: everything announced before `sentAt`, while subscribed, has arrived. */
  readonly alive: (sentAt: number) => void
  /** The subscription is lost: announcements are missed until it is restored. */
  readonly lost: (cause: unknown) => void
  /** A message could not be sent, or a connection could not be made. */
  readonly failed: (cause: unknown) => void
}

/** Milliseconds that Redis may take for a ping. */
const patience = 250

/**
 * A Redis channel loses messages silently while the connection is gone or dead without notice. So this process publishes
 * pings to itself on one connection, and subscribes to them and to the news on another. Redis delivers to a connection in
 * the order of publishing: all earlier news has arrived before a ping returns. Between servers, as in a Cluster or to a
 * replica, a message can be lost while later ones arrive, so both connections must lead to the same server.
 */
export function createSubscriber({
  server,
  leaseMs,
  now,
  heard,
  alive,
  lost,
  failed,
}: SubscriberOptions): Subscriber {
  const gateway = newGatewayName()
  const subscriber = server.keepAt(announcedKey, 'news-ears', patience)
  const publisher = server.keepAt(announcedKey, 'news', patience)
  /** The run id of the server that each is connected to. */
  let subscribedAt: string | undefined
  let publishesAt: string | undefined
  let ping: { readonly id: string; readonly sentAt: number } | undefined

  subscriber.on('ready', () => {
    subscribe().catch((cause: unknown) => {
      failed(cause)
      subscriber.disconnect(true)
    })
  })
  publisher.on('ready', () => {
    connectPublisher().catch((cause: unknown) => {
      failed(cause)
      publisher.disconnect(true)
    })
  })
  subscriber.on('message', (channel, text) => (channel === newsChannel ? heard(text) : pong(text)))
  subscriber.on('close', () => {
    subscribedAt = undefined
    ping = undefined
    lost(new Error('the subscription to the news was lost'))
  })
  subscriber.on('error', failed)
  publisher.on('error', failed)
  publisher.on('close', () => (publishesAt = undefined))
  const beating = setInterval(beat, leaseMs / 4)

  /** The connection that was made last leads to the present primary, so the other one is replaced. */
  async function subscribe(): Promise<void> {
    const at = await runIdOf(subscriber)
    await subscriber.subscribe(newsChannel, pingChannel(gateway))
    subscribedAt = at
    if (publishesAt !== undefined && publishesAt !== at) publisher.disconnect(true)
    else beat()
  }

  async function connectPublisher(): Promise<void> {
    publishesAt = await runIdOf(publisher)
    if (subscribedAt !== undefined && subscribedAt !== publishesAt) subscriber.disconnect(true)
    else beat()
  }

  function beat(): void {
    if (ping !== undefined && now() - ping.sentAt < leaseMs) return
    // It was sent and did not return: the subscription is dead without having been closed.
    if (ping !== undefined) return subscriber.disconnect(true)
    if (subscribedAt === undefined) return
    if (publishesAt === undefined) return failed(new Error('there is no connection to send the news on'))
    if (publishesAt !== subscribedAt) return
    const sent = { id: randomUUID(), sentAt: now() }
    ping = sent
    publisher
      .eval(pinging, 2, gatewaysKey, primaryKey, gateway, leaseMs, pingChannel(gateway), sent.id, publishesAt)
      .catch((cause: unknown) => {
        if (ping === sent) ping = undefined
        failed(cause)
      })
  }

  function pong(id: string): void {
    if (ping?.id !== id) return
    const { sentAt } = ping
    ping = undefined
    alive(sentAt)
  }

  return {
    lastAnnounced: () => publisher.get(announcedKey),
    acknowledge(id) {
      publisher.publish(acksChannel, `${id} ${gateway}`).catch(failed)
    },
    async close() {
      clearInterval(beating)
      subscriber.disconnect()
      await publisher.zrem(gatewaysKey, gateway).catch(failed)
      publisher.disconnect()
    },
  }
}

/** Presence first, then the ping: every holder of a lease is listed. Gateways that have been gone for a minute are removed. */
const pinging = `${primaryAge}
primaryAge(KEYS[2], ARGV[5], now)
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - 60000)
redis.call('PUBLISH', ARGV[3], ARGV[4])
`
