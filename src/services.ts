import { createRememberedAccounts, type RememberedAccounts } from './accounts/remembered.ts'
import type { Tools } from './commands/tools.ts'
import { openFoundation, type Foundation } from './foundation.ts'
import type { AttemptKeys } from './gateway/attempt.ts'
import { createGateway, type Gateway } from './gateway/gateway.ts'
import type { GeneratedPasswords } from './gateway/generated-password.ts'
import type {
  CredentialStore,
  LastUsed,
  News,
  PasswordHasher,
  SessionStore,
  VerdictCache,
} from './gateway/ports.ts'
import type { Outage } from './gateway/outage.ts'
import type { Registry } from './gateway/registry.ts'
import { createVerifier } from './gateway/verifier.ts'
import { createArgon2id } from './hashing/argon2id.ts'
import { createRedisNews } from './news/redis-news.ts'
import { createStoreNews } from './news/store-news.ts'
import type { Settings } from './settings/schema.ts'
import { createLocalVerdicts, type LocalVerdicts } from './verdicts/local.ts'
import { createSharedVerdicts } from './verdicts/shared.ts'
import { createVerdictCache } from './verdicts/two-tier.ts'

/** What a worker serves with. */
export interface Services {
  readonly gateway: Gateway
  /** For the page: changes made here hold everywhere when they are done. */
  readonly registry: Registry
  readonly lastUsed: LastUsed
  readonly sessions: SessionStore
  readonly credentials: CredentialStore
  readonly keys: AttemptKeys
  readonly generated: GeneratedPasswords
  close(): Promise<void>
}

export interface ServiceParts {
  readonly hasher: PasswordHasher
  /** Told of every part that failed. */
  readonly outage: (outage: Outage) => void
  /** Told when a good password could not be given a dearer hash. */
  readonly upgradeFailed: (error: unknown) => void
  /** Told how many seconds it took until a change held in every process. */
  readonly revoked: (seconds: number) => void
}

/** Settings become implementations: the one place that chooses. Closes them in reverse order. Throws `Outage`. */
export async function openServices(settings: Settings, parts: ServiceParts): Promise<Services> {
  await using opening = new AsyncDisposableStack()
  const foundation = await openFoundation(settings, parts.revoked)
  const { store, keys, generated } = foundation
  opening.defer(() => store.close())

  const local = createLocalVerdicts({
    ...settings.verdicts,
    goodEntries: settings.verdicts.matchEntries,
    now: Date.now,
  })
  const accounts = createRememberedAccounts({ store: store.accounts, now: Date.now })
  const { news, verdicts } = memoryOf(settings, { foundation, local, accounts, parts, opening })

  const gateway = createGateway({
    naming: settings.accounts.naming,
    httpsOnly: settings.plainHttp === 'refuse' && settings.publicUrl.startsWith('https:'),
    news,
    accounts,
    keys,
    verifier: createVerifier({ credentials: store.credentials, verdicts, generated, ...parts }),
    outage: parts.outage,
  })
  const open = opening.move()
  return {
    gateway,
    registry: store.registry(foundation.announce),
    lastUsed: store.lastUsed,
    sessions: store.sessions,
    credentials: store.credentials,
    keys,
    generated,
    close: () => open.disposeAsync(),
  }
}

interface Memory {
  readonly foundation: Foundation
  readonly local: LocalVerdicts
  readonly accounts: RememberedAccounts
  readonly parts: ServiceParts
  readonly opening: AsyncDisposableStack
}

/** What this process remembers, and what makes it forget: with Redis the news come by themselves. */
function memoryOf(
  settings: Settings,
  memory: Memory,
): { readonly news: News; readonly verdicts: VerdictCache } {
  const { foundation, local, accounts, parts, opening } = memory
  const { store, keys, verdictKey, redis: server } = foundation
  const { outage } = parts
  const forget: Parameters<typeof createStoreNews>[0]['forget'] = ({ account, slots, revision }) => {
    local.forget(slots, revision)
    if (account !== undefined) accounts.forget(account, revision)
  }
  const storeNews = createStoreNews({
    changes: store.changes,
    slotOf: keys.slot,
    forget,
    forgetAll(revision) {
      local.forgetAll(revision)
      accounts.forgetAll(revision)
    },
    outage,
  })
  if (server === undefined) return { news: storeNews, verdicts: createVerdictCache({ local }) }

  const shared = createSharedVerdicts({ server, key: verdictKey, now: Date.now, outage })
  opening.defer(() => shared.close())
  const verdicts = createVerdictCache({ local, shared })
  // A store that has a pulse tells more cheaply than any lease whether something changed.
  if (store.changes.pulse() !== undefined) return { news: storeNews, verdicts }
  const leaseMs = settings.redis?.leaseMs
  const news = createRedisNews({ server, storeNews, forget, outage, ...(leaseMs && { leaseMs }) })
  opening.defer(() => news.close())
  return { news, verdicts }
}

/** What a command works with: no caches, and the one hash it needs is computed here. Throws `Outage`. */
export async function openTools(settings: Settings): Promise<Tools> {
  const { store, keys, generated, redis, announce } = await openFoundation(settings, () => {})
  const hasher = await createArgon2id({ cost: settings.hashing, onFlaw: () => {} })
  return {
    registry: store.registry(announce),
    store: {
      accounts: { find: async name => (await store.accounts.find(name)).account },
      credentials: store.credentials,
      ping: () => store.ping(),
    },
    hasher,
    generated,
    keys,
    ...(redis && { redis }),
    close: () => store.close(),
  }
}
