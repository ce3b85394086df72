import type { Tools } from './commands/tools.ts'
import { openGrants, usableBy } from './delegation/index.ts'
import { createSealing } from './delegation/sealing.ts'
import { watchOf } from './delegation/watch.ts'
import { openFoundation, openSource } from './foundation.ts'
import type { Grant } from './gateway/delegation.ts'
import { Outage } from './gateway/outage.ts'
import type { AccountDirectory, PasswordHasher, Waiting } from './gateway/ports.ts'
import type { Argon2id } from './hashing/argon2id.ts'
import { type HashCost, isOutdated, provesWhole } from './hashing/hash-string.ts'
import type { Settings } from './settings/schema.ts'
import type { Store } from './store/store.ts'
import { createDelegates, methodsOf } from './upstream-auth/index.ts'

/**
 * What a command works with: no caches, and the one hash it needs is computed here. `waiting` is told of changes that take
 * long. Throws `Outage`.
 */
export async function openTools(settings: Settings, waiting?: Waiting): Promise<Tools> {
  // A command has no metrics: it leaves the durations of its changes for a gateway to count.
  const took: number[] = []
  const revoked = (seconds: number) => void took.push(seconds)
  const foundation = await openFoundation(settings, revoked, 'expect', { waiting })
  const { store, keys, generated, redis, registry } = foundation
  const find: AccountDirectory['find'] = async name => (await store.accounts.find(name)).account
  const inStore = { find, confirm: find }
  const source = await openSource(settings, inStore)
  const changing = registry()
  const { signIn: authorities, secrets } = settings
  const sealing = secrets.sealingKeys.length === 0 ? undefined : createSealing(secrets.sealingKeys)
  const isUsable = usableBy(sealing, authorities)
  return {
    registry: changing,
    emergency: { registry: foundation.registryInLog(), certainAfterMs: certainAfterMs(settings, store) },
    store: {
      accounts: source ?? inStore,
      credentials: store.credentials,
      grants: store.grants,
      changes: store.changes,
      refusals: store.refusals,
      keyKeeper: store.keyKeeper(foundation.announce),
      ping: () => store.ping(),
    },
    hasher: hasherOnDemand(settings.hashing),
    generated,
    keys,
    grants: openGrants({
      authorities: settings.signIn,
      sealingKeys: settings.secrets.sealingKeys,
      grants: store.grants,
      registry: changing,
    }),
    delegation: {
      grants: store.grants,
      delegates: createDelegates(methodsOf(settings)),
      opens: opensGrants(settings),
    },
    tokens: tokensOf(settings),
    watch: (credential, grant) => watchOf(credential, grant, { authorities, isUsable }),
    ...(redis && { redis }),
    ...(source && { source }),
    async close() {
      await source?.close()
      try {
        for (const seconds of took) await store.revocations.add(seconds)
      } catch (error) {
        if (!(error instanceof Outage)) throw error // the change is made and has been reported
      } finally {
        await store.close()
      }
    },
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

/** Loads argon2 when a command first hashes, and makes its decoy when one first compares: most do neither. */
function hasherOnDemand(cost: HashCost): PasswordHasher {
  let loading: Promise<Argon2id> | undefined
  async function load(): Promise<Argon2id> {
    const { createArgon2id } = await import('./hashing/argon2id.ts')
    return await createArgon2id({ cost, onFlaw: () => {} })
  }
  const argon2id = () => (loading ??= load())
  return {
    hash: async password => (await import('./hashing/argon2id.ts')).makeHash(password, cost),
    compare: async (attempt, against) => (await argon2id()).compare(attempt, against),
    outdated: hash => isOutdated(hash, cost),
    provesWhole,
  }
}

/** Once for each service principal, however many accounts it is for. */
function tokensOf(settings: Settings): Tools['tokens'] {
  const all = [settings.upstreamAuth, ...Object.values(settings.upstreamAuthByAccount)].flatMap(each =>
    each.method === 'delegated' && each.fallback ? [each, each.fallback.upstreamAuth] : [each],
  )
  const principals = all.filter(each => each.method === 'entra-service-principal')
  const distinct = new Map(principals.map(each => [`${each.issuer} ${each.clientId} ${each.scope}`, each]))
  return [...distinct.values()].map(each => ({
    issuer: each.issuer,
    async ask() {
      const { askForToken } = await import('./upstream-auth/entra-token.ts')
      const { keptSecret } = await import('./upstream-auth/kept-secret.ts')
      return await askForToken(each, keptSecret(each.clientSecret, Date.now, () => {})())
    },
  }))
}

/** Whether one of the sealing keys opens a grant. */
function opensGrants({ secrets: { sealingKeys } }: Settings): (grant: Grant) => boolean {
  if (sealingKeys.length === 0) return () => false
  const sealing = createSealing(sealingKeys)
  return grant =>
    grant.refreshToken !== undefined && sealing.open(grant.refreshToken, { refreshOf: grant }) !== undefined
}
