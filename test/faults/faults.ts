import { execFile } from 'node:child_process'
import { truncateSync, openSync, writeSync, closeSync, copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { query } from '../support/postgres.ts'
import { lanesOf, workersOf } from '../support/processes.ts'
import type { LineFault } from './line.ts'
import type { FaultWorld, Needs } from './world.ts'

/** One way in which a part fails, and how it is mended. */
export interface Fault {
  readonly part: 'Redis' | 'PostgreSQL' | 'SQLite' | 'upstream' | 'processes'
  readonly name: string
  readonly needs: Needs
  readonly breaks: (world: FaultWorld) => unknown
  /** Left out: it is over by itself. */
  readonly mends?: (world: FaultWorld) => unknown
  /** Also run, for a moment, by the suite. */
  readonly short?: true
}

const run = promisify(execFile)
/** Its node of a Cluster is the one that matters most. */
const newsKey = 'altgate:announced:{news}'
const withRedis: Needs = { redis: true }
const withBoth: Needs = { redis: true, postgres: true }
const withPostgres: Needs = { postgres: true }
/** An upstream that says nothing is given up after two seconds, not after five minutes. */
const impatient: Needs = { settings: { upstream: { headersTimeoutSeconds: 2, idleTimeoutSeconds: 2 } } }

const shortKinds: ReadonlySet<LineFault['kind']> = new Set(['silent', 'surplus', 'rubbish'])

export const faults: readonly Fault[] = [
  ...lineFaults('Redis', withRedis, ({ redis }) => redis?.line, {
    'does not answer': { kind: 'silent' },
    'refuses connections': { kind: 'refused' },
    'answers half a second late': { kind: 'slow', milliseconds: 500 },
    'sends a reply that was not asked for': { kind: 'surplus', bytes: '$-1\r\n' },
    'sends a push that was not asked for': { kind: 'surplus', bytes: '>3\r\n+message\r\n+x\r\n+y\r\n' },
    'loses bytes of its replies': { kind: 'lost', count: 3 },
    'sends bytes that are no protocol': { kind: 'rubbish' },
    'drops each connection after 200 bytes': { kind: 'cut', afterBytes: 200 },
  }),
  {
    part: 'Redis',
    name: 'is killed and comes back empty',
    needs: withRedis,
    breaks: ({ redis }) => redis?.server.stop(),
    mends: ({ redis }) => redis?.server.start(),
    short: true,
  },
  {
    part: 'Redis',
    name: 'hangs',
    needs: withRedis,
    breaks: ({ redis }) => redis?.server.pause(),
    mends: ({ redis }) => redis?.server.resume(),
    short: true,
  },
  {
    part: 'Redis',
    name: 'becomes a replica that takes no writes',
    needs: withRedis,
    breaks: ({ redis }) => redis?.server.command('REPLICAOF', '127.0.0.1', '1'),
    mends: ({ redis }) => redis?.server.command('REPLICAOF', 'NO', 'ONE'),
  },
  {
    part: 'Redis',
    name: 'is out of memory',
    needs: withRedis,
    breaks: ({ redis }) => redis?.server.command('CONFIG', 'SET', 'maxmemory', '1'),
    mends: ({ redis }) => redis?.server.command('CONFIG', 'SET', 'maxmemory', '0'),
  },
  {
    part: 'Redis',
    name: 'is emptied',
    needs: withRedis,
    breaks: ({ redis }) => redis?.server.command('FLUSHALL'),
  },
  {
    part: 'Redis',
    name: 'forgets its scripts',
    needs: withRedis,
    breaks: ({ redis }) => redis?.server.command('SCRIPT', 'FLUSH'),
  },
  {
    part: 'Redis',
    name: 'pauses its clients',
    needs: withRedis,
    breaks: ({ redis }) => redis?.server.command('CLIENT', 'PAUSE', '1500', 'ALL'),
  },
  {
    part: 'Redis',
    name: 'fails over, asked for, by Sentinels',
    needs: { watched: true, postgres: true, gateways: 2 },
    breaks: ({ watched }) => watched?.failover('asked'),
  },
  {
    part: 'Redis',
    name: 'is killed, and Sentinels make its replica the primary',
    needs: { watched: true, postgres: true, gateways: 2 },
    breaks: ({ watched }) => watched?.failover('killed'),
    short: true,
  },
  {
    part: 'Redis',
    name: 'hangs, and Sentinels make its replica the primary',
    needs: { watched: true, postgres: true, gateways: 2 },
    breaks: ({ watched }) => watched?.failover('hung'),
  },
  {
    part: 'Redis',
    name: 'hands over a node of a Cluster to its replica',
    needs: { cluster: true, postgres: true, gateways: 2 },
    breaks: ({ cluster }) => cluster?.failover(newsKey, 'asked'),
  },
  {
    part: 'Redis',
    name: 'loses a node of a Cluster, and its replica takes over',
    needs: { cluster: true, postgres: true, gateways: 2 },
    breaks: ({ cluster }) => cluster?.failover(newsKey, 'killed'),
    short: true,
  },
  {
    part: 'Redis',
    name: 'moves a slot of a Cluster to another node',
    needs: { cluster: true, postgres: true, gateways: 2 },
    breaks: ({ cluster }) => cluster?.move(newsKey),
  },
  {
    part: 'PostgreSQL',
    name: 'is killed, and its standby becomes the primary',
    needs: { redis: true, pair: true, gateways: 2 },
    breaks: ({ pair }) => pair?.first.stop('immediate'),
    mends: ({ pair }) => pair?.second.promote(),
    short: true,
  },
  {
    part: 'PostgreSQL',
    name: 'is killed, and its standby becomes the primary, and there is no Redis',
    needs: { pair: true, gateways: 2 },
    breaks: ({ pair }) => pair?.first.stop('immediate'),
    mends: ({ pair }) => pair?.second.promote(),
  },
  ...lineFaults('PostgreSQL', withPostgres, ({ postgres }) => postgres?.line, {
    'does not answer, and there is no Redis': { kind: 'silent' },
    'refuses connections, and there is no Redis': { kind: 'refused' },
    'answers 300 milliseconds late, and there is no Redis': { kind: 'slow', milliseconds: 300 },
    'sends a message that was not asked for': { kind: 'surplus', bytes: 'C\0\0\0\x0dSELECT 1\0' },
    'loses bytes of its answers': { kind: 'lost', count: 3 },
    'sends bytes that are no protocol': { kind: 'rubbish' },
  }),
  ...lineFaults('PostgreSQL', withBoth, ({ postgres }) => postgres?.line, {
    'does not answer, beside a Redis that does': { kind: 'silent' },
    'refuses connections, beside a Redis that does not': { kind: 'refused' },
  }),
  {
    part: 'PostgreSQL',
    name: 'crashes and starts again',
    needs: withBoth,
    breaks: ({ postgres }) => postgres?.server.crash(),
    mends: ({ postgres }) => postgres?.server.start(),
    short: true,
  },
  {
    part: 'PostgreSQL',
    name: 'is shut down and started again',
    needs: withPostgres,
    breaks: ({ postgres }) => postgres?.server.stop(),
    mends: ({ postgres }) => postgres?.server.start(),
  },
  {
    part: 'PostgreSQL',
    name: 'ends every session',
    needs: withPostgres,
    breaks: ({ postgres }) =>
      sql(postgres, 'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()'),
  },
  {
    part: 'SQLite',
    name: 'is locked by another program',
    needs: {},
    breaks: async ({ gateways: [{ directory }] }) => {
      const { DatabaseSync } = await import('node:sqlite')
      const database = new DatabaseSync(join(directory, 'altgate.db'))
      database.exec('begin exclusive')
      locked.push(() => database.close())
    },
    mends: () => locked.pop()?.(),
    short: true,
  },
  {
    part: 'SQLite',
    name: 'is truncated to nothing and restored',
    needs: {},
    breaks: ({ gateways: [{ directory }] }) => {
      copyFileSync(join(directory, 'altgate.db'), join(directory, 'kept.db'))
      truncateSync(join(directory, 'altgate.db'), 0)
    },
    mends: ({ gateways: [{ directory }] }) =>
      copyFileSync(join(directory, 'kept.db'), join(directory, 'altgate.db')),
    short: true,
  },
  {
    part: 'SQLite',
    name: 'loses its first hundred bytes and is restored',
    needs: {},
    breaks: ({ gateways: [{ directory }] }) => {
      const file = join(directory, 'altgate.db')
      copyFileSync(file, join(directory, 'kept.db'))
      const descriptor = openSync(file, 'r+')
      writeSync(descriptor, Buffer.alloc(100), 0, 100, 0)
      closeSync(descriptor)
    },
    mends: ({ gateways: [{ directory }] }) =>
      copyFileSync(join(directory, 'kept.db'), join(directory, 'altgate.db')),
  },
  ...lineFaults('upstream', impatient, ({ upstream }) => upstream.line, {
    'does not answer': { kind: 'silent' },
    'refuses connections': { kind: 'refused' },
    'answers half a second late': { kind: 'slow', milliseconds: 500 },
    'sends an answer before each answer': { kind: 'surplus', bytes: 'HTTP/1.1 100 Continue\r\n\r\n' },
    'loses bytes of its answers': { kind: 'lost', count: 3 },
    'sends bytes that are no protocol': { kind: 'rubbish' },
    'drops each connection in the middle of an answer': { kind: 'cut', afterBytes: 60 },
  }),
  {
    part: 'processes',
    name: 'a worker is killed',
    needs: { settings: { workers: 2 } },
    breaks: ({ gateways: [{ pid }] }) => kill(workersOf(pid)[0], 'SIGKILL'),
    short: true,
  },
  {
    part: 'processes',
    name: 'a worker is stopped and goes on',
    needs: { settings: { workers: 2 } },
    breaks: ({ gateways: [{ pid }] }) => kill(workersOf(pid)[0], 'SIGSTOP'),
    mends: ({ gateways: [{ pid }] }) => kill(workersOf(pid)[0], 'SIGCONT'),
  },
  {
    part: 'processes',
    name: 'the hash lane is killed',
    needs: {},
    breaks: ({ gateways: [{ pid }] }) => kill(lanesOf(pid)[0], 'SIGKILL'),
    short: true,
  },
  {
    part: 'processes',
    name: 'the hash lane is stopped and goes on',
    needs: {},
    breaks: ({ gateways: [{ pid }] }) => kill(lanesOf(pid)[0], 'SIGSTOP'),
    mends: ({ gateways: [{ pid }] }) => kill(lanesOf(pid)[0], 'SIGCONT'),
  },
  {
    part: 'processes',
    name: 'a worker has no descriptor left',
    needs: { settings: { workers: 1 } },
    breaks: ({ gateways: [{ pid }] }) => limitDescriptors(workersOf(pid)[0], 10),
    mends: ({ gateways: [{ pid }] }) => limitDescriptors(workersOf(pid)[0], 1024),
  },
]

const locked: (() => void)[] = []

function lineFaults(
  part: Fault['part'],
  needs: Needs,
  lineOf: (world: FaultWorld) => { set(fault: LineFault): void } | undefined,
  kinds: Readonly<Record<string, LineFault>>,
): readonly Fault[] {
  return Object.entries(kinds).map(([name, fault]) => ({
    part,
    name,
    needs,
    breaks: world => lineOf(world)?.set(fault),
    mends: world => lineOf(world)?.set({ kind: 'none' }),
    ...(shortKinds.has(fault.kind) && { short: true as const }),
  }))
}

function sql(postgres: FaultWorld['postgres'], statement: string): Promise<void> {
  if (postgres === undefined) throw new Error('this fault needs PostgreSQL')
  return query(postgres.url, statement)
}

function kill(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) throw new Error('there is no such process')
  process.kill(pid, signal)
}

async function limitDescriptors(pid: number | undefined, count: number): Promise<void> {
  await run('prlimit', ['--pid', String(pid), `--nofile=${count}:`])
}
