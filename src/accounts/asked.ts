import type { Keys } from '../gateway/key-ring.ts'
import type { AccountName, Instant } from '../gateway/names.ts'
import type { Outage } from '../gateway/outage.ts'
import type { AccountDirectory, News } from '../gateway/ports.ts'
import type { Registry } from '../gateway/registry.ts'
import type { RedisServer } from '../redis/server.ts'
import type { Answer, AnswerLabel } from './answer.ts'
import { type AzureDevOpsOptions, createAzureDevOps } from './azure-devops.ts'
import { createKeeper, createDryRun } from './keeper.ts'
import { createUnknownNameBudget, type Lifetimes } from './memory.ts'
import { createSharedAnswers } from './shared.ts'
import { createWatchedAccounts } from './watched.ts'

/** How Azure DevOps is asked, and how long its answers count. */
export interface AskedSettings extends Lifetimes, Omit<AzureDevOpsOptions, 'now'> {
  /** The upstream of new accounts, with `{account}`. */
  readonly upstream: string
  readonly confirmAfterSeconds: number
  /** Questions about names that are not known accounts. */
  readonly strangersPerMinute: number
}

export interface AskedParts {
  /** The accounts that are kept, up to date after `news.catchUp()`. */
  readonly store: Pick<AccountDirectory, 'find'>
  readonly news: News
  readonly registry: Registry
  /** Missing: each process keeps its own answers. */
  readonly redis: RedisServer | undefined
  /** Signs the answers in Redis. */
  readonly key: Keys
  /** A steady clock, for cached answers. */
  readonly now: () => Instant
  /** Milliseconds by which the clock shared by all processes is ahead of it. */
  readonly ahead?: () => number
  readonly asked: (answered: AnswerLabel) => void
  readonly outage: (outage: Outage) => void
}

/** Accounts that Azure DevOps is asked about. */
export interface AskedAccounts extends AccountDirectory {
  /** Ends all questions. */
  close(): Promise<void>
}

/** The accounts of Azure DevOps. Its answers are kept in the store. */
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
    unknownNames: createUnknownNameBudget({ perMinute, now: parts.now, elsewhere: shared?.unknownNames }),
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

/** A registry that looks accounts up in `directory` first: the page is asked for accounts that no client has used yet. */
export function withFound(registry: Registry, directory: Pick<AccountDirectory, 'find'>): Registry {
  return {
    ...registry,
    async account(name) {
      return (await directory.find(name)) && (await registry.account(name))
    },
  }
}

/** The same for one command: each question is asked now, and nothing is stored. */
export interface AskedOnce extends AskedAccounts {
  readonly ask: (name: AccountName) => Promise<Answer>
}

export function createAskedOnce(
  settings: AskedSettings,
  { store, now }: Pick<AskedParts, 'store' | 'now'>,
): AskedOnce {
  const source = createAzureDevOps({ ...settings, now })
  const dryRun = createDryRun(settings.upstream)
  const watched = createWatchedAccounts({
    ...settings,
    store: { find: async name => (await store.find(name)) ?? dryRun.read(name) },
    news: { catchUp: () => undefined },
    source,
    keep: dryRun.keep,
    unknownNames: { admit: () => true },
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
