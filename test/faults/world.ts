import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import argon2 from 'argon2'
import type { Test } from 'tap'
import { cheapHashing, startAltgate, type Altgate } from '../support/altgate.ts'
import { ask } from '../support/ask.ts'
import { startPostgresPair, type PostgresPair } from '../support/postgres-pair.ts'
import { startPostgres, type Postgres } from '../support/postgres.ts'
import { startCluster, startWatched, type RedisCluster, type Watched } from '../support/redis-servers.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { pipedOutput, type PipedOutput } from '../support/piped-output.ts'
import { recordingUpstream, type RecordingUpstream } from '../support/recording-upstream.ts'
import { settableClock, type SettableClock } from '../support/settable-clock.ts'
import { smallDisk, type SmallDisk } from '../support/small-disk.ts'
import { startLine, type Line } from './line.ts'
import { signInPlace } from './provider.ts'
import type { Callers } from './traffic.ts'

/** What the gateways of a run stand on; every line can be broken by itself. */
export interface FaultWorld {
  readonly gateways: readonly [Altgate, ...Altgate[]]
  readonly upstream: { readonly server: RecordingUpstream; readonly line: Line }
  readonly redis?: { readonly server: TestRedis; readonly line: Line }
  /** Where Redis is not one server. */
  readonly watched?: Watched
  readonly cluster?: RedisCluster
  readonly pair?: PostgresPair
  readonly postgres?: { readonly server: Postgres; readonly line: Line; readonly url: string }
  /** The line to where people sign in, and who does. */
  readonly provider?: Line
  readonly signers: readonly (() => Promise<boolean>)[]
  /** What is the first gateway's alone. */
  readonly clock?: SettableClock
  readonly disk?: SmallDisk
  readonly pipe?: PipedOutput
  readonly callers: readonly Callers[]
}

export interface Needs {
  /** SQLite if left out. */
  readonly postgres?: true
  readonly redis?: true
  /** Instead of `redis`: a primary and a replica that Sentinels watch, or a Cluster of six. */
  readonly watched?: true
  readonly cluster?: true
  /** Instead of `postgres`: a primary and a standby. */
  readonly pair?: true
  /** More than one needs `postgres` and `redis`. */
  readonly gateways?: 1 | 2
  /** A place where people sign in. */
  readonly provider?: true
  /** The first gateway begins with a clock that is so many seconds off. */
  readonly clock?: string
  /** What the first gateway writes lies on a disk of its own. */
  readonly disk?: { readonly under: 'log' | 'audit' | 'store'; readonly onFailure?: 'drop' | 'refuse' }
  /** The first gateway logs to standard output, which is a pipe. */
  readonly pipe?: true
  readonly settings?: Readonly<Record<string, unknown>>
  readonly env?: Readonly<Record<string, string>>
}

/**
 * Without other servers, and with two workers. An upstream that says nothing is given up after two seconds, not after five
 * minutes. One and the same object, so that what needs no more shares a world in the short form.
 */
export const alone: Needs = {
  settings: { workers: 2, upstream: { headersTimeoutSeconds: 2, idleTimeoutSeconds: 2 } },
}

const endless = { guesses: 1_000_000 }
const throttle = { address: endless, credential: endless, everywhere: endless }

/** More than a run writes. */
const diskKiB = 65_536

/** People whose passwords the gateways have never seen when a run begins: enough for several faults in one world. */
const strangers = 800
const password = 'the password of the strangers'
const path = '/contoso/welcome.git/info/refs?service=git-upload-pack'

/** Gateways with an account, Anna's credential, one whose password was replaced, and many that were never used. */
export async function startFaultWorld(t: Pick<Test, 'teardown'>, needs: Needs): Promise<FaultWorld> {
  const server = await recordingUpstream(t as Test)
  const upstream = { server, line: await startLine(t, server.port) }
  const redis = needs.redis && (await redisBehindALine(t))
  const postgres = needs.postgres && (await postgresBehindALine(t))
  const watched = needs.watched && (await startWatched(t))
  const cluster = needs.cluster && (await startCluster(t))
  const pair = needs.pair && (await startPostgresPair(t))
  const provider = needs.provider && (await signInPlace(t))
  const machine = machineOf(t, needs)
  const settings = {
    throttle,
    hashing: { ...cheapHashing, queueLimit: 1000 },
    ...(redis && { redis: { url: `redis://127.0.0.1:${redis.line.port}` } }),
    ...(watched && { redis: { sentinel: { name: 'altgate', hosts: watched.hosts } } }),
    ...(cluster && { redis: { cluster: { hosts: cluster.hosts.slice(0, 2) } } }),
    ...(postgres && { store: { url: postgres.url } }),
    ...(pair && { store: { url: pair.url } }),
    ...provider?.settings,
    ...needs.settings,
  }
  const env = needs.env ?? {}
  const first = await startAltgate(t, {
    settings: { ...settings, ...machine.settings },
    env,
    within: machine.within,
  })
  const gateways = [
    first,
    ...(needs.gateways === 2 ? [await startAltgate(t, { settings, env })] : []),
  ] as const
  await fill(gateways, `http://127.0.0.1:${upstream.line.port}`)
  return {
    gateways,
    upstream,
    callers: callers(),
    signers: provider ? await provider.begin(first) : [],
    ...(provider && { provider: provider.line }),
    ...machine.parts,
    ...(redis && { redis }),
    ...(watched && { watched }),
    ...(cluster && { cluster }),
    ...(postgres && { postgres }),
    ...(pair && { pair }),
  }
}

async function redisBehindALine(t: Pick<Test, 'teardown'>) {
  const server = await startRedis(t)
  return { server, line: await startLine(t, server.port) }
}

async function postgresBehindALine(t: Pick<Test, 'teardown'>) {
  const server = await startPostgres(t)
  const url = new URL(await server.database('altgate'))
  const line = await startLine(t, Number(url.port))
  url.port = String(line.port)
  return { server, line, url: url.href }
}

/** What of the machine under the first gateway can break. */
function machineOf(t: Pick<Test, 'teardown'>, { clock: offset, disk: where, pipe: isPiped }: Needs) {
  const clock = offset === undefined ? undefined : settableClock(t, offset)
  const disk = where && smallDisk(t, diskKiB)
  const pipe = isPiped && pipedOutput(t)
  return {
    within: [...(pipe?.within ?? []), ...(clock?.within ?? [])],
    settings: { ...(disk && where && onDisk(disk, where)), ...(pipe && { log: {} }) },
    parts: { ...(clock && { clock }), ...(disk && { disk }), ...(pipe && { pipe }) },
  }
}

function onDisk({ directory }: SmallDisk, { under, onFailure }: NonNullable<Needs['disk']>) {
  const file = join(directory, under)
  if (under === 'log') return { log: { file } }
  if (under === 'audit') return { audit: { file, onFailure } }
  return { store: { url: `sqlite:${file}` } }
}

async function fill(gateways: FaultWorld['gateways'], upstream: string): Promise<void> {
  const [altgate] = gateways
  await altgate.arrange({
    accounts: { contoso: upstream },
    passwords: { 'anna@example.com': 'the password of anna', 'ben@example.com': 'the old password of ben' },
  })
  // It is remembered wherever it can be: what is wrong about a memory shows when it is replaced.
  for (const { url } of gateways) {
    const { status } = await ask(url + path, { as: ['ben@example.com', 'the old password of ben'] })
    if (status !== 200) throw new Error(`a right password was told ${status}`)
  }
  await altgate.arrange({ passwords: { 'ben@example.com': 'the new password of ben' } })
  const hash = await argon2.hash(password, {
    memoryCost: cheapHashing.memoryKiB,
    timeCost: cheapHashing.passes,
    parallelism: 1,
  })
  const lines = Array.from({ length: strangers }, (_, at) => `stranger-${at}@example.com:${hash}\n`)
  const file = join(altgate.directory, 'strangers.txt')
  writeFileSync(file, lines.join(''))
  await altgate.must(['credential', 'import', file, '--scope', 'msa'])
}

/** Right passwords that are remembered or new, a replaced one, and guesses. */
function callers(): readonly Callers[] {
  let met = 0
  return [
    { path, right: true, next: () => ['anna@example.com', 'the password of anna'] },
    { path, right: true, next: () => [`stranger-${met++ % strangers}@example.com`, password] },
    { path, right: false, next: () => ['ben@example.com', 'the old password of ben'] },
    { path, right: false, next: count => ['anna@example.com', `guess ${count % 50}`] },
  ]
}
