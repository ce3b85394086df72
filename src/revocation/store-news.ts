import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { createSharedCalls, onceATurn } from '../common/calls.ts'
import { type Change, numberOf } from '../gateway/history.ts'
import type { Revision } from '../gateway/names.ts'
import { Outage } from '../gateway/outage.ts'
import type { ChangeLog, Gateways, News } from '../gateway/ports.ts'
import { createBreaker } from '../redis/breaker.ts'
import { type Forget, type SlotOf, staleBy } from './stale.ts'

/** News from the store's own log: always true, and as dear as asking the store. Without an answer memory is not trusted, but for a lease. */
export interface StoreNews extends News {
  /** Asks the log now; false if it could not be asked. */
  look(): Promise<boolean>
  /** The revision up to which this process has heard of every change. */
  position(): Revision
  /** Until then, by the clock that never steps back, memory may be trusted though the store cannot be asked. */
  trust(until: number): void
}

interface StoreNewsOptions {
  readonly changes: ChangeLog
  readonly slotOf: SlotOf
  readonly forget: Forget
  /** Nothing read as of an earlier revision is to be believed. Must not throw. */
  readonly forgetAll: (revision: Revision) => void
  /** Told each time the log cannot be asked. */
  readonly outage: (outage: Outage) => void
}

/** Milliseconds that a request waits for the store to say whether there is news. */
const patience = 250

/**
 * How many changes back a new process looks. Its own memory is empty, but verdicts in Redis are not: one that lost
 * its last seconds in a failover can still hold what was revoked before this process was born.
 */
const lookBack = 1000

export function createStoreNews({ changes, slotOf, forget, forgetAll, outage }: StoreNewsOptions): StoreNews {
  let pulse: number | undefined // of the last look
  let last: Revision | undefined
  let trustedUntil = -Infinity
  let trouble = new Outage('store', new Error('nobody has asked the store yet'))
  // A store that hangs is waited for by the first few only.
  const breaker = createBreaker({ opened: () => {} })

  const looks = createSharedCalls<'look', boolean>()
  const look = () => looks.after('look', readLog)

  async function readLog(): Promise<boolean> {
    try {
      const before = changes.pulse() // a commit during the look is then seen twice, and not never
      await follow(last ?? (await beginning()))
      pulse = before
      breaker.succeeded()
      return true
    } catch (error) {
      if (!(error instanceof Outage)) throw error
      trouble = error
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
      const now = changes.pulse()
      return now !== undefined && now === pulse
    } catch {
      return false // `look` will meet the same trouble, and tells of it
    }
  }

  /** A look that began before it was asked for may be waited for as well. */
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
    if (performance.now() > trustedUntil) throw trouble
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
  /** Milliseconds for which memory is trusted when the store cannot be asked any more. */
  readonly leaseMs: number
}

/** Milliseconds between two looks: a change waits so long for a process to which nobody comes. */
const pause = 250

/**
 * The lease of a process without Redis: it looks at the log, says in the store up to where it knows everything, and may
 * then trust its memory until `leaseMs` after the look began. Whoever makes a change waits until every process has said
 * so of the change, or its lease is over (`store/gateways.ts`).
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
          if (!(error instanceof Outage)) throw error // the look tells of it
        })
        .finally(() => (confirming = undefined))
    },
    Math.min(pause, leaseMs / 4),
  )
  return {
    async close() {
      clearInterval(timer)
      await confirming
      await gateways.leave(self.id).catch(() => {}) // its lease ends all the same
    },
  }
}
