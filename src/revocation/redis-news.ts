import type { History } from '../gateway/history.ts'
import { Outage } from '../gateway/outage.ts'
import type { News } from '../gateway/ports.ts'
import type { RedisServer } from '../redis/server.ts'
import { readCanary } from './canary.ts'
import { defaultLeaseMs } from './channels.ts'
import { type Announcement, type Forget, readAnnouncement } from './stale.ts'
import type { StoreNews } from './store-news.ts'
import { createSubscriber } from './subscriber.ts'

/** News pushed by Redis: while it arrives, requests wait for nothing. */
export interface RedisNews extends News {
  /** Whether this process learns of every change in time; while it does not, each request asks the store. */
  holdsLease(): boolean
  close(): Promise<void>
}

export interface RedisNewsOptions {
  readonly server: RedisServer
  /** Asked while the lease is not held, and before it is held again. */
  readonly storeNews: StoreNews
  readonly forget: Forget
  readonly history: Pick<History, 'heard'>
  /** Called when the lease is lost; not again before it was held. */
  readonly outage: (outage: Outage) => void
  /** Milliseconds: the longest that a change waits for a hanging process. */
  readonly leaseMs?: number
}

/** Leases after which the log is read anyway: for a change made without Redis, or a store that was restored. */
const lookAgain = 1

/**
 * Milliseconds for which requests ask the log after the announcement of a change that reaches further than what it names:
 * longer than its commit takes. What it has changed can be read only when it is committed.
 */
const askingMs = 10_000

/**
 * The lease: after a ping has returned, this process may trust its memory until `leaseMs` after the ping was sent, which
 * costs one comparison. A change waits for its acknowledgement or for the end of its lease (`publisher.ts`), so a process
 * that hangs, or whose connection died, never acts on an old state.
 */
export function createRedisNews(options: RedisNewsOptions): RedisNews {
  const { server, storeNews, forget, history, outage, leaseMs = defaultLeaseMs } = options
  const now = (): number => performance.now()
  let leaseEnds = 0
  let caughtUp = false
  let catchingUp = false
  let losses = 0
  let looked = now()
  let reported = false
  let reaching: Pick<Announcement, 'id' | 'reach'> | undefined
  let asksUntil = -Infinity
  const subscriber = createSubscriber({ server, leaseMs, now, heard, alive, lost, failed })

  function isLeased(): boolean {
    return caughtUp && now() < leaseEnds
  }

  function holdsLease(): boolean {
    return isLeased() && now() >= asksUntil
  }

  function heard(text: string): void {
    const canary = readCanary(text)
    if (canary !== undefined) return subscriber.acknowledge(canary)
    const announcement = readAnnouncement(text)
    // An unreadable one counts as missed: no acknowledgement, and no lease until the next announcement.
    if (announcement === undefined) return lost(new Error('an announcement cannot be read'))
    take(announcement)
    subscriber.acknowledge(announcement.id)
  }

  function take({ moment, before, ...stale }: Announcement): void {
    askIfReaching(stale)
    const revision = history.heard(moment, before)
    if (revision !== undefined) return forget({ ...stale, revision })
    // From another store: one Redis serves two of them, or this one was replaced. The log tells.
    caughtUp = false
    void regain()
  }

  function askIfReaching({ id, reach }: Pick<Announcement, 'id' | 'reach'>): void {
    if (reach === undefined || id === reaching?.id) return
    reaching = { id, reach }
    asksUntil = now() + askingMs
  }

  function alive(sentAt: number): void {
    if (!isLeased()) caughtUp = false // also if it expired without being checked
    leaseEnds = sentAt + leaseMs
    if (!caughtUp) void regain()
    else if (now() - looked > lookAgain * leaseMs) void look()
  }

  /** Its change may still wait for this process, may have been made since, or never: the log, which is read next, tells. */
  function recall(announced: Announcement): void {
    askIfReaching(announced)
    const { id, moment, account, accounts, slots, reach } = announced
    const revision = history.heard(moment)
    if (revision === undefined) return
    forget({ account, accounts, slots, reach, revision })
    subscriber.acknowledge(id)
  }

  function look(): Promise<boolean> {
    looked = now()
    return storeNews.look()
  }

  /**
   * The order matters. The ping has returned, so later changes arrive. Then the last announcement: its change may not be
   * committed yet, but all earlier ones are, because changes are made one after the other. So the log, read last, has them.
   */
  async function regain(): Promise<void> {
    if (catchingUp) return
    catchingUp = true
    const lossesBefore = losses
    try {
      const announced = await subscriber.lastAnnounced()
      const announcement = announced === null ? undefined : readAnnouncement(announced)
      if (announced !== null && announcement === undefined)
        throw new Error('the last announcement cannot be read')
      if (announcement !== undefined) recall(announcement)
      caughtUp = (await look()) && losses === lossesBefore
      if (caughtUp) reported = false
    } catch (cause) {
      failed(cause)
    } finally {
      catchingUp = false
    }
  }

  function lost(cause: unknown): void {
    losses += 1
    leaseEnds = 0
    caughtUp = false
    report(cause)
  }

  /** A failed ping loses nothing by itself: the lease continues, or expires. */
  function failed(cause: unknown): void {
    if (!isLeased()) report(cause)
  }

  function report(cause: unknown): void {
    if (reported) return
    reported = true
    outage(server.outage(cause))
  }

  return {
    holdsLease,
    catchUp() {
      if (holdsLease()) return undefined
      const asked = storeNews.catchUp()
      // Other keys make nothing wrong of what is remembered: no request fails because the store is slow meanwhile.
      if (reaching?.reach !== 'keys' || !isLeased()) return asked
      return asked?.catch((error: unknown) => {
        if (!(error instanceof Outage)) throw error
      })
    },
    async close() {
      reported = true // the end of the subscription is intended
      lost('closed')
      await subscriber.close()
    },
  }
}
