import { LRUCache } from 'lru-cache'
import { atMost } from '../engine/memory.ts'
import type { AccountName, Instant } from '../gateway/names.ts'
import type { Claim, Doubt } from './answer.ts'
import type { Seen } from './watched.ts'

/** How long an answer counts. */
export interface Lifetimes {
  /** An account's connection: nobody is asked. */
  readonly freshSeconds: number
  /** After that: it still opens the account, while the source is asked again. */
  readonly staleSeconds: number
  /** That there is no account of a name. */
  readonly absentSeconds: number
}

/**
 * How well an account is known. `fresh`: the source has said so lately. `stale`: it has, and should be asked again.
 * `absent`: it has said that there is none. `open`: it must be asked first.
 */
type Standing = 'fresh' | 'stale' | 'absent' | 'open'

/** What this process has heard from the source. */
interface Memory {
  get(name: AccountName): Seen
  set(name: AccountName, seen: Seen): void
  /** `kept`: what the store says of the account now. */
  standing(name: AccountName, kept: Claim): Standing
  doubt(name: AccountName, because: Doubt): void
  /** Why the source could not tell a moment ago: it is not asked again at once. */
  doubtAbout(name: AccountName): Doubt | undefined
}

/** Accounts that are remembered. */
const most = 50_000
/** Strangers can invent names without end: these are few, and apart. */
const mostAbsent = 10_000

/** Milliseconds for which a source that could not tell is left alone: whoever needs the answer gets a 503 meanwhile. */
const doubtMs = 5000

export function createMemory(lifetimes: Lifetimes, now: () => Instant): Memory {
  const [freshMs, staleMs, absentMs] = [
    lifetimes.freshSeconds * 1000,
    (lifetimes.freshSeconds + lifetimes.staleSeconds) * 1000,
    lifetimes.absentSeconds * 1000,
  ]
  const accounts = new LRUCache<AccountName, Seen>(atMost(most))
  const strangers = new LRUCache<AccountName, Seen>(atMost(mostAbsent))
  const doubts = new LRUCache<AccountName, { readonly because: Doubt; readonly until: Instant }>(
    atMost(mostAbsent),
  )
  const get = (name: AccountName) => accounts.get(name) ?? strangers.get(name) ?? {}

  return {
    get,
    set(name, seen) {
      const [mine, theirs] = seen.agreed?.kept === 'none' ? [strangers, accounts] : [accounts, strangers]
      theirs.delete(name)
      mine.set(name, seen)
      doubts.delete(name)
    },
    standing(name, kept) {
      const { agreed } = get(name)
      if (agreed?.kept !== kept) return 'open'
      const age = now() - agreed.at
      if (agreed.claim === 'none') return age < absentMs ? 'absent' : 'open'
      if (age < freshMs) return 'fresh'
      return age < staleMs ? 'stale' : 'open'
    },
    doubt(name, because) {
      doubts.set(name, { because, until: now() + doubtMs })
    },
    doubtAbout(name) {
      const doubt = doubts.get(name)
      return doubt !== undefined && now() < doubt.until ? doubt.because : undefined
    },
  }
}

/** The questions about names that are nobody's account as far as we know: strangers can invent them without end. */
export interface UnknownNameBudget {
  /** Whether one more may be asked about; takes it off the budget then. */
  admit(): boolean | Promise<boolean>
}

/**
 * A budget of so many in a minute, filled evenly; after a quiet minute that many can be asked at once. `elsewhere`:
 * the budget that all processes share, asked only if ours has something left.
 */
export function createUnknownNameBudget(options: {
  readonly perMinute: number
  readonly now: () => Instant
  readonly elsewhere?: UnknownNameBudget | undefined
}): UnknownNameBudget {
  const { perMinute, now, elsewhere } = options
  let left = perMinute
  let filled = now()

  return {
    admit() {
      const since = now() - filled
      filled += since
      left = Math.min(perMinute, left + (Math.max(0, since) * perMinute) / 60_000)
      if (left < 1) return false
      left -= 1
      return elsewhere === undefined || elsewhere.admit()
    },
  }
}
