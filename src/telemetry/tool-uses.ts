import { type Ask, productOf } from '../gateway/ask.ts'
import { attached } from '../gateway/attached.ts'
import type { Instant } from '../gateway/names.ts'
import type { Allow } from '../gateway/decision.ts'
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
      const kind = kindOf(decision, productOf(ask), networkOf(ask.from), pathOf(ask))
      const at = now()
      const known = counted.get(kind.key)
      if (known !== undefined) return addTo(known, 1, at, at)
      const { account, subject, password } = decision
      const { tool, network, path } = kind
      const whose = { account: account.name, subject, password: password?.id }
      counted.add(kind.key, { ...whose, tool, network, path, firstAt: at, lastAt: at, requests: 1 })
    },
    close: () => counted.close(),
  }
}

interface Kind extends Pick<CountedUse, 'tool' | 'network' | 'path'> {
  readonly key: string
}

/** Of the last request that a decision allowed: most are followed by another of the same kind. */
const lastKinds = attached<Allow, Kind>()

function kindOf(allowed: Allow, tool: string | undefined, network: string, path: string): Kind {
  const last = lastKinds.get(allowed)
  if (last?.path === path && last.network === network && last.tool === tool) return last
  const { account, subject, password } = allowed
  // No part has a line feed: names, ids and addresses never have one, and the others are cut to plain characters.
  const key = `${account.name}\n${subject}\n${password?.id ?? ''}\n${tool ?? ''}\n${network}\n${path}`
  const kind = { tool, network, path, key }
  lastKinds.set(allowed, kind)
  return kind
}

/** Uses of the same key are one, with all their requests. */
function put(counted: Map<string, Counted>, key: string, use: Counted): void {
  const known = counted.get(key)
  if (known === undefined) counted.set(key, use)
  else addTo(known, use.requests, use.firstAt, use.lastAt)
}

function addTo(known: Counted, requests: number, firstAt: Instant, lastAt: Instant): void {
  known.requests += requests
  known.firstAt = Math.min(known.firstAt, firstAt)
  known.lastAt = Math.max(known.lastAt, lastAt)
}
