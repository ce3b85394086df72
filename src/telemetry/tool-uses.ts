import { type Ask, productOf } from '../gateway/ask.ts'
import type { Instant } from '../gateway/names.ts'
import { Outage } from '../gateway/outage.ts'
import type { Witness } from '../gateway/ports.ts'
import type { CountedUse, ToolUses } from '../gateway/tool-uses.ts'

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

/** Milliseconds between two writes. */
const pause = 60_000

/** Most kinds of requests that are counted between two writes; beyond that the oldest is dropped. */
const most = 10_000

type Counted = { -readonly [Field in keyof CountedUse]: CountedUse[Field] }

/** Counts in memory and writes once a minute, as last uses are. Of unknown users and refused requests nothing is counted. */
export function createToolUseWitness({
  store,
  keptMs,
  networkOf,
  pathOf,
  outage,
  now,
}: ToolUseOptions): ToolUseWitness {
  let counted = new Map<string, Counted>()
  let writing = Promise.resolve()

  function add(key: string, use: CountedUse): void {
    const known = counted.get(key)
    if (known !== undefined) {
      known.requests += use.requests
      known.firstAt = Math.min(known.firstAt, use.firstAt)
      known.lastAt = Math.max(known.lastAt, use.lastAt)
      return
    }
    counted.set(key, { ...use })
    if (counted.size <= most) return
    const [oldest] = counted.keys()
    if (oldest !== undefined) counted.delete(oldest)
  }

  async function write(): Promise<void> {
    const batch = counted
    counted = new Map()
    try {
      await store.record([...batch.values()], keptMs)
    } catch (error) {
      if (!(error instanceof Outage)) throw error
      outage(error)
      const since = counted
      counted = batch
      for (const [key, use] of since) add(key, use)
    }
  }

  /** One write at a time: a store that hangs must not collect more of them. */
  function writeSoon(): Promise<void> {
    writing = writing.then(write)
    return writing
  }

  const timer = setInterval(() => void writeSoon(), pause)
  return {
    saw(decision, ask) {
      if (keptMs === 0 || decision.outcome !== 'allow' || ask.lane === 'load-test') return
      const { account, subject, password } = decision
      const [tool, network, path] = [productOf(ask), networkOf(ask.from), pathOf(ask)]
      // No part has a line feed: names, ids and addresses never have one, and the others are cut to plain characters.
      const key = `${account.name}\n${subject}\n${password?.id ?? ''}\n${tool ?? ''}\n${network}\n${path}`
      const at = now()
      const whose = { account: account.name, subject, password: password?.id }
      add(key, { ...whose, tool, network, path, firstAt: at, lastAt: at, requests: 1 })
    },
    async close() {
      clearInterval(timer)
      await writeSoon()
    },
  }
}
