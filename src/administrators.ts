import { createTokenKeeper, type TokenKeeper } from './administration/tokens.ts'
import type { Tools } from './administration/tools.ts'
import { openGrants, usableBy } from './delegation/index.ts'
import { createSealing } from './delegation/sealing.ts'
import { watchOf } from './delegation/watch.ts'
import type { Foundation } from './foundation.ts'
import type { ApiTokens } from './gateway/api-token.ts'
import type { Grant } from './gateway/delegation.ts'
import type { AccountDirectory, AccountStore, PasswordHasher } from './gateway/ports.ts'
import type { Registry } from './gateway/registry.ts'
import type { Settings } from './settings/schema.ts'
import type { Store } from './store/store.ts'
import { createDelegates, methodsOf } from './upstream-auth/index.ts'

/** What operators work with in a worker. */
export interface Administration {
  readonly tools: Tools
  readonly tokens: TokenKeeper
  readonly apiTokens: ApiTokens
}

interface Parts {
  readonly foundation: Foundation
  readonly registry: Registry
  /** Where an explanation looks accounts up. */
  readonly accounts: AccountDirectory
  readonly hasher: PasswordHasher
}

/** What operators work with, whether in a process of their own or in a worker. */
export function administrationOn(settings: Settings, { foundation, ...parts }: Parts): Tools {
  const { store, keys, generated } = foundation
  const { signIn: authorities, secrets } = settings
  const sealing = secrets.sealingKeys.length === 0 ? undefined : createSealing(secrets.sealingKeys)
  const isUsable = usableBy(sealing, authorities)
  const { registry, accounts, hasher } = parts
  const { credentials, grants, changes, refusals, overview, toolUses } = store
  return {
    registry,
    emergency: { registry: foundation.registryInLog(), certainAfterMs: certainAfterMs(settings, store) },
    store: { accounts, credentials, grants, changes, refusals, overview, toolUses },
    hasher,
    generated,
    keys,
    grants: openGrants({ authorities, sealingKeys: secrets.sealingKeys, grants, registry }),
    delegation: {
      grants,
      delegates: createDelegates(methodsOf(settings)),
      opens: (grant: Grant) =>
        sealing !== undefined &&
        grant.refreshToken !== undefined &&
        sealing.open(grant.refreshToken, { refreshOf: grant }) !== undefined,
    },
    watch: (credential, grant) => watchOf(credential, grant, { authorities, isUsable }),
  }
}

/**
 * Milliseconds after which every gateway has read a change from the log of the store. While Redis serves it, it looks once a
 * lease, and the look may begin one lease late; without Redis its lease ends, and it asks before each request, as it
 * always does on SQLite. On PostgreSQL without Redis, the change itself waits for all gateways.
 */
function certainAfterMs({ redis }: Settings, { changes }: Pick<Store, 'changes'>): number {
  return redis === undefined || changes.dataVersion() !== undefined ? 0 : 2 * redis.leaseMs + lookMs
}

/** Milliseconds that a look at the log may take. */
const lookMs = 1000

/** For a worker. `undefined`: neither the API nor the console is switched on. Throws `Outage`. */
export async function openAdministration(
  settings: Settings,
  parts: Parts,
): Promise<Administration | undefined> {
  if (!settings.admin.api && settings.admin.people.length === 0) return undefined
  const { store } = parts.foundation
  const accounts = settings.accounts.source === 'store' ? uncached(store.accounts) : parts.accounts
  const tools = administrationOn(settings, { ...parts, accounts })
  const tokens = createTokenKeeper(await store.keyRing('api-tokens'), store.apiTokens)
  return { tools, tokens, apiTokens: store.apiTokens }
}

/** Explanations show what the store says now. */
function uncached(accounts: AccountStore): AccountDirectory {
  const find: AccountDirectory['find'] = async name => (await accounts.find(name)).account
  return { find, confirm: find }
}
