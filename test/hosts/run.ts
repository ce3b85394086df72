// npm run hosts [-- --rounds N]: changes on three gateways that have a host each, with Redis and without, and how long each
// took. Ends with 1 if anything was answered by a state that was over, or if a hundredth of the changes took over a second.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import type { Test } from 'tap'
import { amongHosts, isAmongHosts, whyNot } from '../support/hosts.ts'
import { playRounds } from './rounds.ts'
import { startHostWorld } from './world.ts'

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '1000' } } })
const rounds = Number(values.rounds)

process.exit(isAmongHosts ? await play() : await playAmongHosts())

async function playAmongHosts(): Promise<number> {
  const flaw = whyNot()
  if (flaw !== undefined) throw new Error(flaw)
  const { program, words } = amongHosts(import.meta.filename, ['--rounds', String(rounds)])
  const [code] = (await once(spawn(program, words, { stdio: 'inherit' }), 'exit')) as [number | null]
  return code ?? 1
}

async function play(): Promise<number> {
  let good = true
  for (const redis of [true, false]) {
    const endings: (() => unknown)[] = []
    const t = { teardown: (ending: () => unknown) => void endings.unshift(ending) }
    try {
      const world = await startHostWorld(t, { redis })
      const byCommand = (round: number) => round % 25 === 0
      const { took, requests, wrong } = await playRounds(t as Test, world, rounds, byCommand)
      const calls = took.filter((_, at) => !byCommand(at + 1)).toSorted((one, other) => one - other)
      const p = (part: number) => `${Math.round(calls[Math.floor(calls.length * part)] ?? 0)} ms`
      process.stdout.write(
        `${redis ? 'with' : 'without'} Redis: ${rounds} changes, ${requests} requests, ${wrong.length} wrong answers; ` +
          `a change took p50 ${p(0.5)}, p99 ${p(0.99)}, at most ${p(1 - 1e-9)}\n${wrong.map(each => `  ${each}\n`).join('')}`,
      )
      good &&= wrong.length === 0 && (calls[Math.floor(calls.length * 0.99)] ?? 0) < 1000
    } finally {
      for (const ending of endings) await ending()
    }
  }
  return good ? 0 : 1
}
