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
  /** Of the folder `wrk`; without it every request is the same. */
  readonly script?: 'many-users' | 'forged'
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
export async function load(stage: Stage, wanted: Load): Promise<Loaded> {
  const script = join(import.meta.dirname, 'wrk', `${wanted.script ?? 'same'}.lua`)
  const printed = await runProgram(stage, pathOf('wrk') ?? 'wrk', [
    '--threads=1',
    `--connections=${wanted.connections}`,
    `--duration=${wanted.seconds}s`,
    '--timeout=30s',
    `--script=${script}`,
    ...Object.entries(wanted.headers ?? {}).flatMap(([name, value]) => ['--header', `${name}: ${value}`]),
    wanted.url,
    '--',
    ...(wanted.args ?? []).map(String),
  ])
  const report = printed.trimEnd().split('\n').at(-1) ?? ''
  return JSON.parse(report) as Loaded // printed by wrk/report.lua
}
