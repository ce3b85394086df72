import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { temporaryDirectory } from './directory.ts'
import { freePort, listens } from './ports.ts'
import { idOfNobody, isRoot, password, superuser, verifier } from './postgres.ts'
import { until } from './until.ts'

/** PgBouncer in front of a server, in transaction mode: two statements of one client may come to two sessions. Gives its port. */
export async function startPgBouncer(t: Pick<Test, 'teardown'>, to: number): Promise<number> {
  const directory = temporaryDirectory(t)
  const port = await freePort()
  const file = join(directory, 'pgbouncer.ini')
  const users = join(directory, 'users.txt')
  writeFileSync(users, `"${superuser}" "${verifier}"\n`)
  const lines = [
    '[databases]',
    `* = host=127.0.0.1 port=${to} user=${superuser} password=${password}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'auth_type = scram-sha-256',
    `auth_file = ${users}`,
    'pool_mode = transaction',
    'default_pool_size = 5',
    'server_login_retry = 1',
    'max_client_conn = 200',
  ]
  writeFileSync(file, `${lines.join('\n')}\n`)
  const command = ['/usr/sbin/pgbouncer', '--quiet', file]
  if (isRoot) {
    const [user, group] = [await idOfNobody('--user'), await idOfNobody('--group')]
    for (const each of [directory, file, users]) chownSync(each, user, group)
    command.unshift('runuser', '-u', 'nobody', '--')
  }
  const [program = '', ...args] = command
  const bouncer = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'], detached: true })
  t.teardown(async () => {
    if (bouncer.exitCode !== null || bouncer.pid === undefined) return
    const exited = once(bouncer, 'exit')
    process.kill(-bouncer.pid, 'SIGKILL')
    await exited
  })
  await until(() => {
    if (bouncer.exitCode !== null) throw new Error('pgbouncer did not start: npm run test:setup installs it')
    return listens(port)
  })
  return port
}
