import { join } from 'node:path'
import type { Test } from 'tap'
import type { Tools } from '../../src/commands/tools.ts'
import type { DirectoryId } from '../../src/gateway/names.ts'
import { cheapHashing, startAltgate, type Altgate } from '../support/altgate.ts'
import { makeHosts, type Host } from '../support/hosts.ts'
import { arrange, openOperator } from '../support/operator.ts'
import { checkout, start } from '../support/program.ts'
import { startPostgres, type Postgres } from '../support/postgres.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'

export const anna = 'anna@example.com'
export const path = '/contoso/welcome.git/info/refs'
export const directory = '5f0c2a9e-3b1d-4c66-9d0a-7a51c3e8f214'
export const firstPassword = 'the password number 0'

/** A gateway, and the host that it has for itself. */
export interface HostedGateway {
  readonly host: Host
  readonly altgate: Altgate
}

/** Each part on a host of its own; this process is on one more, with the callers and an operator. */
export interface HostWorld {
  readonly hosts: Readonly<Record<'redis' | 'postgres' | 'upstream', Host>>
  readonly gateways: readonly [HostedGateway, ...HostedGateway[]]
  /** The one that commands are given at, and that is cut off. */
  readonly last: HostedGateway
  readonly redis: TestRedis | undefined
  readonly postgres: Postgres
  /** What commands work with, on this host: for changes by the hundred. */
  readonly operator: Tools
}

/** Old passwords are tried all the time: not what this is about. */
const endless = { guesses: 1_000_000 }
const throttle = {
  address: endless,
  credential: endless,
  everywhere: endless,
  repetition: { requests: 1_000_000 },
}
/** The least that the settings allow: how dear a hash is, is not what this is about. */
const hashing = { ...cheapHashing, queueLimit: 1000 }

export interface WorldOptions {
  /** Without it gateways look at the log of the store. */
  readonly redis: boolean
  readonly settings?: Readonly<Record<string, unknown>>
  /** Milliseconds that a gateway may trust its memory without news from Redis. */
  readonly redisLeaseMs?: number
  /** Three if left out. */
  readonly gateways?: 2 | 3
}

let made: ReturnType<typeof hostsOf> | undefined
function hostsOf() {
  return makeHosts(['redis', 'postgres', 'upstream', 'first', 'second', 'third'])
}

/** Gateways with an account and Anna's credential. All of it ends with the test; the hosts stay for the next one. */
export async function startHostWorld(
  t: Pick<Test, 'teardown'>,
  { redis: wantsRedis, settings: more = {}, redisLeaseMs = 2000, gateways: count = 3 }: WorldOptions,
): Promise<HostWorld> {
  made ??= hostsOf()
  const hosts = made
  const [redis, postgres] = await Promise.all([
    wantsRedis ? startRedis(t, hosts.redis) : undefined,
    startPostgres(t, hosts.postgres),
  ])
  const { address, within } = hosts.upstream
  start(t, [join(checkout, 'test/hosts/upstream.ts'), address, '8080'], process.env, within)
  const store = { url: postgres.url }
  const settings = {
    workers: 1,
    throttle,
    hashing,
    store,
    ...(redis && { redis: { url: redis.url, leaseMs: redisLeaseMs } }),
    ...more,
  }
  const startOn = async (host: Host): Promise<HostedGateway> => ({
    host,
    altgate: await startAltgate(t, { settings, on: host }),
  })
  const first = await startOn(hosts.first)
  const [second, third] = await Promise.all([
    count === 3 ? startOn(hosts.second) : undefined,
    startOn(hosts.third),
  ])

  const operator = await openOperator(first.altgate.config)
  t.teardown(() => operator.close())
  await operator.registry.addDirectory('cli:test', { id: directory as DirectoryId, name: 'Contoso Ltd' })
  await arrange(operator, {
    accounts: { contoso: `http://${address}:8080` },
    passwords: { [anna]: firstPassword },
  })
  const gateways = [first, ...(second ? [second] : []), third] as const
  return { hosts, gateways, last: third, redis, postgres, operator }
}
