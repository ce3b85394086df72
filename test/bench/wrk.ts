import { join } from 'node:path'
import { pathOf } from './programs.ts'
import { runProgram } from './spawned.ts'
import type { Stage } from './stage.ts'

export interface Load {
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly connections: number
  /** Whole ones: wrk knows no others. */
  readonly seconds: number
  /** Of the folder `wrk`; left out: every request is the same. */
  readonly script?: 'same' | 'many-users' | 'forged'
  /** For the script, which says what they are. */
  readonly args?: readonly (string | number)[]
}

/** What wrk says at its end. */
export interface Loaded {
  /** Answered ones, whatever the answer. */
  readonly requests: number
  readonly seconds: number
  /** Answers above 399. */
  readonly refused: number
  /** Connections that broke, and answers that did not come in time. */
  readonly broken: number
}

/** As many requests as the connections carry, one after the other on each of them, from one thread. */
export async function load(stage: Stage, { script = 'same', ...wanted }: Load): Promise<Loaded> {
  return JSON.parse(await report(stage, script, wanted)) as Loaded // printed by wrk/report.lua
}

/** What became of requests that were sent at one moment. */
export interface AtOnce extends Loaded {
  /** Microseconds that the one waited who waited longest. */
  readonly slowest: number
  /** Connections that the machine was too slow to open in time: theirs came after the others. */
  readonly late: number
}

/** One request on each connection, all at the same moment. They have been open for a while. */
export async function atOnce(stage: Stage, wanted: Omit<Load, 'script' | 'args'>): Promise<AtOnce> {
  const args = [wanted.connections, ...(stage.quick ? ['stop'] : [])]
  return JSON.parse(await report(stage, 'at-once', { ...wanted, args })) as AtOnce // printed by wrk/at-once.lua
}

/** The last line that wrk prints: its script's. */
async function report(
  stage: Stage,
  script: string,
  { url, headers = {}, connections, seconds, args = [] }: Omit<Load, 'script'>,
): Promise<string> {
  const printed = await runProgram(stage, pathOf('wrk') ?? 'wrk', [
    '--threads=1',
    `--connections=${connections}`,
    `--duration=${seconds}s`,
    '--timeout=30s',
    `--script=${join(import.meta.dirname, 'wrk', `${script}.lua`)}`,
    ...Object.entries(headers).flatMap(([name, value]) => ['--header', `${name}: ${value}`]),
    url,
    '--',
    ...args.map(String),
  ])
  return printed.trimEnd().split('\n').at(-1) ?? ''
}
