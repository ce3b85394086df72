import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { numberOf } from '../gateway/history.ts'
import { Outage } from '../gateway/outage.ts'
import type { Gateways } from '../gateway/ports.ts'
import type { StoreNews } from './store-news.ts'

export interface StoreLeaseOptions {
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
