import { existsSync, globSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** The programs that figures start, and the Debian packages they come in. */
const packages = {
  nginx: 'nginx',
  caddy: 'caddy',
  haproxy: 'haproxy',
  apache2: 'apache2',
  wrk: 'wrk',
  curl: 'curl',
  strace: 'strace',
  'redis-server': 'redis-server',
  initdb: 'postgresql',
} as const

export type Program = keyof typeof packages

/** The Debian packages of those that are not on this machine. */
export function missing(programs: readonly Program[]): readonly string[] {
  const absent = programs.filter(program => pathOf(program) === undefined)
  return [...new Set(absent.map(program => packages[program]))]
}

/** Where a program is; Debian keeps servers away from the PATH of users. */
export function pathOf(program: Program): string | undefined {
  const folders = [
    ...(process.env['PATH'] ?? '').split(delimiter),
    '/usr/sbin',
    ...globSync('/usr/lib/postgresql/*/bin'),
  ]
  return folders.map(folder => join(folder, program)).find(path => existsSync(path))
}
