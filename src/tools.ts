import { createTokenKeeper } from './administration/tokens.ts'
import { administrationOn } from './administrators.ts'
import type { Tools } from './commands/tools.ts'
import { openFoundation, openSource } from './foundation.ts'
import { Outage } from './gateway/outage.ts'
import type { AccountDirectory, PasswordHasher, Waiting } from './gateway/ports.ts'
import type { Argon2id } from './hashing/argon2id.ts'
import { type HashCost, isOutdated, provesWhole } from './hashing/hash-string.ts'
import type { Settings } from './settings/schema.ts'

/**
 * What a command works with: no caches, and the one hash it needs is computed here. `waiting` is told of changes that take
 * long. Throws `Outage`.
 */
export async function openTools(settings: Settings, waiting?: Waiting): Promise<Tools> {
  // A command has no metrics: it leaves the durations of its changes for a gateway to count.
  const took: number[] = []
  const revoked = (seconds: number) => void took.push(seconds)
  const foundation = await openFoundation(settings, revoked, 'expect', { waiting })
  const { store, redis, registry } = foundation
  const find: AccountDirectory['find'] = async name => (await store.accounts.find(name)).account
  const inStore = { find, confirm: find }
  const source = await openSource(settings, inStore)
  const parts = { foundation, registry: registry(), accounts: source ?? inStore }
  const tools = administrationOn(settings, { ...parts, hasher: hasherOnDemand(settings.hashing) })
  return {
    ...tools,
    store: {
      ...tools.store,
      keyKeeper: store.keyKeeper(foundation.announce),
      ping: () => store.ping(),
    },
    apiTokens: {
      list: () => store.apiTokens.list(),
      make: async () => createTokenKeeper(await store.keyRing('api-tokens'), store.apiTokens).make(),
    },
    tokens: tokensOf(settings),
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
  const all = [
    settings.upstreamAuth,
    ...Object.values(settings.upstreamAuthByAccount),
    ...Object.values(settings.upstreamAuthByName),
  ].flatMap(each =>
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
