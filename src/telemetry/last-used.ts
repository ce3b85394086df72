import { productOf } from '../gateway/ask.ts'
import type { Instant } from '../gateway/names.ts'
import { Outage } from '../gateway/outage.ts'
import type { LastUsed, Use, Witness } from '../gateway/ports.ts'

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

/** Milliseconds between two writes. */
const pause = 60_000

/** Precision of a last use in milliseconds. A coarse one spares the hot path the work. */
const grain = 1000

/** Most uses that are remembered between two writes; beyond that the oldest is dropped. */
const most = 10_000

function keyOf({ account, subject, password }: Pick<Use, 'account' | 'subject' | 'password'>): string {
  return password === undefined ? `${account} ${subject}` : `${account} ${subject} ${password}`
}

/** Collects uses in memory and writes once a minute, because a build server opens an account a hundred times a second. */
export function createLastUsedWitness({ store, outage, now }: LastUsedOptions): LastUsedWitness {
  let collected = new Map<string, Use>() // the one used last is last
  let writing = Promise.resolve()

  function collect(use: Use): void {
    const key = keyOf(use)
    collected.delete(key)
    collected.set(key, use)
    if (collected.size <= most) return
    const [oldest] = collected.keys()
    if (oldest !== undefined) collected.delete(oldest)
  }

  async function write(): Promise<void> {
    const batch = collected
    collected = new Map()
    try {
      await store.record([...batch.values()])
    } catch (error) {
      if (!(error instanceof Outage)) throw error
      outage(error)
      const since = collected
      collected = batch
      for (const use of since.values()) collect(use)
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
      if (decision.outcome !== 'allow') return
      const { account, scope, subject } = decision
      const password = decision.password?.id
      const used = { account: account.name, scope, subject, at: now(), from: ask.from, password }
      const last = collected.get(keyOf(used))
      if (last !== undefined && used.at - last.at < grain && used.from === last.from) return
      collect({ ...used, tool: productOf(ask) })
    },
    async close() {
      clearInterval(timer)
      await writeSoon()
    },
  }
}
