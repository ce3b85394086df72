import { setTimeout as delay } from 'node:timers/promises'
import type { AskedOnce, AskedParts, AskedSettings } from './accounts/asked.ts'
import { readGivenFile } from './common/failure.ts'
import { type AttemptKeys, createAttemptKeys } from './gateway/attempt.ts'
import { createGeneratedPasswords, type GeneratedPasswords } from './gateway/generated-password.ts'
import type { KeyRing } from './gateway/key-ring.ts'
import { Outage } from './gateway/outage.ts'
import type { AccountDirectory, Announce } from './gateway/ports.ts'
import type { Registry } from './gateway/registry.ts'
import { steadyNow, wallAhead } from './gateway/steady-now.ts'
import type { RedisServer } from './redis/server.ts'
import { createPublisher } from './revocation/publisher.ts'
import type { Settings } from './settings/schema.ts'
import type { OpenHow } from './store/database.ts'
import { openStore, type Store, type StoreOptions } from './store/store.ts'
import { createRevoke, type Revoke } from './verdicts/kept.ts'

/** What every process needs, whether it serves requests or runs a command. */
export interface Foundation {
  readonly store: Store
  /** The bytes behind `keys`. */
  readonly namesKey: Uint8Array
  /** What Redis holds is sealed with them. */
  readonly verdictKeys: KeyRing
  readonly keys: AttemptKeys
  readonly generated: GeneratedPasswords
  /** `undefined` without `redis` in the settings. */
  readonly redis: RedisServer | undefined
  /** Removes verdicts from Redis. */
  readonly revoke: Revoke | undefined
  /** Tells every gateway of a change, before it is committed. */
  readonly announce: Announce
  /** For changes. */
  readonly registry: () => Registry
  /** The same without Redis, for emergencies: a change is in force when all gateways have read the store's log. */
  readonly registryInLog: () => Registry
}

/**
 * `how`: what to do if there is no store; `expected`: which store it has to be. `revoked` is told the seconds until each
 * change was in force everywhere; `waiting` is told of changes that take long. Throws `Outage`. The caller closes `store`.
 */
export async function openFoundation(
  settings: Pick<Settings, 'store' | 'redis' | 'verdicts'>,
  revoked: (seconds: number) => void,
  how: OpenHow,
  { expected, waiting }: Pick<StoreOptions, 'expected' | 'waiting'> = {},
): Promise<Foundation> {
  const store = await openStore({ url: settings.store.url, how, expected, waiting })
  try {
    const namesKey = await store.key('names')
    const verdictKeys = await store.keyRing('verdicts')
    const keys = createAttemptKeys(namesKey)
    const generated = createGeneratedPasswords(await store.keyRing('passwords'))
    const redis = settings.redis && (await import('./redis/server.ts')).redisAt(settings.redis)
    const revoke = redis && createRevoke(redis, settings.verdicts)
    const announce =
      redis && revoke
        ? createPublisher({
            server: redis,
            revoke,
            slotOf: keys.slot,
            took: revoked,
            leaseMs: settings.redis.leaseMs,
            waiting,
          })
        : inTheLog
    return {
      store,
      namesKey,
      verdictKeys,
      keys,
      generated,
      redis,
      revoke,
      announce,
      registry: () => store.registry(announce, redis ? undefined : revoked),
      registryInLog: () => store.registry(inTheLog),
    }
  } catch (error) {
    await store.close()
    throw error
  }
}

/** Milliseconds between two tries to reach a store that is down. */
const storePause = 1000

/**
 * Opens what needs the store, again and again until the store answers; `silent` is told each time that it does not. Given
 * `stop`, it ends when that is aborted, with `undefined`. Throws what else `open` throws.
 */
export async function whenStoreAnswers<T>(
  open: () => Promise<T>,
  silent: (outage: Outage) => void,
): Promise<T>
export async function whenStoreAnswers<T>(
  open: () => Promise<T>,
  silent: (outage: Outage) => void,
  stop: AbortSignal,
): Promise<T | undefined>
export async function whenStoreAnswers<T>(
  open: () => Promise<T>,
  silent: (outage: Outage) => void,
  stop?: AbortSignal,
): Promise<T | undefined> {
  while (!stop?.aborted) {
    try {
      return await open()
    } catch (error) {
      if (!(error instanceof Outage)) throw error
      silent(error)
      await delay(storePause, undefined, { signal: stop }).catch(() => {})
    }
  }
  return undefined
}

/** Without Redis each process reads the store's log of changes before it answers, so there is nothing to announce. */
async function inTheLog(): Promise<void> {}

/** Where accounts are looked up, and the registry that changes them. */
export interface Directory {
  readonly accounts: AccountDirectory
  readonly registry: Registry
}

type DirectoryParts = Pick<AskedParts, 'store' | 'news' | 'asked' | 'outage'> & {
  readonly store: AccountDirectory
  readonly foundation: Foundation
  readonly opening: AsyncDisposableStack
}

/** `store`: the accounts in the store. Whatever it opens is closed with `opening`. */
export async function openDirectory(settings: Settings, parts: DirectoryParts): Promise<Directory> {
  const { foundation, opening, store } = parts
  const registry = foundation.registry()
  if (settings.accounts.source === 'store') return { accounts: store, registry }
  const { createAskedAccounts, withFound } = await import('./accounts/asked.ts')
  const { redis, verdictKeys: key } = foundation
  const accounts = createAskedAccounts(askedSettings(settings), {
    ...parts,
    registry,
    redis,
    key,
    now: steadyNow,
    ahead: wallAhead,
  })
  opening.defer(() => accounts.close())
  return { accounts, registry: withFound(registry, accounts) }
}

/** For a command: nothing is cached and nothing is stored. `undefined`: accounts come from the store alone. */
export async function openSource(
  settings: Settings,
  store: AccountDirectory,
): Promise<AskedOnce | undefined> {
  if (settings.accounts.source === 'store') return undefined
  const { createAskedOnce } = await import('./accounts/asked.ts') // its HTTP client takes as long to load as the rest
  return createAskedOnce(askedSettings(settings), { store, now: steadyNow })
}

function askedSettings({ accounts: { azureDevOps } }: Settings): AskedSettings {
  const { caFile, ...rest } = azureDevOps
  return caFile === undefined ? rest : { ...rest, ca: readGivenFile(caFile) }
}
