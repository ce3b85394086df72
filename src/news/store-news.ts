import type { Change } from '../gateway/change.ts'
import { numberOf } from '../gateway/history.ts'
import type { Revision } from '../gateway/names.ts'
import { Outage } from '../gateway/outage.ts'
import type { ChangeLog, News } from '../gateway/ports.ts'
import { onceATurn } from './once-a-turn.ts'
import { staleBy, type Forget, type SlotOf } from './stale.ts'
import { startedAfter } from './started-after.ts'

/** News from the store's own log: always true, and as dear as asking the store. */
export interface StoreNews extends News {
  /** Asks the log now; false if it could not be asked. */
  look(): Promise<boolean>
}

export interface StoreNewsOptions {
  readonly changes: ChangeLog
  readonly slotOf: SlotOf
  readonly forget: Forget
  /** Nothing read as of an earlier revision is to be believed. Must not throw. */
  readonly forgetAll: (revision: Revision) => void
  /** Told each time the log cannot be asked. */
  readonly outage: (outage: Outage) => void
}

/**
 * How many changes back a new process looks. Its own memory is empty, but verdicts in Redis are not: one that lost
 * its last seconds in a failover can still hold what was revoked before this process was born.
 */
const lookBack = 1000

export function createStoreNews({ changes, slotOf, forget, forgetAll, outage }: StoreNewsOptions): StoreNews {
  let pulse: number | undefined // of the last look
  let last: Revision | undefined

  const look = startedAfter(async (): Promise<boolean> => {
    try {
      const before = changes.pulse() // a commit during the look is then seen twice, and not never
      await follow(last ?? (await beginning()))
      pulse = before
      return true
    } catch (error) {
      if (!(error instanceof Outage)) throw error
      outage(error)
      return false
    }
  })

  async function beginning(): Promise<Revision> {
    const newest = await changes.revision()
    const from = (newest - Math.min(numberOf(newest), lookBack)) as Revision
    forgetAll(from)
    return from
  }

  async function follow(from: Revision): Promise<void> {
    const news = await changes.since(from)
    if (news === 'gap') {
      last = await changes.revision()
      forgetAll(last)
      return
    }
    for (const change of news) forget(staleBy(change, slotOf))
    last = news.reduce(newest, from)
  }

  function isUnchanged(): boolean {
    try {
      const now = changes.pulse()
      return now !== undefined && now === pulse
    } catch {
      return false // `look` will meet the same trouble, and tells of it
    }
  }

  const lookIfChanged = onceATurn(async () => void (isUnchanged() || (await look())))

  return { look, catchUp: lookIfChanged }
}

function newest(known: Revision, { revision }: Change): Revision {
  return revision > known ? revision : known
}
