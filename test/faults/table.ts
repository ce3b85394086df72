import { availableParallelism } from 'node:os'
import type { Fault } from './fault.ts'
import type { Played } from './play.ts'
import type { Tally } from './traffic.ts'

/** What became of one fault: what was counted, or why it could not be played. */
export type Outcome = Played | { readonly fault: Fault; readonly failure: string }

const [begin, end] = ['<!-- faults: begin -->', '<!-- faults: end -->']

const heads = [
  'part',
  'what it does',
  'requests',
  'wrong passwords let in',
  'right ones told 401',
  'told to come again',
  '502, 504',
  'broken off',
  'sign-ins that failed',
  'slowest',
  'normal after',
  'held',
  'run',
]

/** Why the fault did not hold, in a few words; `undefined`: it did. */
export function flawOf(outcome: Outcome): string | undefined {
  if ('failure' in outcome) return 'it could not be played'
  const { fault, tally, secondsToNormal, gone } = outcome
  const { wronglyAllowed, wronglyRefused, other, later, upstream, broken } = tally
  if (wronglyAllowed > 0) return 'wrong passwords were let in'
  if (wronglyRefused > 0) return 'right passwords were told 401'
  if (other > 0) return 'right passwords were told something else'
  if (fault.unnoticed && later + upstream + broken > 0) return 'callers noticed it'
  if (gone !== undefined) return 'the gateway is not what it was'
  return secondsToNormal > 2 ? 'it took too long' : undefined
}

/**
 * The page with the rows of these faults in it, each in the place of the one that was there, in the order of `all`. Rows of
 * faults that there are no more are left out.
 */
export function withRows(page: string, all: readonly Fault[], outcomes: readonly Outcome[]): string {
  const [before = '', rest = ''] = page.split(begin)
  const [table = '', after = ''] = rest.split(end)
  const rows = new Map<string, string>()
  for (const row of table.split('\n')) {
    const [part, name] = row.replace(/^\| /, '').split(' | ')
    rows.set(`${part} ${name}`, row)
  }
  for (const outcome of outcomes) rows.set(nameOf(outcome.fault), rowOf(outcome))
  const kept = all.flatMap(fault => rows.get(nameOf(fault)) ?? [])
  return `${before}${begin}\n\n${[line(heads), line(heads.map(() => '---')), ...kept].join('\n')}\n\n${end}${after}`
}

function nameOf({ part, name }: Fault): string {
  return `${part} ${name}`
}

function rowOf(outcome: Outcome): string {
  const { part, name } = outcome.fault
  const flaw = flawOf(outcome)
  const counted = 'failure' in outcome ? heads.slice(2, -2).map(() => '') : cellsOf(outcome)
  return line([part, name, ...counted, flaw === undefined ? 'yes' : `**no: ${flaw}**`, today()])
}

function cellsOf({ tally, secondsToNormal }: Played): readonly (string | number)[] {
  return [
    tally.requests,
    tally.wronglyAllowed,
    tally.wronglyRefused,
    tally.later,
    tally.upstream,
    tally.broken,
    signInsOf(tally),
    `${(tally.slowest / 1000).toFixed(2)} s`,
    `${secondsToNormal.toFixed(2)} s`,
  ]
}

function signInsOf({ signIns, signInsFailed }: Tally): string {
  return signIns === 0 ? '' : `${signInsFailed} of ${signIns}`
}

/** When and on what it was run. */
function today(): string {
  return `${new Date().toISOString().slice(0, 10)}, ${availableParallelism()} CPUs`
}

function line(cells: readonly (string | number)[]): string {
  return `| ${cells.join(' | ')} |`
}
