import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { createSharedCalls, onceATurn } from '../common/calls.ts'
import { type Change, numberOf } from '../gateway/history.ts'
import type { Revision } from '../gateway/names.ts'
import { Outage } from '../gateway/outage.ts'
import type { ChangeLog, Gateways, News } from '../gateway/ports.ts'
import { createBreaker } from '../redis/breaker.ts'
import { type Forget, reachOf, type SlotOf, staleBy } from './stale.ts'

/** News from the store's own log: always correct, but costs a query. Without an answer, only a lease lets memory be trusted. */
export interface StoreNews extends News {
  /** Reads the log now; false if it could not be read. */
  look(): Promise<boolean>
  /** The revision up to which this process knows every change. */
  position(): Revision
  /** Until then, by the monotonic clock, memory may be trusted even if the store cannot be asked. */
  trust(until: number): void
}

interface StoreNewsOptions {
  readonly changes: ChangeLog
  readonly slotOf: SlotOf
  readonly forget: Forget
  /** Discards everything read as of an earlier revision. Must not throw. */
  readonly forgetAll: (revision: Revision) => void
  /** Reads the keys of the store anew. Throws `Outage`. */
  readonly refreshKeys?: () => Promise<void>
  /** Called each time the log cannot be read. */
  readonly outage: (outage: Outage) => void
}

/** Milliseconds that a request waits for the log. */
const patience = 250

/**
 * Changes that a new process reads back. Its own memory is empty, but Redis is not: one that lost its last seconds in a
 * failover can still have verdicts that were revoked before this process started.
 */
const lookBack = 1000

export function createStoreNews(options: StoreNewsOptions): StoreNews {
  const { changes, slotOf, forget, forgetAll, refreshKeys, outage } = options
  let seen: number | undefined // of the last look
  let last: Revision | undefined
  let trustedUntil = -Infinity
  let failure = new Outage('store', new Error('the store has not been asked yet'))
  // Only the first few requests wait for a hanging store.
  const breaker = createBreaker({ opened: () => {} })

  const looks = createSharedCalls<'look', boolean>()
  const look = () => looks.after('look', readLog)

  async function readLog(): Promise<boolean> {
    try {
      const before = changes.dataVersion() // a commit during the look is then seen twice rather than missed
      await follow(last ?? (await beginning()))
      seen = before
      breaker.succeeded()
      return true
    } catch (error) {
      if (!(error instanceof Outage)) throw error
      failure = error
      outage(error)
      return false
    }
  }

  async function beginning(): Promise<Revision> {
    const newest = await changes.revision()
    const from = (newest - Math.min(numberOf(newest), lookBack)) as Revision
    forgetAll(from)
    return from
  }

  async function follow(from: Revision): Promise<void> {
    const news = await changes.since(from)
    // Before anything is judged that the new keys have made.
    if (news === 'gap' || news.some(change => reachOf(change) !== undefined)) await refreshKeys?.()
    if (news === 'gap') {
      last = await changes.revision()
      forgetAll(last)
      return
    }
    for (const change of news) forget(staleBy(change, slotOf))
    last = news.reduce(newest, from)
  }

  function isUnchanged(): boolean {
    try {
      const now = changes.dataVersion()
      return now !== undefined && now === seen
    } catch {
      return false // `look` will fail the same way, and reports it
    }
  }

  /** May also wait for a look that began earlier. */
  async function lookPatiently(): Promise<boolean> {
    if (!breaker.allows()) return false
    const giveUp = new AbortController()
    const silence = delay(patience, false, { signal: giveUp.signal }).catch(() => false)
    const looked = await Promise.race([look(), silence])
    giveUp.abort()
    if (!looked) breaker.failed(undefined)
    return looked
  }

  const lookIfChanged = onceATurn(async () => {
    if (isUnchanged() || (await lookPatiently())) return
    if (performance.now() > trustedUntil) throw failure
  })

  return {
    look,
    catchUp: lookIfChanged,
    position: () => last ?? (0 as Revision),
    trust: until => (trustedUntil = until),
  }
}

function newest(known: Revision, { revision }: Change): Revision {
  return revision > known ? revision : known
}

interface StoreLeaseOptions {
  readonly news: StoreNews
  readonly gateways: Gateways
  /** Milliseconds for which memory is trusted when the store can no longer be asked. */
  readonly leaseMs: number
}

/** Milliseconds between two looks: a change waits that long for an idle process. */
const pause = 250

/**
 * The lease of a process without Redis: it reads the log, confirms in the store up to which change it knows everything,
 * and may then trust its memory until `leaseMs` after the look began. A change waits until every process has confirmed
 * it, or its lease has expired (`store/gateways.ts`).
 */
export function keepStoreLease({ news, gateways, leaseMs }: StoreLeaseOptions): { close(): Promise<void> } {
  const self = { id: randomUUID(), host: hostname(), leaseMs }
  let confirmed = -1
  let confirmedAt = -Infinity
  let answered = -1
  let confirming: Promise<void> | undefined

  async function confirm(): Promise<void> {
    const began = performance.now()
    if (!(await news.look())) return
    const number = numberOf(news.position())
    const canary = await gateways.canary()
    if (number === confirmed && canary === answered && began - confirmedAt < leaseMs / 4) return
    await gateways.confirm(self, number, canary)
    confirmed = number
    answered = canary
    confirmedAt = began
    news.trust(began + leaseMs)
  }

  const timer = setInterval(
    () => {
      confirming ??= confirm()
        .catch((error: unknown) => {
          if (!(error instanceof Outage)) throw error // the look reports it
        })
        .finally(() => (confirming = undefined))
    },
    Math.min(pause, leaseMs / 4),
  )
  return {
    async close() {
      clearInterval(timer)
      await confirming
      await gateways.leave(self.id).catch(() => {}) // its lease expires anyway
    },
  }
}
