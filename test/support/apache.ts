import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { temporaryDirectory } from './directory.ts'
import { freePort, listens } from './ports.ts'
import { run, succeeded } from './run.ts'
import { until } from './until.ts'

/** A real Apache with WebDAV and Subversion for some accounts. */
export interface Apache {
  readonly url: string
  /** The folder behind `<account>/files/`. */
  readonly files: (account: string) => string
  /** What it has written to its log of errors. */
  readonly complaints: () => string
}

/** Files at `<account>/files/`, an empty Subversion repository at `<account>/svn`; it ends with the test. */
export async function startApache(t: Test, accounts: readonly string[]): Promise<Apache> {
  const directory = temporaryDirectory(t)
  const port = await freePort()
  const files = (account: string) => join(directory, account, 'files')
  for (const account of accounts) {
    mkdirSync(files(account), { recursive: true })
    succeeded('svnadmin', await run('svnadmin', ['create', join(directory, account, 'svn')]))
  }
  const file = join(directory, 'apache.conf')
  writeFileSync(file, configuration(directory, port, accounts))

  if (process.getuid?.() === 0) succeeded('chown', await run('chown', ['-R', 'www-data:', directory]))
  const complaints = await runApache(t, { directory, file, port })
  return { url: `http://127.0.0.1:${port}`, files, complaints }
}

/** Runs Apache until the test ends. Resolves when it listens, and gives what it has written to `<directory>/log`. */
export async function runApache(
  t: Pick<Test, 'teardown'>,
  { directory, file, port }: { readonly directory: string; readonly file: string; readonly port: number },
): Promise<() => string> {
  // Debian keeps servers in /usr/sbin; the PATH of a test need not have it.
  const env = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin` }
  // In a group of its own: on SIGTERM it ends its whole group, which would be the test.
  const options = { env, stdio: 'ignore', detached: true } as const
  const server = spawn('apache2', ['-f', file, '-DFOREGROUND'], options)
  const log = join(directory, 'log')
  const complaints = () => (existsSync(log) ? readFileSync(log, 'utf8') : '')
  const exited = once(server, 'exit')
  t.teardown(async () => {
    server.kill('SIGTERM')
    await exited
  })
  await until(() => {
    if (server.exitCode !== null) throw new Error(`apache2 did not start: ${complaints()}`)
    return listens(port)
  })
  return complaints
}

const modules = ['mpm_prefork', 'authz_core', 'dav', 'dav_fs', 'dav_lock', 'dav_svn']

function configuration(directory: string, port: number, accounts: readonly string[]): string {
  return [
    ...modules.map(name => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`),
    `ServerRoot ${directory}`,
    `Listen 127.0.0.1:${port}`,
    'ServerName 127.0.0.1',
    `PidFile ${directory}/pid`,
    `Mutex file:${directory}`,
    `ErrorLog ${directory}/log`,
    `DavLockDB ${directory}/locks`,
    // As root it serves as this user, and as nobody else.
    'User www-data',
    'Group www-data',
    `DocumentRoot ${directory}`,
    ...accounts.flatMap(account => [
      `<Location /${account}/files>`,
      'DAV on',
      '</Location>',
      `<Location /${account}/svn>`,
      'DAV svn',
      `SVNPath ${directory}/${account}/svn`,
      '</Location>',
    ]),
    '',
  ].join('\n')
}
