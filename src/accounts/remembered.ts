import { LRUCache } from 'lru-cache'
import { createSharedCalls } from '../common/calls.ts'
import { atMost } from '../engine/memory.ts'
import type { Account } from '../gateway/account.ts'
import { createForgotten, lateSeconds } from '../gateway/forgotten.ts'
import type { AccountName, Instant, Revision } from '../gateway/names.ts'
import type { AccountDirectory, AccountStore, FoundAccount } from '../gateway/ports.ts'

/** A cache of the store's accounts. Cached accounts are served while the store is down. */
export interface RememberedAccounts extends AccountDirectory {
  /** Discards what was read about this account before the revision, including reads that finish later. */
  forget(name: AccountName, revision: Revision): void
  /** The same for every account. */
  forgetAll(revision: Revision): void
}

export interface RememberedOptions {
  readonly store: AccountStore
  readonly now: () => Instant
  /** Seconds for which an account is known. */
  readonly ttlSeconds?: number
  /** Seconds for which it is known that there is no account of a name. */
  readonly absentTtlSeconds?: number
  readonly entries?: number
  /** Clients can invent any number of names: these are few and separate, so they displace no accounts. */
  readonly absentEntries?: number
}

interface Remembered extends FoundAccount {
  readonly until: Instant
}

/** Changed accounts that are tracked individually. */
const mostForgotten = 10_000

export function createRememberedAccounts(options: RememberedOptions): RememberedAccounts {
  const {
    store,
    now,
    ttlSeconds = 300,
    absentTtlSeconds = 30,
    entries = 50_000,
    absentEntries = 1000,
  } = options
  const present = new LRUCache<AccountName, Remembered>(atMost(entries))
  const absent = new LRUCache<AccountName, Remembered>(atMost(absentEntries))
  const reads = createSharedCalls<AccountName, FoundAccount>()
  const keepSeconds = Math.max(lateSeconds, ttlSeconds, absentTtlSeconds)
  const forgotten = createForgotten<AccountName>({ most: mostForgotten, keepSeconds, now })

  function recall(name: AccountName): Remembered | undefined {
    const known = present.get(name) ?? absent.get(name)
    if (known === undefined || known.until <= now()) return undefined
    return forgotten.covers(name, known.asOf) ? undefined : known
  }

  function remember(name: AccountName, found: FoundAccount): void {
    if (forgotten.covers(name, found.asOf)) return
    const exists = found.account !== undefined
    const [mine, theirs] = exists ? [present, absent] : [absent, present]
    theirs.delete(name)
    mine.set(name, { ...found, until: now() + (exists ? ttlSeconds : absentTtlSeconds) * 1000 })
  }

  async function read(name: AccountName): Promise<FoundAccount> {
    const found = await store.find(name)
    remember(name, found)
    return found
  }

  /**
   * Shares a pending read, unless it turns out to be older than a change that this process knows of: it may have begun
   * before a commit that the caller must see. Any read that began since then is recent enough.
   */
  async function ask(name: AccountName): Promise<Account | undefined> {
    let isOwn = false
    const first = await reads.join(name, () => {
      isOwn = true
      return read(name)
    })
    if (isOwn || !forgotten.covers(name, first.asOf)) return first.account
    return (await reads.join(name, () => read(name))).account
  }

  function find(name: AccountName): Promise<Account | undefined> | Account | undefined {
    const known = recall(name)
    return known === undefined ? ask(name) : known.account
  }

  return {
    find,
    confirm: find, // after the news has been read, the cache is as current as the store
    forget(name, revision) {
      forgotten.add(name, revision)
    },
    forgetAll(revision) {
      forgotten.addAll(revision)
    },
  }
}
