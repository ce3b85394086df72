import { appendFileSync, chownSync, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import pg from 'pg'
import { temporaryDirectory } from './directory.ts'
import { freePort } from './ports.ts'
import { idOfNobody, isRoot, makeCluster, password, postgres, superuser } from './postgres.ts'
import { until } from './until.ts'

/** One of two servers, of which one follows the other. */
export interface PairedServer {
  readonly port: number
  readonly stop: (how: 'fast' | 'immediate') => Promise<void>
  readonly start: () => Promise<void>
  /** Becomes the primary. */
  readonly promote: () => Promise<void>
  /** Starts it, which was stopped in good order, as the standby of the other one. */
  readonly follow: () => Promise<void>
  readonly query: (sql: string) => Promise<readonly Record<string, unknown>[]>
}

/** A primary and a standby that streams from it. */
export interface PostgresPair {
  readonly first: PairedServer
  readonly second: PairedServer
  /** libpq's address of both. */
  readonly url: string
}

export async function startPostgresPair(t: Pick<Test, 'teardown'>): Promise<PostgresPair> {
  const [firstPort, secondPort] = [await freePort(), await freePort()]
  const directory = temporaryDirectory(t)
  const standbyDirectory = temporaryDirectory(t)
  if (isRoot) chownSync(standbyDirectory, await idOfNobody('--user'), await idOfNobody('--group'))
  const data = await makeCluster(directory, '127.0.0.1', firstPort)
  const standbyData = join(standbyDirectory, 'data')

  const serverOf = (own: string, port: number, other: number): PairedServer => {
    const control = (...words: string[]) => postgres('pg_ctl', ['--wait', '--pgdata', own, ...words])
    const query = async (sql: string) => {
      const client = new pg.Client({ connectionString: addressAt(`127.0.0.1:${port}`) })
      client.on('error', () => {}) // whoever asks is told
      await client.connect()
      return (await client.query(sql).finally(() => client.end())).rows as readonly Record<string, unknown>[]
    }
    const start = () => control('start', '--log', join(own, '..', 'log'))
    return {
      port,
      query,
      start,
      stop: async how => {
        if (existsSync(join(own, 'postmaster.pid'))) await control('stop', '--mode', how)
      },
      promote: () => control('promote'),
      async follow() {
        writeFileSync(join(own, 'standby.signal'), '')
        if (isRoot)
          chownSync(join(own, 'standby.signal'), await idOfNobody('--user'), await idOfNobody('--group'))
        appendFileSync(join(own, 'postgresql.auto.conf'), `\nprimary_conninfo = '${conninfo(other)}'\n`)
        await start()
      },
    }
  }
  const first = serverOf(data, firstPort, secondPort)
  const second = serverOf(standbyData, secondPort, firstPort)
  t.teardown(async () => {
    await second.stop('immediate')
    await first.stop('immediate')
  })
  appendFileSync(join(data, 'pg_hba.conf'), '\nhost replication all 127.0.0.1/32 scram-sha-256\n')
  await first.start()
  const from = ['--dbname', conninfo(firstPort), '--write-recovery-conf', '--checkpoint', 'fast']
  await postgres('pg_basebackup', ['--pgdata', standbyData, ...from, '--no-sync'])
  appendFileSync(join(standbyData, 'postgresql.auto.conf'), `\nport = ${secondPort}\n`)
  await second.start()
  await until(async () => (await first.query('select 1 from pg_stat_replication')).length === 1)
  return { first, second, url: addressAt(`127.0.0.1:${firstPort},127.0.0.1:${secondPort}`) }
}

function addressAt(hosts: string): string {
  return `postgres://${superuser}:${password}@${hosts}/postgres`
}

function conninfo(port: number): string {
  return `host=127.0.0.1 port=${port} user=${superuser} password=${password}`
}
