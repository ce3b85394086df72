import { setTimeout } from 'node:timers/promises'
import type { IncomingMessage } from 'node:http'
import { LRUCache } from 'lru-cache'
import { utcDate } from '../answers/wording.ts'
import { atMost } from '../engine/memory.ts'
import { scopeOf } from '../gateway/account.ts'
import type { Allow } from '../gateway/decision.ts'
import type { MoveNotices, MovingUser } from '../gateway/moves.ts'
import type { Instant, Scope } from '../gateway/names.ts'
import { Outage } from '../gateway/outage.ts'

/** A user who is to be told of a planned move, with this push. */
export interface DueNotice {
  /** The user was not told after all: the next push tells. */
  giveBack(): void
}

/** Knows which pushes tell their users that the account is about to move: one a day for each user who is not ready. */
export interface MoveTeller {
  /** At once if there is nothing to tell, which is so for nearly all pushes. Rejects only for a bug. */
  dueFor(allowed: Allow): Promise<DueNotice | undefined> | undefined
}

export interface MoveTellerParts {
  readonly store: MoveNotices
  readonly outage: (outage: Outage) => void
  readonly now: () => Instant
  /** Milliseconds for which a push waits for the store. A notice is not worth more. */
  readonly patience?: number
}

/** What is known of a user, until when. It spares the store a look-up for each push. */
interface Known {
  readonly found: 'told' | 'ready'
  readonly to: Scope
  readonly until: Instant
  /** The store is being told that the user was not told after all. */
  readonly undoing?: Promise<void>
}

const mostKnown = 10_000

/** Milliseconds for which a user who is ready is not looked for again. */
const readyMs = 10 * 60 * 1000

const dayMs = 24 * 60 * 60 * 1000

export function createMoveTeller({ store, outage, now, patience = 1000 }: MoveTellerParts): MoveTeller {
  const known = new LRUCache<string, Known>(atMost(mostKnown))

  async function take(user: MovingUser, to: Scope, today: string, undoing?: Promise<void>) {
    await undoing
    const found = await store.take(user, to, today)
    const key = keyOf(user)
    const endOfDay = Date.parse(today) + dayMs
    known.set(
      key,
      found === 'ready' ? { found, to, until: now() + readyMs } : { found: 'told', to, until: endOfDay },
    )
    if (found !== 'due') return undefined
    return {
      giveBack() {
        const undone = store.giveBack(user, today).catch(report)
        known.set(key, { found: 'told', to, until: 0, undoing: undone })
      },
    }
  }

  function report(error: unknown): undefined {
    if (!(error instanceof Outage)) throw error
    outage(error)
    return undefined
  }

  return {
    dueFor({ account, scope, subject }) {
      const { planned } = account
      // Over a bridge, it is the move before that counts.
      if (planned === undefined || scope !== scopeOf(account.connection)) return undefined
      const user = { account: account.name, scope, subject }
      const to = scopeOf(planned.to)
      const last = known.get(keyOf(user))
      const isStill = last !== undefined && now() < last.until
      if (isStill && (last.found === 'told' || last.to === to)) return undefined
      return soon(take(user, to, utcDate(now()), last?.undoing).catch(report), patience)
    },
  }
}

/** What comes too late is given back. */
async function soon(
  taking: Promise<DueNotice | undefined>,
  patience: number,
): Promise<DueNotice | undefined> {
  const waiting = new AbortController()
  const late = setTimeout(patience, 'late' as const, { signal: waiting.signal }).catch(() => 'late' as const)
  const first = await Promise.race([taking, late])
  waiting.abort()
  if (first !== 'late') return first
  void taking.then(due => due?.giveBack())
  return undefined
}

function keyOf({ account, subject }: MovingUser): string {
  return `${account} ${subject}`
}

/** git asks with an empty push whether it may send a large one; its answer is shown to no user. */
export function isProbe({ headers }: IncomingMessage): boolean {
  return headers['content-length'] === '4'
}
