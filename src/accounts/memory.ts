import { LRUCache } from 'lru-cache'
import { atMost } from '../engine/memory.ts'
import type { AccountName, Instant } from '../gateway/names.ts'
import type { Claim, Doubt } from './answer.ts'
import type { Seen } from './watched.ts'

/** How long an answer counts. */
export interface Lifetimes {
  /** An account's connection: the source is not asked. */
  readonly freshSeconds: number
  /** After that: the account is still served while the source is asked again. */
  readonly staleSeconds: number
  /** That there is no account of a name. */
  readonly absentSeconds: number
}

/**
 * How current the knowledge of an account is. `fresh`: confirmed recently. `stale`: confirmed, but the source should be
 * asked again. `absent`: the source has said that there is none. `open`: the source must be asked first.
 */
type Standing = 'fresh' | 'stale' | 'absent' | 'open'

/** The answers of the source that this process remembers. */
interface Memory {
  get(name: AccountName): Seen
  set(name: AccountName, seen: Seen): void
  /** `kept`: the account's present state in the store. */
  standing(name: AccountName, kept: Claim): Standing
  doubt(name: AccountName, because: Doubt): void
  /** Why the source recently could not tell; it is not asked again immediately. */
  doubtAbout(name: AccountName): Doubt | undefined
}

/** Remembered accounts. */
const most = 50_000
/** Clients can invent any number of names: these are few and separate, so they displace no accounts. */
const mostAbsent = 10_000

/** Milliseconds for which a source that could not tell is not asked. Requests that need the answer get a 503. */
const doubtMs = 5000

export function createMemory(lifetimes: Lifetimes, now: () => Instant): Memory {
  const [freshMs, staleMs, absentMs] = [
    lifetimes.freshSeconds * 1000,
    (lifetimes.freshSeconds + lifetimes.staleSeconds) * 1000,
    lifetimes.absentSeconds * 1000,
  ]
  const accounts = new LRUCache<AccountName, Seen>(atMost(most))
  const unknownNames = new LRUCache<AccountName, Seen>(atMost(mostAbsent))
  const doubts = new LRUCache<AccountName, { readonly because: Doubt; readonly until: Instant }>(
    atMost(mostAbsent),
  )
  const get = (name: AccountName) => accounts.get(name) ?? unknownNames.get(name) ?? {}

  return {
    get,
    set(name, seen) {
      const [mine, theirs] =
        seen.agreed?.kept === 'none' ? [unknownNames, accounts] : [accounts, unknownNames]
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

/** Limits the questions about names that are not known accounts: clients can invent any number of them. */
export interface UnknownNameBudget {
  /** Whether one more may be asked about; if so, takes it from the budget. */
  admit(): boolean | Promise<boolean>
}

/**
 * A budget per minute that refills evenly; after a quiet minute it can be used at once. `elsewhere`: the budget shared
 * by all processes, asked only if this one has something left.
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
