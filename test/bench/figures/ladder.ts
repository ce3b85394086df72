import type { Figure, Row, Table } from '../figure.ts'
import { callsOf, type Cost, costOf, type RunningStep, startLadder } from '../ladder/running.ts'
import { inRounds } from '../rounds.ts'
import { hammer } from '../server.ts'
import { shown } from '../shown.ts'
import { type Spread, spreadOf } from '../spread.ts'
import { startUpstream } from '../upstream.ts'

/** What one request costs, layer by layer: where to look for what can be saved. */
export const ladder: Figure = {
  name: 'ladder',
  title: 'CPU per request, layer by layer, password known',
  programs: ['nginx', 'wrk', 'strace'],
  async run(stage) {
    const upstream = await startUpstream(stage)
    const ways = [
      await startLadder(stage, 'proxied', upstream),
      await startLadder(stage, 'forward-auth', upstream),
    ]
    const steps = ways.flat()
    for (const step of stage.quick ? [] : steps) {
      stage.say(`warming up ${step.name}`)
      await hammer(stage, step, 4)
    }
    const { rounds, seconds } = stage.quick ? { rounds: 1, seconds: 1 } : { rounds: 7, seconds: 3 }
    const costs = await inRounds(stage, rounds, steps, step => costOf(stage, step, seconds))
    const calls = await inRounds(stage, 1, steps, step => callsOf(stage, step))

    const measured = (step: RunningStep): Measured => ({
      step,
      costs: costs.get(step) ?? [],
      calls: calls.get(step)?.[0] ?? new Map(),
    })
    return {
      rows: steps.flatMap(step => rowsOf(measured(step))),
      goals: [],
      tables: ways.map(way => tableOf(way.map(measured))),
      plot: {
        kind: 'stacks',
        title: 'CPU time per request, layer by layer, password known',
        subtitle:
          'each step does what the one above it does, and more; 32 connections, an answer of 231 bytes',
        unit: 'µs',
        parts: ['user', 'system'],
        bars: steps.map(step => ({
          label: step.name,
          values: [medianOf(step, 'user'), medianOf(step, 'system')],
        })),
      },
      notes: [
        'System calls were counted in a run of their own, under strace, which slows a process: it finds more connections ready at a time.',
      ],
    }

    function medianOf(step: RunningStep, part: keyof Cost): number {
      return spreadOf((costs.get(step) ?? []).map(cost => cost[part])).median
    }
  },
}

/** What became known of a step. */
interface Measured {
  readonly step: RunningStep
  readonly costs: readonly Cost[]
  /** By name, for each request. */
  readonly calls: ReadonlyMap<string, number>
}

function rowsOf({ step: { name }, costs, calls }: Measured): readonly Row[] {
  const all = sumOf(calls)
  return [
    { what: `${name}, user`, unit: 'µs', value: spreadOf(costs.map(({ user }) => user)) },
    { what: `${name}, system`, unit: 'µs', value: spreadOf(costs.map(({ system }) => system)) },
    { what: `${name}, system calls`, unit: '', value: { median: all, low: all, high: all } },
    { what: `${name}, allocated`, unit: 'bytes', value: spreadOf(costs.map(({ allocated }) => allocated)) },
  ]
}

const columns = ['user', 'system', 'both', 'more than above', 'system calls', 'KB allocated']

/** One ladder, for a document. */
function tableOf(way: readonly Measured[]): Table {
  const [first] = way
  return {
    heading: [first?.step.ladder === 'proxied' ? 'a proxied request' : 'a forward-auth decision', ...columns],
    lines: way.map(({ step, costs, calls }, at) => {
      const before = way[at - 1]
      const more = before && spreadOf(costs.map((cost, round) => bothOf(cost) - bothOf(before.costs[round])))
      return [
        step.adds,
        shown(spreadOf(costs.map(({ user }) => user)).median),
        shown(spreadOf(costs.map(({ system }) => system)).median),
        ranged(spreadOf(costs.map(bothOf))),
        more === undefined ? '' : ranged(more),
        callsIn(calls),
        shown(spreadOf(costs.map(({ allocated }) => allocated / 1000)).median),
      ]
    }),
  }
}

function bothOf(cost: Cost | undefined): number {
  return cost === undefined ? Number.NaN : cost.user + cost.system
}

function ranged({ median, low, high }: Spread): string {
  return `${shown(median)} µs (${shown(low)} to ${shown(high)})`
}

/** The sum, and those that come at least with every tenth request. */
function callsIn(calls: ReadonlyMap<string, number>): string {
  const often = [...calls].filter(([, times]) => times >= 0.1)
  return `${shown(sumOf(calls))}: ${often.map(([name, times]) => `${shown(times)} ${name}`).join(', ')}`
}

function sumOf(calls: ReadonlyMap<string, number>): number {
  return [...calls.values()].reduce((sum, times) => sum + times, 0)
}
