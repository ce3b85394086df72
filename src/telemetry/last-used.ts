import { productOf } from '../gateway/ask.ts'
import type { Instant } from '../gateway/names.ts'
import type { Outage } from '../gateway/outage.ts'
import type { LastUsed, Use, Witness } from '../gateway/ports.ts'
import { createBatches } from './batches.ts'

/** A witness that records when and from where each credential last opened each account. */
export interface LastUsedWitness extends Witness {
  /** Writes what is still in memory. */
  close(): Promise<void>
}

export interface LastUsedOptions {
  readonly store: LastUsed
  /** Told when the store could not be written; the uses are kept for the next time. */
  readonly outage: (outage: Outage) => void
  readonly now: () => Instant
}

/** Precision of a last use in milliseconds. A coarse one spares the hot path the work. */
const grain = 1000

function keyOf({ account, subject, password }: Pick<Use, 'account' | 'subject' | 'password'>): string {
  return password === undefined ? `${account} ${subject}` : `${account} ${subject} ${password}`
}

/** Of the uses of one credential on one account, the last counts. */
export function createLastUsedWitness({ store, outage, now }: LastUsedOptions): LastUsedWitness {
  const collected = createBatches<Use>({ put, write: uses => store.record(uses), outage })
  return {
    saw(decision, ask) {
      if (decision.outcome !== 'allow') return
      const { account, scope, subject } = decision
      const password = decision.password?.id
      const used = { account: account.name, scope, subject, at: now(), from: ask.from, password }
      const key = keyOf(used)
      const last = collected.get(key)
      if (last !== undefined && used.at - last.at < grain && used.from === last.from) return
      collected.add(key, { ...used, tool: productOf(ask) })
    },
    close: () => collected.close(),
  }
}

/** The one used last is last. */
function put(collected: Map<string, Use>, key: string, use: Use): void {
  collected.delete(key)
  collected.set(key, use)
}
