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

/** This process's ear on the news channel, with a proof that it is not deaf. */
export interface Subscriber {
  /** The last announcement of all. Rejects if Redis cannot be asked. */
  lastAnnounced(): Promise<string | null>
  /** Tells whoever announced it that this process has forgotten. */
  acknowledge(id: string): void
  /** Leaves in good order: nobody need wait for this process any more. */
  close(): Promise<void>
}

export interface SubscriberOptions {
  readonly server: RedisServer
  /** Milliseconds for which others must wait for this process after each ping. */
  readonly leaseMs: number
  /** Milliseconds of a clock that never steps back. */
  readonly now: () => number
  /** An announcement came in. */
  readonly heard: (text: string) => void
  /** A ping came back: whatever was announced before `sentAt`, while the subscription stood, has been heard. */
  readonly alive: (sentAt: number) => void
  /** The subscription is gone: from now on announcements are missed. */
  readonly deaf: (cause: unknown) => void
  /** Something could not be sent, or a connection could not be made. */
  readonly mute: (cause: unknown) => void
}

/** Milliseconds that Redis may take for a ping. */
const patience = 250

/**
 * A Redis channel loses messages in silence: while the connection is gone, or dead with nobody noticing. So this
 * process publishes pings to itself, on one connection, and listens for them and for the news on another. Redis
 * sends to one connection in the order of publishing: a ping that comes back has pushed all news before it. From one
 * server to another, as in a Cluster or to a replica, a message can be lost and later ones arrive: so both connections
 * must lead to one server, wherever a failover leaves them.
 */
export function createSubscriber({
  server,
  leaseMs,
  now,
  heard,
  alive,
  deaf,
  mute,
}: SubscriberOptions): Subscriber {
  const gateway = newGatewayName()
  const subscriber = server.keepAt(announcedKey, 'news-ears', patience)
  const publisher = server.keepAt(announcedKey, 'news', patience)
  /** The server that each is connected to. */
  let earsAt: string | undefined
  let mouthAt: string | undefined
  let ping: { readonly id: string; readonly sentAt: number } | undefined

  subscriber.on('ready', () => {
    listen().catch((cause: unknown) => {
      mute(cause)
      subscriber.disconnect(true)
    })
  })
  publisher.on('ready', () => {
    speak().catch((cause: unknown) => {
      mute(cause)
      publisher.disconnect(true)
    })
  })
  subscriber.on('message', (channel, text) => (channel === newsChannel ? heard(text) : pong(text)))
  subscriber.on('close', () => {
    earsAt = undefined
    ping = undefined
    deaf(new Error('the subscription to the news is gone'))
  })
  subscriber.on('error', mute)
  publisher.on('error', mute)
  publisher.on('close', () => (mouthAt = undefined))
  const beating = setInterval(beat, leaseMs / 4)

  /** Whichever of the two has connected last knows better where the primary is. */
  async function listen(): Promise<void> {
    const at = await runIdOf(subscriber)
    await subscriber.subscribe(newsChannel, pingChannel(gateway))
    earsAt = at
    if (mouthAt !== undefined && mouthAt !== at) publisher.disconnect(true)
    else beat()
  }

  async function speak(): Promise<void> {
    mouthAt = await runIdOf(publisher)
    if (earsAt !== undefined && earsAt !== mouthAt) subscriber.disconnect(true)
    else beat()
  }

  function beat(): void {
    if (ping !== undefined && now() - ping.sentAt < leaseMs) return
    // It was sent and did not come back: the connection that we listen on is dead without having been closed.
    if (ping !== undefined) return subscriber.disconnect(true)
    if (earsAt === undefined) return
    if (mouthAt === undefined) return mute(new Error('there is no connection to send the news on'))
    if (mouthAt !== earsAt) return
    const sent = { id: randomUUID(), sentAt: now() }
    ping = sent
    publisher
      .eval(pinging, 2, gatewaysKey, primaryKey, gateway, leaseMs, pingChannel(gateway), sent.id, mouthAt)
      .catch((cause: unknown) => {
        if (ping === sent) ping = undefined
        mute(cause)
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
      publisher.publish(acksChannel, `${id} ${gateway}`).catch(mute)
    },
    async close() {
      clearInterval(beating)
      subscriber.disconnect()
      await publisher.zrem(gatewaysKey, gateway).catch(mute)
      publisher.disconnect()
    },
  }
}

/** Presence first, then the ping: who holds a lease is on the list. Those gone for a minute are taken off it. */
const pinging = `${primaryAge}
primaryAge(KEYS[2], ARGV[5], now)
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - 60000)
redis.call('PUBLISH', ARGV[3], ARGV[4])
`
