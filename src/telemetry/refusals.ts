import { type Ask, productOf } from '../gateway/ask.ts'
import type { Allow, Decision } from '../gateway/decision.ts'
import type { Instant } from '../gateway/names.ts'
import { Outage } from '../gateway/outage.ts'
import type { Refusal, Refusals, Witness } from '../gateway/ports.ts'
import { factsOf } from './audit.ts'

/** A witness that keeps what clients were refused, so that a help desk can find it by the reference that they were shown. */
export interface RefusalWitness extends Witness {
  /** An allowed request to which the upstream gave no answer that a client may have. */
  notForwarded(what: NotForwarded, allowed: Allow, ask: Ask): void
  /** Writes what is still in memory. */
  close(): Promise<void>
}

/** What the client got in the place of an answer of the upstream, and why. */
export interface NotForwarded {
  readonly outcome: 'upstream-failed' | 'unavailable' | 'busy' | 'sign-in-needed'
  readonly cause: string
}

export interface RefusalOptions {
  readonly store: Pick<Refusals, 'record'>
  /** Milliseconds for which refusals are kept. */
  readonly keptMs: number
  /** What the path of a request is for. */
  readonly kindOf: (ask: Ask) => string
  readonly outage: (outage: Outage) => void
  readonly now: () => Instant
}

/** Milliseconds between two writes. */
const pause = 1000

/** Refusals that are kept between two writes, so many a second: in a flood, the rest is in the audit log alone. */
const most = 100

export function createRefusalWitness({ store, keptMs, kindOf, outage, now }: RefusalOptions): RefusalWitness {
  let collected: Refusal[] = []
  let writing: Promise<void> | undefined
  let soon: NodeJS.Timeout | undefined

  function keep(ask: Ask, what: Pick<Refusal, 'outcome'> & Partial<Refusal>): void {
    if (collected.length >= most && !makesRoom(what)) return
    const { id: reference, from, method } = ask
    const tool = productOf(ask)
    collected.push({ reference, at: now(), from, method, kind: kindOf(ask), ...(tool && { tool }), ...what })
    soon ??= setTimeout(() => void write(), pause).unref()
  }

  /** Known users come first: a flood of guesses must not hide what a help desk is asked about. */
  function makesRoom({ user }: Partial<Refusal>): boolean {
    const last = user === undefined ? -1 : collected.findLastIndex(each => each.user === undefined)
    if (last === -1) return false
    collected.splice(last, 1)
    return true
  }

  async function write(): Promise<void> {
    soon = undefined
    await writing // a store that hangs must not collect writes
    const batch = collected
    collected = []
    writing = store.record(batch, keptMs).catch((error: unknown) => {
      if (!(error instanceof Outage)) throw error
      outage(error)
      collected = [...batch, ...collected].slice(-most)
      soon ??= setTimeout(() => void write(), pause).unref()
    })
    await writing
  }

  return {
    saw(decision, ask) {
      // Half of all requests are challenged; a load test refuses on purpose.
      if (decision.outcome === 'allow' || decision.outcome === 'challenge' || ask.lane === 'load-test') return
      keep(ask, { ...reduced(decision), outcome: decision.outcome })
    },
    notForwarded(what, { account, scope, username }, ask) {
      keep(ask, { ...what, account: account.name, scope, user: username })
    },
    async close() {
      clearTimeout(soon)
      await write()
    },
  }
}

/** What the audit log has of a decision, where a refusal has a place for it. */
function reduced(decision: Decision): Partial<Refusal> {
  const { cause, account, scope, user, passwordName } = factsOf(decision) as Partial<Refusal>
  return {
    ...(cause !== undefined && { cause }),
    ...(account !== undefined && { account }),
    ...(scope !== undefined && { scope }),
    ...(user !== undefined && { user }),
    ...(passwordName !== undefined && { passwordName }),
  }
}
