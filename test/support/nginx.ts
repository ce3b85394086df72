import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { temporaryDirectory } from './directory.ts'
import { freePort, listens } from './ports.ts'
import { checkout } from './program.ts'
import { until } from './until.ts'

/** The ports of this machine that stand behind nginx. */
export interface BehindNginx {
  /** Altgate's forward-auth port. */
  readonly decisions: number
  /** Altgate's public port, for the page. */
  readonly page: number
  readonly repositories: number
}

export interface Nginx {
  readonly url: string
  readonly port: number
  /** What it has complained about so far. */
  readonly complaints: () => string
}

/**
 * Starts nginx with docker/nginx/nginx.conf as it stands, ports and places aside; it ends with the test. `changes`: what an operator has
 * changed in it.
 */
export async function startNginx(
  t: Test,
  behind: BehindNginx,
  changes: readonly (readonly [string, string])[] = [],
): Promise<Nginx> {
  const directory = temporaryDirectory(t)
  const port = await freePort()
  const configuration = configurationOf('docker/nginx/nginx.conf', [
    ['listen 8080;', `listen 127.0.0.1:${port};`],
    ['gateway:9080', `127.0.0.1:${behind.decisions}`],
    ['gateway:8080', `127.0.0.1:${behind.page}`],
    ['upstream:8081', `127.0.0.1:${behind.repositories}`],
    ['worker_processes auto;', 'worker_processes 1;'],
    [' /tmp/', ` ${directory}/`],
    ...changes,
  ])
  const complaints = await runNginx(t, { directory, configuration, port })
  return { url: `http://127.0.0.1:${port}`, port, complaints }
}

/** A configuration of this checkout with ports and places of the test: each must be there to be replaced. */
export function configurationOf(path: string, places: readonly (readonly [string, string])[]): string {
  let text = readFileSync(join(checkout, path), 'utf8')
  for (const [there, here] of places) {
    if (!text.includes(there)) throw new Error(`${path} has no "${there}" any more`)
    text = text.replaceAll(there, here)
  }
  return text
}

export interface NginxRun {
  /** Where it keeps its files. */
  readonly directory: string
  readonly configuration: string
  /** A port that it listens on. */
  readonly port: number
}

/** Runs nginx until the test ends. Resolves when it listens, and gives what it has complained about so far. */
export async function runNginx(t: Test, { directory, configuration, port }: NginxRun): Promise<() => string> {
  const file = join(directory, 'nginx.conf')
  writeFileSync(file, configuration)

  // Debian keeps servers in /usr/sbin; the PATH of a test need not have it. As root it would become nobody.
  const env = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin` }
  const words = ['-p', directory, '-c', file, '-e', 'stderr', '-g', 'daemon off; user root;']
  const server = spawn('nginx', words, { env, stdio: ['ignore', 'ignore', 'pipe'] })
  let complaints = ''
  server.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text))
  const exited = once(server, 'exit')
  t.teardown(async () => {
    server.kill('SIGTERM')
    await exited
  })
  await until(() => {
    if (server.exitCode !== null) throw new Error(`nginx did not start: ${complaints}`)
    return listens(port)
  })
  return () => complaints
}
