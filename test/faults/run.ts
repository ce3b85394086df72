// npm run faults [-- PART OF A NAME]: breaks every part under 20,000 requests each, with real processes, and writes the
// table of docs/reliability.md (only if all were run). Ends with 1 if a wrong password got in, a right one was told 401, or
// a gateway did not become what it was within two seconds.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkout } from '../support/program.ts'
import { faults } from './faults.ts'
import { play, type Played } from './play.ts'

const wanted = process.argv[2] ?? ''
const chosen = faults.filter(({ part, name }) => `${part} ${name}`.includes(wanted))
if (chosen.length === 0) {
  process.stderr.write(
    `No fault has "${wanted}" in its name. All of them: ${faults.map(({ part, name }) => `\n  ${part} ${name}`).join('')}\n`,
  )
  process.exit(2)
}

const length = { requests: 20_000, brokenMs: 3000, afterMs: 3000 }
const rows: Played[] = []
for (const [at, fault] of chosen.entries()) {
  process.stdout.write(`${at + 1} of ${chosen.length}  ${fault.part} ${fault.name} … `)
  const endings: (() => unknown)[] = []
  try {
    const played = await play(
      { teardown: (ending: () => unknown) => void endings.unshift(ending) },
      fault,
      length,
    )
    rows.push(played)
    process.stdout.write(
      `${isGood(played) ? 'held' : `DID NOT HOLD ${JSON.stringify(played.tally)} ${played.gone ?? ''}`}\n`,
    )
  } finally {
    for (const ending of endings) await ending()
  }
}
if (wanted === '') writeTable(rows)
process.exit(rows.every(isGood) ? 0 : 1)

function isGood({ tally, secondsToNormal, gone }: Played): boolean {
  const { wronglyAllowed, wronglyRefused, other } = tally
  return wronglyAllowed + wronglyRefused + other === 0 && secondsToNormal <= 2 && gone === undefined
}

function writeTable(all: readonly Played[]): void {
  const page = join(checkout, 'docs/reliability.md')
  const [begin, end] = ['<!-- faults: begin -->', '<!-- faults: end -->']
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`
  const heads = [
    'part',
    'what it does',
    'requests',
    'wrong passwords let in',
    'right ones told 401',
    'told to come again',
    '502, 504',
    'broken off',
    'slowest',
    'normal after',
  ]
  const body = all.map(({ fault, tally, secondsToNormal }) =>
    line([
      fault.part,
      fault.name,
      tally.requests,
      tally.wronglyAllowed,
      tally.wronglyRefused,
      tally.later,
      tally.upstream,
      tally.broken,
      `${(tally.slowest / 1000).toFixed(2)} s`,
      `${secondsToNormal.toFixed(2)} s`,
    ]),
  )
  const table = [line(heads), line(heads.map(() => '---')), ...body].join('\n')
  const [before = '', rest = ''] = readFileSync(page, 'utf8').split(begin)
  const after = rest.split(end)[1] ?? ''
  writeFileSync(page, `${before}${begin}\n\n${table}\n\n${end}${after}`)
  process.stdout.write('docs/reliability.md is written.\n')
}
