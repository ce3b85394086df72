import { randomUUID } from 'node:crypto'
import { Failure } from '../common/failure.ts'
import type { Deliveries } from '../gateway/deliveries.ts'
import type { Confirmations, GrantStore } from '../gateway/delegation.ts'
import { createHistory, type History } from '../gateway/history.ts'
import type { KeyKeeper, KeyName, KeyRing } from '../gateway/key-ring.ts'
import type { Instant } from '../gateway/names.ts'
import type {
  AccountStore,
  Announce,
  ChangeHistory,
  ChangeLog,
  CredentialStore,
  Gateways,
  HashSurvey,
  LastUsed,
  Refusals,
  Revocations,
  SessionStore,
  Turns,
  Waiting,
} from '../gateway/ports.ts'
import type { MoveNotices } from '../gateway/moves.ts'
import type { ApiTokens } from '../gateway/api-token.ts'
import type { OAuthStore } from '../gateway/oauth.ts'
import type { Overview } from '../gateway/overview.ts'
import type { PasswordEnds } from '../gateway/password-ends.ts'
import type { Registry } from '../gateway/registry.ts'
import type { ToolUses } from '../gateway/tool-uses.ts'
import type { Secret } from '../gateway/secret.ts'
import { createAccountRegistry } from './account-registry.ts'
import { createDirectoryRegistry } from './directory-registry.ts'
import { createAccountStore } from './account-store.ts'
import { createApiTokens, createTokenRegistry } from './api-tokens.ts'
import type { TakeOptions, TakenBackup } from './backup.ts'
import { createChangeLog, createMakeChange, type MakeChange, pruneChanges } from './change.ts'
import { createConfirmations } from './confirmations.ts'
import { createCredentialRegistry } from './credential-registry.ts'
import { createCredentialRecords, createCredentialStore } from './credential-store.ts'
import { createSharedTime, type Database, NoStore, type OpenHow } from './database.ts'
import { createDeliveries } from './deliveries.ts'
import { createGateways } from './gateways.ts'
import { createGrantRegistry } from './grant-registry.ts'
import { createGrantStore } from './grants.ts'
import { createKeyKeeper, createKeyRings, KeyRetired } from './key-rings.ts'
import { createHashSurvey, createRevocations } from './keys.ts'
import { createLastUsed } from './last-used.ts'
import { createLinkRegistry } from './link-registry.ts'
import { createMemberRegistry } from './member-registry.ts'
import { migrate } from './migrations.ts'
import { createOAuthStore } from './oauth-store.ts'
import { createOverview } from './overview.ts'
import { createPasswordEnds } from './password-ends.ts'
import { createPasswordRegistry } from './password-registry.ts'
import { createMoveNotices, createMovePlans } from './planned-moves.ts'
import { createRefusals } from './refusals.ts'
import { createRemovalRegistry } from './removal-registry.ts'
import type { Contents, ReadBackup, RestoreOptions } from './restore.ts'
import { createSessionStore } from './session-store.ts'
import { createSwitchRegistry } from './switch-registry.ts'
import { createToolUses } from './tool-uses.ts'
import { createTurns } from './turns.ts'

/** The store of accounts, credentials and the history of changes. All methods throw `Outage` when the database fails. */
export interface Store {
  readonly accounts: AccountStore
  readonly credentials: CredentialStore
  readonly hashSurvey: HashSurvey
  readonly changes: ChangeLog & ChangeHistory
  readonly deliveries: Deliveries
  readonly history: History
  readonly gateways: Gateways
  readonly revocations: Revocations
  readonly grants: GrantStore
  readonly confirmations: Confirmations
  readonly lastUsed: LastUsed
  readonly moveNotices: MoveNotices
  readonly toolUses: ToolUses
  readonly passwordEnds: PasswordEnds
  readonly sessions: SessionStore
  readonly oauth: OAuthStore
  readonly overview: Overview
  readonly apiTokens: ApiTokens
  readonly refusals: Refusals
  readonly turns: Turns
  /**
   * For changes, each of which is passed to `announce` before it is committed. `took` is called with the seconds until it
   * was in force in every process.
   */
  registry(announce: Announce, took?: (seconds: number) => void): Registry
  /** Keys that are the same in every process with this store. They change at `refreshKeys`. */
  keyRing(name: KeyName): Promise<KeyRing>
  /** The one that makes everything now. */
  key(name: KeyName): Promise<Uint8Array>
  refreshKeys(): Promise<void>
  /** For commands that change keys. */
  keyKeeper(announce: Announce): KeyKeeper
  /** Takes a backup, while the store may be in use. */
  backup(options: TakeOptions): Promise<TakenBackup>
  /** What a restore would replace. */
  contents(): Promise<Contents>
  /** Replaces what the store has by a backup; see `restore.ts`. */
  restore(backup: ReadBackup, options: Omit<RestoreOptions, 'gateways' | 'now'>): Promise<void>
  /**
   * Marks the store as restored by other means, so that running gateways drop what they remember. `isCopy`: it gets an
   * identity of its own, because the original goes on elsewhere.
   */
  markRestored(announce: Announce, actor: string, isCopy: boolean): Promise<void>
  /** Resolves if the store answers. */
  ping(): Promise<void>
  /** A pending change is undone on SQLite, and waited for on PostgreSQL. */
  close(): Promise<void>
}

export interface StoreOptions {
  /** `sqlite:./data/altgate.db`, relative to the working directory, or `postgres://user:password@host/db`. */
  readonly url: Secret
  readonly how?: OpenHow
  /** The store that is expected (`History.store`); left out: any. Another one is an `Outage`. */
  readonly expected?: string | undefined
  /** Milliseconds since 1970. */
  readonly clock?: () => Instant
  /** Called for changes that wait for gateways. */
  readonly waiting?: Waiting | undefined
}

/**
 * Opens the store, creates it if there is none and `how` allows, and brings its tables up to date. Throws `Failure` if `url` cannot
 * be read or the store is newer than this program; else `Outage`.
 */
export async function openStore({
  url,
  how = 'make',
  expected,
  clock = Date.now,
  waiting,
}: StoreOptions): Promise<Store> {
  const database = await openDatabase(url, how)
  try {
    if (how !== 'make' && !(await hasTables(database))) throw new NoStore(noStore)
    await database.exclusively(async db => {
      await migrate(db, clock())
      await pruneChanges(db, clock())
    })
    const store = storeOn(database, { clock, expected, waiting })
    await store.ping() // records which store it is
    return store
  } catch (error) {
    await database.close()
    throw error
  }
}

const noStore =
  'There is no store in the database. Start the gateway once, or run altgate store init. If there was one, restore it from a backup.'

async function hasTables({ reading }: Database): Promise<boolean> {
  const tables = await reading.introspection.getTables()
  return tables.some(({ name }) => name === 'migrations')
}

/** A driver takes some megabytes in every worker, so only the configured one is loaded. */
async function openDatabase(url: Secret, how: OpenHow): Promise<Database> {
  const text = url.reveal()
  const file = /^sqlite:(?!\/\/)(.+)$/.exec(text)?.[1]
  if (file !== undefined) return await (await import('./sqlite.ts')).openSqlite(file, how)
  if (/^postgres(?:ql)?:\/\//.test(text)) {
    const { readPostgresHosts } = await import('./postgres-hosts.ts')
    const hosts = readPostgresHosts(url)
    if (hosts !== undefined) return (await import('./postgres.ts')).openPostgres(hosts, how)
  }
  // Without the address, which may contain a password.
  throw new Failure(
    'The address of the store is not valid. Use sqlite:FILE (the path of a file) or postgres://USER:PASSWORD@HOST/DATABASE.',
  )
}

function storeOn(
  database: Database,
  {
    clock,
    expected,
    waiting,
  }: { readonly clock: () => Instant } & Pick<StoreOptions, 'expected' | 'waiting'>,
): Store {
  const { reading } = database
  const history = createHistory(expected)
  const gateways = createGateways(database, waiting)
  const changes = createChangeLog(database, history)
  const time = createSharedTime(database, clock)
  const keyRings = createKeyRings(database, clock)
  const changing = (announce: Announce, took: (seconds: number) => void): MakeChange => {
    const makeChange = createMakeChange(database, { history, gateways, announce, took, now: clock })
    return async (who, work) => {
      try {
        return await makeChange(who, work)
      } catch (error) {
        if (error instanceof KeyRetired) await keyRings.refresh() // so that the next try succeeds
        throw error
      }
    }
  }
  return {
    accounts: createAccountStore(reading, history),
    credentials: createCredentialStore(database, history),
    hashSurvey: createHashSurvey(reading),
    changes,
    deliveries: createDeliveries(database, history, clock),
    history,
    gateways,
    revocations: createRevocations(database, clock),
    grants: createGrantStore(database, history, time),
    confirmations: createConfirmations(database, time),
    lastUsed: createLastUsed(database),
    moveNotices: createMoveNotices(database),
    toolUses: createToolUses(database, clock),
    passwordEnds: createPasswordEnds(database),
    sessions: createSessionStore(database, clock),
    oauth: createOAuthStore(database, clock),
    overview: createOverview(database, time),
    apiTokens: createApiTokens(database),
    refusals: createRefusals(database, clock),
    turns: createTurns(database, time),
    registry(announce, took = () => {}) {
      const makeChange = changing(announce, took)
      return {
        ...createDirectoryRegistry(reading, makeChange),
        ...createAccountRegistry(reading, makeChange),
        ...createMovePlans(makeChange),
        ...createMemberRegistry(reading, makeChange),
        ...createLinkRegistry(reading, makeChange),
        ...createCredentialRecords(reading),
        ...createCredentialRegistry(makeChange),
        ...createSwitchRegistry(reading, makeChange),
        ...createRemovalRegistry(makeChange),
        ...createPasswordRegistry(reading, makeChange, clock),
        ...createGrantRegistry(makeChange, time),
        ...createTokenRegistry(makeChange),
      }
    },
    keyRing: name => keyRings.ring(name),
    key: async name => (await keyRings.ring(name)).current.bytes,
    refreshKeys: () => keyRings.refresh(),
    keyKeeper: announce => createKeyKeeper({ reading, makeChange: changing(announce, () => {}), now: clock }),
    backup: async options => (await import('./backup.ts')).takeBackup(database, options),
    contents: async () => (await import('./restore.ts')).contentsOf(reading),
    restore: async (backup, options) =>
      (await import('./restore.ts')).restore(database, backup, { ...options, gateways, now: clock() }),
    async markRestored(announce, actor, isCopy) {
      const change = { actor, action: 'store-restored' } as const
      await changing(announce, () => {})(change, async db => {
        if (isCopy) await db.updateTable('revision').set({ store: randomUUID() }).execute()
        return { usernames: [] }
      })
    },
    async ping() {
      await changes.revision()
    },
    close: () => database.close(),
  }
}
