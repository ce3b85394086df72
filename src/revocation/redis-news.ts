import type { History } from '../gateway/history.ts'
import type { Outage } from '../gateway/outage.ts'
import type { News } from '../gateway/ports.ts'
import type { RedisServer } from '../redis/server.ts'
import { readCanary } from './canary.ts'
import { defaultLeaseMs } from './channels.ts'
import { type Announcement, type Forget, readAnnouncement } from './stale.ts'
import type { StoreNews } from './store-news.ts'
import { createSubscriber } from './subscriber.ts'

/** News that come by themselves: while they do, a request waits for nothing. */
export interface RedisNews extends News {
  /** Whether this process hears of every change in time; while it does not, each request asks the store. */
  holdsLease(): boolean
  close(): Promise<void>
}

export interface RedisNewsOptions {
  readonly server: RedisServer
  /** Asked while the lease is not held, and before it is held again. */
  readonly storeNews: StoreNews
  readonly forget: Forget
  readonly history: Pick<History, 'heard'>
  /** Told when the lease is lost; not again before it was held. */
  readonly outage: (outage: Outage) => void
  /** Milliseconds: the longest that a change has to wait for a process that hangs. */
  readonly leaseMs?: number
}

/** Leases after which the log is asked although all is well: for a change made past Redis, or a store that went back. */
const lookAgain = 1

/**
 * The lease: after a ping of the feed has come back, this process may believe its memory until `leaseMs` after it
 * was sent. It costs one comparison. Whoever makes a change waits for our acknowledgement or for the end of our
 * lease (`publisher.ts`), so a process that hangs, or whose connection died, never acts on old knowledge.
 */
export function createRedisNews(options: RedisNewsOptions): RedisNews {
  const { server, storeNews, forget, history, outage, leaseMs = defaultLeaseMs } = options
  const now = (): number => performance.now()
  let leaseEnds = 0
  let caughtUp = false
  let catchingUp = false
  let losses = 0
  let looked = now()
  let told = false
  const feed = createSubscriber({ server, leaseMs, now, heard, alive, deaf, mute })

  function holdsLease(): boolean {
    return caughtUp && now() < leaseEnds
  }

  function heard(text: string): void {
    const canary = readCanary(text)
    if (canary !== undefined) return feed.acknowledge(canary)
    const announcement = readAnnouncement(text)
    // Unread is unheard: no acknowledgement, and no lease until there is another announcement.
    if (announcement === undefined) return deaf(new Error('an announcement cannot be read'))
    take(announcement)
    feed.acknowledge(announcement.id)
  }

  function take({ moment, before, ...stale }: Announcement): void {
    const revision = history.heard(moment, before)
    if (revision !== undefined) return forget({ ...stale, revision })
    // Of another store: one Redis serves two of them, or ours has been exchanged. The log knows.
    caughtUp = false
    void regain()
  }

  function alive(sentAt: number): void {
    if (!holdsLease()) caughtUp = false // also if it had run out without anybody asking
    leaseEnds = sentAt + leaseMs
    if (!caughtUp) void regain()
    else if (now() - looked > lookAgain * leaseMs) void look()
  }

  /** Of a change that may have been made since, or never: what the log says next is right. */
  function recall({ moment, account, slots }: Announcement): void {
    const revision = history.heard(moment)
    if (revision !== undefined) forget({ account, slots, revision })
  }

  function look(): Promise<boolean> {
    looked = now()
    return storeNews.look()
  }

  /**
   * The order matters. The ping is back: later changes reach us. Then the last announcement: its change may not be
   * committed yet, and changes are made one after the other, so all those before it are. Then the log has them.
   */
  async function regain(): Promise<void> {
    if (catchingUp) return
    catchingUp = true
    const lossesBefore = losses
    try {
      const announced = await feed.lastAnnounced()
      const announcement = announced === null ? undefined : readAnnouncement(announced)
      if (announced !== null && announcement === undefined)
        throw new Error('the last announcement cannot be read')
      if (announcement !== undefined) recall(announcement)
      caughtUp = (await look()) && losses === lossesBefore
      if (caughtUp) told = false
    } catch (cause) {
      mute(cause)
    } finally {
      catchingUp = false
    }
  }

  function deaf(cause: unknown): void {
    losses += 1
    leaseEnds = 0
    caughtUp = false
    tell(cause)
  }

  /** One failed ping is no loss: the lease bridges it, or ends. */
  function mute(cause: unknown): void {
    if (!holdsLease()) tell(cause)
  }

  function tell(cause: unknown): void {
    if (told) return
    told = true
    outage(server.outage(cause))
  }

  return {
    holdsLease,
    catchUp() {
      return holdsLease() ? undefined : storeNews.catchUp()
    },
    async close() {
      told = true // what ends now ends because we say so
      deaf('closed')
      await feed.close()
    },
  }
}
