import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import {
  appendFileSync,
  chownSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import pg from 'pg'
import type { Test } from 'tap'
import { temporaryDirectory } from './directory.ts'
import type { Host } from './hosts.ts'
import { freePort } from './ports.ts'
import { checkout } from './program.ts'
import { run, succeeded } from './run.ts'

/** A real PostgreSQL of the test's own. */
export interface Postgres {
  /** Of an empty database, with the password in it. */
  readonly url: string
  /** Its files, and what it has logged. */
  readonly directory: string
  /** Makes one more database, empty or a copy of a template that nothing is connected to; gives its address. */
  readonly database: (name: string, template?: string) => Promise<string>
  /** Orderly: tells everybody who is connected, and hangs up. */
  readonly stop: () => Promise<void>
  /** Breaks it off, as a crash of its machine would. */
  readonly crash: () => Promise<void>
  /** After `stop` or `crash`: same address, same data. */
  readonly start: () => Promise<void>
  /** Stops it, keeps what it holds, and starts it again. */
  readonly save: () => Promise<void>
  /** Breaks it off and starts it as it was when it was saved: a failover that lost all since. */
  readonly goBack: () => Promise<void>
}

export const superuser = 'altgate'
export const password = 'password-of-the-database'

/**
 * What the server keeps of the password (RFC 5803). With one iteration: by default signing in takes 4,096, on either side, and
 * most tests open some connections.
 */
export const verifier = (() => {
  const salt = Buffer.alloc(16, 'a salt')
  const salted = pbkdf2Sync(password, salt, 1, 32, 'sha256')
  const keyOf = (whose: string) => createHmac('sha256', salted).update(whose).digest()
  const stored = createHash('sha256').update(keyOf('Client Key')).digest('base64')
  return `SCRAM-SHA-256$1:${salt.toString('base64')}$${stored}:${keyOf('Server Key').toString('base64')}`
})()

/** Makes an empty cluster and starts it; it ends with the test. `on`: where; this machine if left out. */
export async function startPostgres(t: Pick<Test, 'teardown'>, on?: Host): Promise<Postgres> {
  const host = on?.address ?? '127.0.0.1'
  const directory = temporaryDirectory(t)
  const port = await freePort()
  const data = await makeCluster(directory, host, port)
  const control = (action: string, ...options: string[]) =>
    postgres('pg_ctl', [action, '--wait', '--pgdata', data, ...options], on?.within)

  const start = () => control('start', '--log', join(directory, 'log'))
  const end = async (mode: 'fast' | 'immediate') => {
    if (existsSync(join(data, 'postmaster.pid'))) await control('stop', '--mode', mode)
  }
  t.teardown(() => end('immediate'))
  await start()

  const addressOf = (name: string) => `postgres://${superuser}:${password}@${host}:${port}/${name}`
  return {
    url: addressOf('postgres'),
    directory,
    async database(name, template = 'template1') {
      const [made, from] = [name, template].map(each => pg.escapeIdentifier(each))
      // Copying the files takes half the time of writing all of them to the log.
      await query(addressOf('postgres'), `create database ${made} template ${from} strategy file_copy`)
      return addressOf(name)
    },
    stop: () => end('fast'),
    crash: () => end('immediate'),
    start,
    async save() {
      await end('fast')
      await copyFiles(data, `${data}.saved`)
      await start()
    },
    async goBack() {
      await end('immediate')
      rmSync(data, { recursive: true })
      renameSync(`${data}.saved`, data)
      await start()
    },
  }
}

/** Runs one statement on a connection of its own. */
export async function query(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

/** The files of an empty server, which does not run yet: a copy of what initdb makes, for it takes a second. */
export async function makeCluster(directory: string, host: string, port: number): Promise<string> {
  const data = join(directory, 'data')
  await copyFiles(await emptyCluster(), data)
  if (isRoot) chownSync(directory, await idOfNobody('--user'), await idOfNobody('--group'))
  const settings = [
    `listen_addresses = '${host}'`,
    `port = ${port}`,
    "unix_socket_directories = ''",
    'fsync = off',
    // PgBouncer keeps some for each database, and a test has a database of its own.
    'max_connections = 400',
  ]
  writeFileSync(join(data, 'postgresql.auto.conf'), `${settings.join('\n')}\n`)
  return data
}

/** What initdb has made on this machine, as long as neither the program nor what it is told is another; it is only read. */
async function emptyCluster(): Promise<string> {
  const words = [
    '--username',
    superuser,
    '--auth',
    'scram-sha-256',
    '--locale',
    'C',
    '--encoding',
    'UTF8',
    '--no-sync',
  ]
  const initdb = pathOf('initdb')
  const which = createHash('sha256').update(
    `${initdb} ${statSync(initdb).mtimeMs} ${words.join(' ')} ${access} ${verifier}`,
  )
  const kept = join(
    checkout,
    'node_modules/.cache/altgate-tests',
    `cluster-${which.digest('hex').slice(0, 16)}`,
  )
  if (existsSync(kept)) return kept

  const directory = mkdtempSync(join(tmpdir(), 'altgate-test-'))
  try {
    if (isRoot) chownSync(directory, await idOfNobody('--user'), await idOfNobody('--group'))
    const [made, passwordFile] = [join(directory, 'data'), join(directory, 'password')]
    writeFileSync(passwordFile, verifier)
    await postgres('initdb', ['--pgdata', made, '--pwfile', passwordFile, ...words])
    appendFileSync(join(made, 'pg_hba.conf'), access)
    await keep(made, kept)
  } finally {
    rmSync(directory, { recursive: true })
  }
  return kept
}

const access = 'host all all samenet scram-sha-256\n'

/** In one step: others either find nothing there, or all of it. */
async function keep(made: string, kept: string): Promise<void> {
  mkdirSync(dirname(kept), { recursive: true })
  const beside = mkdtempSync(`${kept}-`)
  try {
    await copyFiles(made, join(beside, 'data'))
    renameSync(join(beside, 'data'), kept)
  } catch (error) {
    if (!existsSync(kept)) throw error // another process has been faster
  } finally {
    rmSync(beside, { recursive: true })
  }
}

/** With owners and modes. */
async function copyFiles(from: string, to: string): Promise<void> {
  succeeded('cp', await run('cp', ['--archive', '--reflink=auto', from, to]))
}

export const isRoot = process.getuid?.() === 0

/** An id of the user as whom the servers run where a test is root. */
export async function idOfNobody(kind: '--user' | '--group'): Promise<number> {
  return Number(succeeded('id', await run('id', [kind, 'nobody'])))
}

/** Where one of its programs is. Debian keeps them away from the PATH. */
function pathOf(program: string): string {
  const places = [
    ...(process.env['PATH'] ?? '').split(delimiter),
    ...globSync('/usr/lib/postgresql/*/bin').toReversed(),
  ]
  const found = places.map(place => join(place, program)).find(path => existsSync(path))
  if (found === undefined)
    throw new Error(`PostgreSQL is not on this machine (no ${program}): npm run test:setup installs it`)
  return found
}

/** Runs one of its programs; they refuse to run as root. */
export async function postgres(
  program: string,
  args: readonly string[],
  within: readonly string[] = [],
): Promise<void> {
  await postgresOutput(program, args, within)
}

/** The same; gives what it printed. */
export async function postgresOutput(
  program: string,
  args: readonly string[],
  within: readonly string[] = [],
): Promise<string> {
  const found = pathOf(program)
  const command = isRoot ? ['runuser', '-u', 'nobody', '--', found, ...args] : [found, ...args]
  const [first = found, ...others] = [...within, ...command]
  return succeeded(program, await run(first, others, { cwd: '/' }))
}
