import { execFile } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { Agent, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { type Altgate, startAltgate } from '../support/altgate.ts'
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
  /** Audit files that its rotations have made, and the one that is written. */
  readonly files: number
  /** Requests a second that were reached. */
  readonly reached: number
}

const anna = ['anna@example.com', 'the password of anna'] as const
const run = promisify(execFile)

/**
 * Traffic at a gateway with two workers, while Debian's logrotate rotates its audit log and its log, in one way after the
 * other. A line that is torn counts in all of them.
 */
export async function play(
  t: Pick<Test, 'teardown'>,
  ways: readonly Way[],
  length: Length,
): Promise<readonly Played[]> {
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
  const world = { altgate, directory, logs: [audit, log] }
  const runs: Run[] = []
  for (const [at, way] of ways.entries()) runs.push(await send(world, way, at, length))
  const code = await altgate.stop() // only then all lines are there
  const { lines, torn } = linesIn(directory)
  return runs.map(({ ids, failures, ...run }) => ({
    ...run,
    failures: code === 0 ? failures : { ...failures, [`exit code ${code}`]: 1 },
    missing: ids.filter(id => !lines.has(id)).length,
    twice: ids.filter(id => (lines.get(id) ?? 0) > 1).length,
    torn,
  }))
}

interface World {
  readonly altgate: Altgate
  readonly directory: string
  readonly logs: readonly string[]
}

interface Run extends Pick<Played, 'requests' | 'failures' | 'turns' | 'files' | 'reached'> {
  /** Of the requests that were answered; the others are among the failures. */
  readonly ids: readonly string[]
}

async function send(world: World, way: Way, run: number, { seconds, rate, everyMs }: Length): Promise<Run> {
  const { altgate, directory } = world
  const filesBefore = auditFilesIn(directory).length
  const rotate = rotation(way, world)
  const ids: string[] = []
  const agent = new Agent({ keepAlive: true, maxSockets: 64 })
  const failures: Record<string, number> = {}
  const asked: Promise<void>[] = []
  let requests = 0
  const one = async () => {
    requests += 1
    // An audit line names the version of the tool.
    const id = `${run}.${requests}`
    const headers = { 'User-Agent': `rotation/${id}` }
    const answer = await ask(`${altgate.url}/contoso/x`, { as: anna, agent, headers }).then(
      ({ status, outcome }) => {
        ids.push(id)
        return `${status} ${outcome}`
      },
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
  const files = auditFilesIn(directory).length - filesBefore + 1
  return { requests, failures, turns, reached, files, ids }
}

function rotation(way: Way, { altgate: { pid }, directory, logs }: World): () => Promise<void> {
  if (way === 'SIGHUP in a loop') return async () => void process.kill(pid, 'SIGHUP')
  const [config, state] = [join(directory, 'logrotate.conf'), join(directory, 'logrotate.state')]
  const how =
    way === 'copytruncate'
      ? 'copytruncate'
      : `nocopytruncate\nsharedscripts\npostrotate\nkill -${way.slice(3)} ${pid}\nendscript`
  writeFileSync(config, `${logs.join(' ')} {\nrotate 10000\nmissingok\nnocompress\nnocreate\n${how}\n}\n`)
  return async () => void (await run('logrotate', ['--force', '--state', state, config]))
}

function auditFilesIn(directory: string): readonly string[] {
  return readdirSync(directory).filter(name => name.startsWith('audit.log'))
}

/** How often each request has an audit line, and how many lines are not whole. */
function linesIn(directory: string) {
  const lines = new Map<string, number>()
  let torn = 0
  for (const file of auditFilesIn(directory))
    for (const line of readFileSync(join(directory, file), 'utf8').split('\n')) {
      if (line === '' || line.includes('"audit":"change"')) continue
      if (!/^\{.*"audit":"decision","request":"\w+".*\}$/.test(line)) torn += 1
      const id = /"tool":"rotation\/([\d.]+)"/.exec(line)?.[1]
      if (id !== undefined) lines.set(id, (lines.get(id) ?? 0) + 1)
    }
  return { lines, torn }
}
