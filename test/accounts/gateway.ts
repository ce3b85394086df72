import { join } from 'node:path'
import type { Test } from 'tap'
import { type AskedAccounts, type AskedSettings, createAskedAccounts } from '../../src/accounts/asked.ts'
import { createRememberedAccounts } from '../../src/accounts/remembered.ts'
import { type Account, scopeOf } from '../../src/gateway/account.ts'
import { createAttemptKeys } from '../../src/gateway/attempt.ts'
import type { AccountName } from '../../src/gateway/names.ts'
import { Outage } from '../../src/gateway/outage.ts'
import type { Registry } from '../../src/gateway/registry.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { createStoreNews } from '../../src/revocation/store-news.ts'
import { openStore } from '../../src/store/store.ts'
import { redisAt, type RedisServer } from '../../src/redis/server.ts'
import type { Shards } from '../../src/redis/cluster.ts'
import { temporaryDirectory } from '../support/directory.ts'
import type { FakeAzureDevOps } from '../support/fake-azure-devops.ts'
import { until } from '../support/until.ts'

export const fabrikam = 'fabrikam' as AccountName
export const a = '11111111-1111-4111-8111-111111111111'
export const b = '22222222-2222-4222-8222-222222222222'

/** A clock set by hand, the same for all gateways that are given it. */
export interface Clock {
  now: number
}

/** A process of a gateway, as far as it is about accounts: real store, real news, a clock set by hand. */
export interface AccountsOfAGateway extends Pick<AskedAccounts, 'close'> {
  readonly registry: Registry
  /** In a word: the scope of the account, `none`, or why it is unknown. */
  readonly found: (name?: string) => Promise<string>
  readonly confirmed: (name?: string) => Promise<string>
  /** What questions told, in order. */
  readonly told: string[]
  /** What failed behind the answers' backs. */
  readonly outages: Outage[]
  readonly advance: (seconds: number) => void
  readonly find: (name: AccountName) => Promise<Account | undefined>
}

export interface GatewayOptions {
  /** The file of the store; one of its own if left out. */
  readonly file?: string
  readonly redisUrl?: string
  readonly clock?: Clock
  /** Milliseconds by which the clock was wrong when this process began. */
  readonly behind?: number
  readonly settings?: Partial<AskedSettings>
}

/** Opens it; it ends with the test. */
export async function aGateway(
  t: Test,
  { template }: Pick<FakeAzureDevOps, 'template'>,
  options: GatewayOptions = {},
): Promise<AccountsOfAGateway> {
  const { file = storeFile(t), redisUrl, clock = { now: Date.now() }, settings = {}, behind = 0 } = options
  const now = () => clock.now - behind
  const store = await openStore({ url: new Secret(`sqlite:${file}`), clock: now })
  const remembered = createRememberedAccounts({ store: store.accounts, now })
  const registry = store.registry(async () => {})
  const connections: Shards[] = []
  const told: string[] = []
  const outages: Outage[] = []
  const outage = (each: Outage) => void outages.push(each)
  const keys = createAttemptKeys(await store.key('verdicts'))
  const news = createStoreNews({
    changes: store.changes,
    slotOf: keys.slot,
    forget: ({ account, revision }) => account && remembered.forget(account, revision),
    forgetAll: revision => remembered.forgetAll(revision),
    outage,
  })
  const accounts = createAskedAccounts(
    {
      address: template,
      upstream: template,
      authorities: ['login.microsoftonline.com', 'login.windows.net'],
      timeoutSeconds: 5,
      freshSeconds: 300,
      staleSeconds: 3600,
      absentSeconds: 60,
      confirmAfterSeconds: 60,
      strangersPerMinute: 60,
      ...settings,
    },
    {
      store: remembered,
      news,
      registry,
      redis: redisUrl === undefined ? undefined : noting(redisAt({ url: new Secret(redisUrl) }), connections),
      key: await store.key('verdicts'),
      now,
      ahead: () => behind,
      asked: each => void told.push(each),
      outage,
    },
  )
  await until(() => connections.every(shards => shards.of('any') !== undefined))
  t.teardown(async () => {
    await accounts.close()
    await store.close()
  })
  const inAWord =
    (ask: AskedAccounts['find']) =>
    async (name: string = fabrikam): Promise<string> => {
      try {
        await news.catchUp() // as the gateway does
        const account = await ask(name as AccountName)
        return account ? scopeOf(account.connection) : 'none'
      } catch (error) {
        if (!(error instanceof Outage)) throw error
        return error.part
      }
    }
  return {
    registry,
    find: async name => accounts.find(name),
    found: inAWord(name => accounts.find(name)),
    confirmed: inAWord(name => accounts.confirm(name)),
    close: () => accounts.close(),
    told,
    outages,
    advance: seconds => void (clock.now += seconds * 1000),
  }
}

/** The same server; what is kept connected to it is noted. */
function noting(server: RedisServer, connections: Shards[]): RedisServer {
  return {
    ...server,
    keep(...wanted) {
      const shards = server.keep(...wanted)
      connections.push(shards)
      return shards
    },
  }
}

/** A place for a store that several gateways share. */
export function storeFile(t: Test): string {
  return join(temporaryDirectory(t), 'altgate.db')
}
