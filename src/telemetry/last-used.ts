import { productOf } from '../gateway/ask.ts'
import { attached } from '../gateway/attached.ts'
import type { Allow } from '../gateway/decision.ts'
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

/** Of the requests of one credential for one account; made once for each decision. */
function keyOf(allowed: Allow): string {
  const known = keys.get(allowed)
  if (known !== undefined) return known
  const { account, subject, password } = allowed
  const key = `${account.name} ${subject}${password === undefined ? '' : ` ${password.id}`}`
  keys.set(allowed, key)
  return key
}

const keys = attached<Allow, string>()

/** Of the uses of one credential on one account, the last counts. */
export function createLastUsedWitness({ store, outage, now }: LastUsedOptions): LastUsedWitness {
  const collected = createBatches<Use>({ put, write: uses => store.record(uses), outage })
  return {
    saw(decision, ask) {
      if (decision.outcome !== 'allow') return
      const key = keyOf(decision)
      const at = now()
      const { from } = ask
      const last = collected.get(key)
      if (last !== undefined && at - last.at < grain && from === last.from) return
      const { account, scope, subject, password } = decision
      const whose = { account: account.name, scope, subject, password: password?.id }
      collected.add(key, { ...whose, at, from, tool: productOf(ask) })
    },
    close: () => collected.close(),
  }
}

function put(collected: Map<string, Use>, key: string, use: Use): void {
  collected.set(key, use)
}
