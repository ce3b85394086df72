import type { AccountName, Instant } from '../gateway/names.ts'
import type { Outage } from '../gateway/outage.ts'
import type { AccountDirectory, News } from '../gateway/ports.ts'
import type { Registry } from '../gateway/registry.ts'
import type { RedisServer } from '../redis/server.ts'
import type { Answer, Told } from './answer.ts'
import { type AzureDevOpsOptions, createAzureDevOps } from './azure-devops.ts'
import { createKeeper, createDryRun } from './keeper.ts'
import { createUnknownNameBudget, type Lifetimes } from './memory.ts'
import { createSharedAnswers } from './shared.ts'
import { createWatchedAccounts } from './watched.ts'

/** How Azure DevOps is asked, and what its answers are worth. */
export interface AskedSettings extends Lifetimes, Omit<AzureDevOpsOptions, 'now'> {
  /** Where the requests of a new account go, with `{account}`. */
  readonly upstream: string
  readonly confirmAfterSeconds: number
  /** Questions about names that nobody has seen. */
  readonly strangersPerMinute: number
}

export interface AskedParts {
  /** The accounts that are kept, up to date after `news.catchUp()`. */
  readonly store: Pick<AccountDirectory, 'find'>
  readonly news: News
  readonly registry: Registry
  /** Missing: one machine, or each process for itself. */
  readonly redis: RedisServer | undefined
  /** What Redis holds is signed with it. */
  readonly key: Uint8Array
  /** A steady clock, for what is remembered. */
  readonly now: () => Instant
  /** Milliseconds by which the clock that all processes share is ahead of it. */
  readonly ahead?: () => number
  readonly asked: (told: Told) => void
  readonly outage: (outage: Outage) => void
}

/** Accounts that Azure DevOps is asked about. */
export interface AskedAccounts extends AccountDirectory {
  /** No question goes on. */
  close(): Promise<void>
}

/** The accounts that Azure DevOps knows; what it says is kept in the store. */
export function createAskedAccounts(settings: AskedSettings, parts: AskedParts): AskedAccounts {
  const { registry, redis, ...rest } = parts
  const { strangersPerMinute: perMinute } = settings
  const source = createAzureDevOps({ ...settings, now: parts.now })
  const shared = redis && createSharedAnswers({ ...rest, server: redis, strangersPerMinute: perMinute })
  const watched = createWatchedAccounts({
    ...settings,
    ...rest,
    source,
    shared,
    keep: createKeeper(registry, settings.upstream),
    strangers: createUnknownNameBudget({ perMinute, now: parts.now, elsewhere: shared?.strangers }),
  })
  return {
    ...watched,
    async close() {
      watched.close()
      shared?.close()
      await source.close()
    },
  }
}

/** The registry of `directory`'s accounts: the page meets accounts of which nobody has presented a credential yet. */
export function withFound(registry: Registry, directory: Pick<AccountDirectory, 'find'>): Registry {
  return {
    ...registry,
    async account(name) {
      return (await directory.find(name)) && (await registry.account(name))
    },
  }
}

/** The same for one look: whatever is asked is asked now, and nothing is written down. */
export interface AskedOnce extends AskedAccounts {
  readonly ask: (name: AccountName) => Promise<Answer>
}

export function createAskedOnce(
  settings: AskedSettings,
  { store, now }: Pick<AskedParts, 'store' | 'now'>,
): AskedOnce {
  const source = createAzureDevOps({ ...settings, now })
  const notebook = createDryRun(settings.upstream)
  const watched = createWatchedAccounts({
    ...settings,
    store: { find: async name => (await store.find(name)) ?? notebook.read(name) },
    news: { catchUp: () => undefined },
    source,
    keep: notebook.keep,
    strangers: { admit: () => true },
    now,
    asked: () => {},
    outage: () => {},
  })
  return {
    ...watched,
    ask: source.ask,
    async close() {
      watched.close()
      await source.close()
    },
  }
}
