import { availableParallelism } from 'node:os'
import type { Played, RunOptions } from './play.ts'
import type { WorldOptions } from './world.ts'

const [begin, end] = ['<!-- renewals: begin -->', '<!-- renewals: end -->']

const heads = [
  'a used refresh token',
  'users',
  'minutes',
  'life of a token',
  'requests',
  'refused',
  'told to come again, while a part restarted',
  'broken off by a kill',
  'renewals',
  'renewed twice in a life',
  'tokens that died with a gateway',
  'sign-ins lost with them',
  'sign-ins lost otherwise',
  'most renewals in a second',
  'mean',
  'slowest',
  'held',
  'run',
]

/** The page with the row of this run in the place of the one that was there. */
export function withRow(page: string, options: RunOptions & WorldOptions, played: Played): string {
  const [before = '', rest = ''] = page.split(begin)
  const [table = '', after = ''] = rest.split(end)
  const row = rowOf(options, played)
  const [name = ''] = row.slice(2).split(' | ')
  const kept = table.split('\n').filter(each => each.startsWith('| ') && !each.startsWith(`| ${name} |`))
  const rows = [...kept.filter(each => /^\| (works|ends)/.test(each)), row].toSorted().toReversed()
  return `${before}${begin}\n\n${[line(heads), line(heads.map(() => '---')), ...rows].join('\n')}\n\n${end}${after}`
}

function rowOf({ reuse, people, seconds, lifeSeconds }: RunOptions & WorldOptions, played: Played): string {
  const { tally, flaw } = played
  return line([
    reuse ? 'works again' : 'ends the grant',
    people,
    Number((seconds / 60).toFixed(1)),
    `${lifeSeconds} s`,
    tally.requests,
    tally.refused.length,
    tally.laterInOutage,
    tally.brokenInOutage,
    played.renewals,
    played.twice,
    played.died,
    played.lostByKill,
    played.lost,
    played.mostInASecond,
    played.meanInASecond.toFixed(1),
    `${(tally.slowest / 1000).toFixed(2)} s`,
    flaw === undefined ? 'yes' : `**no: ${flaw}**`,
    `${new Date().toISOString().slice(0, 10)}, ${availableParallelism()} CPUs`,
  ])
}

function line(cells: readonly (string | number)[]): string {
  return `| ${cells.join(' | ')} |`
}
