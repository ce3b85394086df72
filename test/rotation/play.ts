import { execFile } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { Agent, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { startAltgate } from '../support/altgate.ts'
import { ask } from '../support/ask.ts'
import { temporaryDirectory } from '../support/directory.ts'

/** How the files are rotated, or that signals come in a loop and no file is. */
export type Way = 'SIGUSR1' | 'SIGHUP' | 'copytruncate' | 'SIGHUP in a loop'

export const ways: readonly Way[] = ['SIGUSR1', 'SIGHUP', 'copytruncate', 'SIGHUP in a loop']

export interface Length {
  readonly seconds: number
  /** Requests a second. */
  readonly rate: number
  /** Milliseconds between two rotations, or two signals. */
  readonly everyMs: number
}

export interface Played {
  readonly requests: number
  /** Answers other than 200, and errors, each with how often it came. */
  readonly failures: Readonly<Record<string, number>>
  /** Rotations or signals. */
  readonly turns: number
  /** Requests without an audit line. */
  readonly missing: number
  /** Audit lines that came twice, or are not whole. */
  readonly twice: number
  readonly torn: number
  /** Audit files at the end. */
  readonly files: number
  /** Requests a second that were reached. */
  readonly reached: number
}

const anna = ['anna@example.com', 'the password of anna'] as const
const run = promisify(execFile)

/** Traffic at a gateway with two workers, while Debian's logrotate rotates its audit log and its log. */
export async function play(t: Pick<Test, 'teardown'>, way: Way, length: Length): Promise<Played> {
  const { seconds, rate, everyMs } = length
  const directory = temporaryDirectory(t)
  const [audit, log] = [join(directory, 'audit.log'), join(directory, 'altgate.log')]
  const upstream = createServer((_, response) => response.end('ok')).listen(0, '127.0.0.1')
  await once(upstream, 'listening')
  t.teardown(() => upstream.close())
  const { port } = upstream.address() as AddressInfo // listening on TCP
  const altgate = await startAltgate(t, {
    settings: { workers: 2, audit: { file: audit }, log: { file: log }, stop: { drainSeconds: 0 } },
  })
  await altgate.arrange({
    accounts: { contoso: `http://127.0.0.1:${port}/` },
    passwords: { [anna[0]]: anna[1] },
  })
  await ask(`${altgate.url}/contoso/x`, { as: anna })
  const rotate = rotation(way, { pid: altgate.pid, directory, logs: [audit, log] })

  const agent = new Agent({ keepAlive: true, maxSockets: 64 })
  const failures: Record<string, number> = {}
  const asked: Promise<void>[] = []
  let requests = 1
  const one = async () => {
    requests += 1
    const answer = await ask(`${altgate.url}/contoso/x`, { as: anna, agent }).then(
      ({ status, outcome }) => `${status} ${outcome}`,
      (error: unknown) => String(error),
    )
    if (answer !== '200 allow') failures[answer] = (failures[answer] ?? 0) + 1
  }
  const began = performance.now()
  const end = began + seconds * 1000
  let turns = 0
  const rotating = (async () => {
    // As often as it takes for a file to be moved once more, however busy the machine is.
    while (performance.now() < end - everyMs / 2 || turns < 3) {
      await delay(everyMs)
      await rotate()
      turns += 1
    }
  })()
  for (let sent = 0; performance.now() < end || turns < 3; ) {
    const due = ((performance.now() - began) / 1000) * rate
    for (; sent < due; sent += 1) asked.push(one())
    await delay(5)
  }
  await Promise.all(asked)
  const reached = Math.round(requests / ((performance.now() - began) / 1000))
  await rotating
  agent.destroy()
  const code = await altgate.stop()
  if (code !== 0) failures[`exit code ${code}`] = 1
  return { requests, failures, turns, reached, ...linesIn(directory, requests) }
}

interface Logs {
  readonly pid: number
  readonly directory: string
  readonly logs: readonly string[]
}

function rotation(way: Way, { pid, directory, logs }: Logs): () => Promise<void> {
  if (way === 'SIGHUP in a loop') return async () => void process.kill(pid, 'SIGHUP')
  const [config, state] = [join(directory, 'logrotate.conf'), join(directory, 'logrotate.state')]
  const how =
    way === 'copytruncate'
      ? 'copytruncate'
      : `nocopytruncate\nsharedscripts\npostrotate\nkill -${way.slice(3)} ${pid}\nendscript`
  writeFileSync(config, `${logs.join(' ')} {\nrotate 10000\nmissingok\nnocompress\nnocreate\n${how}\n}\n`)
  return async () => void (await run('logrotate', ['--force', '--state', state, config]))
}

function linesIn(directory: string, requests: number): Pick<Played, 'missing' | 'twice' | 'torn' | 'files'> {
  const files = readdirSync(directory).filter(name => name.startsWith('audit.log'))
  const seen = new Set<string>()
  let [twice, torn] = [0, 0]
  for (const file of files)
    for (const line of readFileSync(join(directory, file), 'utf8').split('\n')) {
      if (line === '' || line.includes('"audit":"change"')) continue
      const request = /^\{.*"audit":"decision","request":"(\w+)".*\}$/.exec(line)?.[1]
      if (request === undefined) torn += 1
      else if (seen.has(request)) twice += 1
      else seen.add(request)
    }
  return { missing: requests - seen.size, twice, torn, files: files.length }
}
