import { once } from 'node:events'
import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { workerHeap, workerMalloc } from '../../../src/engine/memory.ts'
import { freePort } from '../../support/ports.ts'
import { fillStore } from '../fill-store.ts'
import { startForked } from '../forked.ts'
import { startGateway } from '../gateway.ts'
import { account, anna, basic } from '../people.ts'
import { treeOf } from '../process-tree.ts'
import { pathOf } from '../programs.ts'
import { hammer, type Server } from '../server.ts'
import type { Stage } from '../stage.ts'
import { answerBytes, type Upstream } from '../upstream.ts'
import { usedAt } from './probe.ts'
import { type LadderName, stepsOf } from './steps.ts'

/** A step that runs. */
export interface RunningStep extends Server {
  readonly ladder: LadderName
  /** What it adds to the step before. */
  readonly adds: string
  /** Where it tells what it uses. */
  readonly probe: string
}

/** What one request costs a step. */
export interface Cost {
  /** Microseconds. */
  readonly user: number
  readonly system: number
  /** Bytes. */
  readonly allocated: number
}

/** Starts every step of a ladder, each in a process of its own, and the gateway with one worker after the last. */
export async function startLadder(
  stage: Stage,
  ladder: LadderName,
  upstream: Upstream,
): Promise<readonly RunningStep[]> {
  const started: RunningStep[] = []
  for (const number of stepsOf(ladder).keys()) started.push(await startStep(stage, ladder, number, upstream))
  started.push(await startWhole(stage, ladder, upstream))
  for (const step of started) await answersAsItShould(step)
  return started
}

/** A right password is remembered for longer than the figure takes. */
const settings = { verdicts: { matchTtlSeconds: 86_400 }, trustedProxies: [] as string[] }
const trusting = { ...settings, trustedProxies: ['127.0.0.1'] }

async function startStep(
  stage: Stage,
  ladder: LadderName,
  number: number,
  upstream: Upstream,
): Promise<RunningStep> {
  const adds = stepsOf(ladder)[number]?.adds ?? ''
  stage.say(`starting ${ladder}: ${adds}`)
  const folder = stage.folder()
  const url = `sqlite:${join(folder, 'altgate.db')}`
  await fillStore(url, { upstream: upstream.url })
  const file = join(folder, 'altgate.yaml')
  const own = { publicUrl: 'http://127.0.0.1', store: { url }, log: { file: join(folder, 'altgate.log') } }
  writeFileSync(file, stringify({ ...(ladder === 'proxied' ? settings : trusting), ...own }))
  const probe = join(folder, 'used')
  const { first, pid } = await startForked(
    stage,
    'ladder/step.ts',
    [ladder, String(number), file, upstream.url, probe],
    { execArgv: workerHeap, env: { ...process.env, ...workerMalloc } },
  )
  return { ...serverAt(ladder, adds, Number(first)), pid, adds, ladder, probe }
}

/** The gateway as its users have it, with one worker. */
async function startWhole(stage: Stage, ladder: LadderName, upstream: Upstream): Promise<RunningStep> {
  const adds = 'all of it: one worker'
  const probe = join(stage.folder(), 'used')
  const port = await freePort()
  const isProxied = ladder === 'proxied'
  const gateway = await startGateway(stage, {
    upstream,
    workers: 1,
    name: `Altgate, ${ladder}`,
    settings: isProxied ? settings : { ...trusting, forwardAuth: { host: '127.0.0.1', port } },
    env: { LADDER_PROBE: probe, NODE_OPTIONS: `--import=${join(import.meta.dirname, 'worker-probe.ts')}` },
  })
  const at = isProxied ? Number(new URL(gateway.url).port) : port
  return { ...serverAt(ladder, adds, at), pid: workerOf(gateway.pid), adds, ladder, probe }
}

/** Of the descendants of a gateway, the one whose program is a worker. */
function workerOf(pid: number): number {
  const worker = treeOf(pid).find(each =>
    readFileSync(`/proc/${each}/cmdline`, 'utf8').split('\0').includes(workerFile),
  )
  if (worker === undefined) throw new Error('the gateway has no worker')
  return worker
}

const workerFile = join(import.meta.dirname, '../../../src/worker.ts')

function serverAt(ladder: LadderName, adds: string, port: number): Omit<Server, 'pid'> {
  const path = `/${account}/hello`
  const base = { name: `${ladder}: ${adds}`, guarded: false, slow: false }
  if (ladder === 'proxied') return { ...base, url: `http://127.0.0.1:${port}${path}`, headers: {} }
  // What nginx sends with `auth_request`, as docker/ configures it.
  const headers = { 'X-Original-URI': path, 'X-Original-Method': 'GET' }
  return { ...base, url: `http://127.0.0.1:${port}/nginx`, headers }
}

async function answersAsItShould({ name, url, headers, ladder }: RunningStep): Promise<void> {
  const answer = await fetch(url, { headers: { ...headers, authorization: basic(anna) } })
  const { length } = await answer.text()
  if (answer.status !== 200 || length !== (ladder === 'proxied' ? answerBytes : 0))
    throw new Error(`${name} does not do its work: ${answer.status}, ${length} bytes`)
}

/** Longest time that one measurement may take, in seconds. */
const longest = 60

/** What a request costs, measured over so many seconds; over more if a busy machine leaves it no time at all. */
export async function costOf(stage: Stage, step: RunningStep, seconds: number): Promise<Cost> {
  const before = await usedAt(step.probe)
  const { requests } = await hammer(stage, step, seconds)
  const after = await usedAt(step.probe)
  if (requests === 0 && seconds > longest) throw new Error(`${step.name} does not answer`)
  if (requests === 0) return await costOf(stage, step, seconds * 2)
  return {
    user: (after.user - before.user) / requests,
    system: (after.system - before.system) / requests,
    allocated: (after.allocated - before.allocated) / requests,
  }
}

/** System calls of all threads of a step, by name, for each request. Tracing slows it, so nothing else is measured then. */
export async function callsOf(stage: Stage, step: RunningStep): Promise<ReadonlyMap<string, number>> {
  const file = join(stage.folder(), 'calls')
  const tracer = spawn(pathOf('strace') ?? 'strace', ['-c', '-f', '-o', file, '-p', String(step.pid)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const ended = once(tracer, 'exit')
  stage.teardown(() => void tracer.kill('SIGKILL'))
  await once(tracer.stderr, 'data') // it says that it is attached
  const { requests } = await hammer(stage, step, 2)
  tracer.kill('SIGINT')
  await ended
  const lines = readFileSync(file, 'utf8').matchAll(/^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?(\w+)$/gm)
  return new Map(
    [...lines].flatMap(([, calls, name = '']) =>
      name === 'total' ? [] : [[name, Number(calls) / requests] as const],
    ),
  )
}
