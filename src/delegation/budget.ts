import { setTimeout as delay } from 'node:timers/promises'
import type { Instant } from '../gateway/names.ts'

/** How a renewal takes its place. */
export interface Urgency {
  /** A request waits for it; the others renew ahead. */
  readonly urgent: boolean
  /** Until then it may wait. */
  readonly deadline: Instant
}

/** How often and how soon a provider may be asked, by issuer: a provider in trouble is not helped by more questions. */
export interface Budget {
  /** Runs `work` when there is a place. `not-now`: it would have to wait for too long, and was not run. */
  run<T>(issuer: string, how: Urgency, work: () => Promise<T>): Promise<T | 'not-now'>
  /**
   * The provider could not answer. It is left alone as long as it asks for, or longer after each failure in a row. Questions
   * that were under way at the first failure belong to it: eight at a time would be eight in a row.
   */
  failed(issuer: string, askedAt: Instant, retryAfterSeconds?: number): void
  succeeded(issuer: string): void
}

/** Renewals under way at a time for one provider and process. */
const mostAtOnce = 8

/** Milliseconds that a provider is left alone after a failure, doubled each time. */
const pauses = { first: 500, longest: 10_000 }

/** Milliseconds that a request waits for a provider to be asked again; callers do better to come back than to pile up. */
const shortPause = 1000

/** Seconds: a provider that asks for more is asked again all the same, because a slip of its must not last for days. */
const longestRetryAfter = 600

interface Lane {
  running: number
  readonly urgent: Set<() => void>
  readonly others: Set<() => void>
  failures: number
  /** When the last one of them was met. */
  failedAt: Instant
  pausedUntil: Instant
}

export function createBudget(now: () => Instant): Budget {
  const lanes = new Map<string, Lane>()

  function laneOf(issuer: string): Lane {
    const known = lanes.get(issuer)
    if (known !== undefined) return known
    const fresh = {
      running: 0,
      urgent: new Set<() => void>(),
      others: new Set<() => void>(),
      failures: 0,
      failedAt: Number.NEGATIVE_INFINITY,
      pausedUntil: 0,
    }
    lanes.set(issuer, fresh)
    return fresh
  }

  /** False: not before the deadline. */
  async function enter(lane: Lane, { urgent, deadline }: Urgency): Promise<boolean> {
    if (lane.running < mostAtOnce) {
      lane.running += 1
      return true
    }
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const queue = urgent ? lane.urgent : lane.others
    const enterNow = () => resolve(true)
    queue.add(enterNow)
    const giveUp = setTimeout(() => queue.delete(enterNow) && resolve(false), Math.max(0, deadline - now()))
    try {
      return await promise
    } finally {
      clearTimeout(giveUp)
    }
  }

  /** The place passes to the next one in the queue, so that no newcomer overtakes it. */
  function leave(lane: Lane): void {
    const [next] = lane.urgent.size > 0 ? lane.urgent : lane.others
    if (next === undefined) {
      lane.running -= 1
      return
    }
    lane.urgent.delete(next)
    lane.others.delete(next)
    next()
  }

  return {
    async run(issuer, how, work) {
      const lane = laneOf(issuer)
      for (;;) {
        const pause = lane.pausedUntil - now()
        if (pause > 0) {
          if (!how.urgent || pause > shortPause) return 'not-now'
          await delay(pause)
        }
        if (!(await enter(lane, how))) return 'not-now'
        try {
          // Others may have failed while this one waited for its place.
          if (lane.pausedUntil <= now()) return await work()
        } finally {
          leave(lane)
        }
      }
    },
    failed(issuer, askedAt, retryAfterSeconds = 0) {
      const lane = laneOf(issuer)
      const asked = Math.min(retryAfterSeconds, longestRetryAfter) * 1000
      lane.pausedUntil = Math.max(lane.pausedUntil, now() + asked)
      if (askedAt <= lane.failedAt) return
      const grown = Math.min(pauses.longest, pauses.first * 2 ** lane.failures)
      lane.failures = Math.min(lane.failures + 1, 16)
      lane.failedAt = now()
      lane.pausedUntil = Math.max(lane.pausedUntil, now() + grown)
    },
    succeeded(issuer) {
      const lane = laneOf(issuer)
      lane.failures = 0
      lane.failedAt = Number.NEGATIVE_INFINITY
    },
  }
}
