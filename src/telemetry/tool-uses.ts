import { type Ask, productOf } from '../gateway/ask.ts'
import type { Instant } from '../gateway/names.ts'
import type { Outage } from '../gateway/outage.ts'
import type { Witness } from '../gateway/ports.ts'
import type { CountedUse, ToolUses } from '../gateway/tool-uses.ts'
import { createBatches } from './batches.ts'

/** A witness that counts which tools users use, for what, and from where. */
export interface ToolUseWitness extends Witness {
  /** Writes what is still in memory. */
  close(): Promise<void>
}

export interface ToolUseOptions {
  readonly store: Pick<ToolUses, 'record'>
  /** Milliseconds for which they are kept; 0: nothing is counted, and what was kept is removed. */
  readonly keptMs: number
  /** What an address is counted under. */
  readonly networkOf: (address: string) => string
  /** What a request is for. */
  readonly pathOf: (ask: Ask) => string
  readonly outage: (outage: Outage) => void
  readonly now: () => Instant
}

type Counted = { -readonly [Field in keyof CountedUse]: CountedUse[Field] }

/** Of unknown users and refused requests nothing is counted. */
export function createToolUseWitness({
  store,
  keptMs,
  networkOf,
  pathOf,
  outage,
  now,
}: ToolUseOptions): ToolUseWitness {
  const counted = createBatches<Counted>({ put, write: uses => store.record(uses, keptMs), outage })
  return {
    saw(decision, ask) {
      if (keptMs === 0 || decision.outcome !== 'allow' || ask.lane === 'load-test') return
      const { account, subject, password } = decision
      const [tool, network, path] = [productOf(ask), networkOf(ask.from), pathOf(ask)]
      // No part has a line feed: names, ids and addresses never have one, and the others are cut to plain characters.
      const key = `${account.name}\n${subject}\n${password?.id ?? ''}\n${tool ?? ''}\n${network}\n${path}`
      const at = now()
      const whose = { account: account.name, subject, password: password?.id }
      counted.add(key, { ...whose, tool, network, path, firstAt: at, lastAt: at, requests: 1 })
    },
    close: () => counted.close(),
  }
}

/** Uses of the same key are one, with all their requests. */
function put(counted: Map<string, Counted>, key: string, use: Counted): void {
  const known = counted.get(key)
  if (known === undefined) return void counted.set(key, use)
  known.requests += use.requests
  known.firstAt = Math.min(known.firstAt, use.firstAt)
  known.lastAt = Math.max(known.lastAt, use.lastAt)
}
