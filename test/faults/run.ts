import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startLongRun } from '../support/long-run.ts'
import { checkout } from '../support/program.ts'
import type { Fault } from './fault.ts'
import { faults } from './faults.ts'
import { play } from './play.ts'
import { flawOf, withRows, type Outcome } from './table.ts'
import type { Tally } from './traffic.ts'

const page = join(checkout, 'docs/reliability.md')
const length = { requests: 20_000, brokenMs: 3000, afterMs: 3000 }

const wanted = process.argv[2] ?? ''
const chosen = faults.filter(isWanted)
if (chosen.length === 0) {
  process.stderr.write(
    `No fault has "${wanted}" in its name. All of them: ${faults.map(({ part, name }) => `\n  ${part} ${name}`).join('')}\n`,
  )
  process.exit(2)
}

const longRun = startLongRun()
const began = performance.now()
let good = 0
for (const [at, fault] of chosen.entries()) {
  const outcome = await outcomeOf(fault, `${at + 1} of ${chosen.length}  ${fault.part} ${fault.name}`)
  if (flawOf(outcome) === undefined) good += 1
  // After each: whatever ends a long run early, what it has found is kept.
  writeFileSync(page, withRows(readFileSync(page, 'utf8'), faults, [outcome]))
}
process.stdout.write(
  `${good} of ${chosen.length} held, in ${minutesSince(began)} minutes. Their rows in docs/reliability.md are written.\n`,
)
longRun.exit(good === chosen.length ? 0 : 1)

/** The name of a part is that part; any other word is looked for in the names. */
function isWanted({ part, name }: Fault): boolean {
  const isPart = faults.some(each => each.part.toLowerCase() === wanted.toLowerCase())
  return isPart ? part.toLowerCase() === wanted.toLowerCase() : `${part} ${name}`.includes(wanted)
}

async function outcomeOf(fault: Fault, title: string): Promise<Outcome> {
  const progress = showProgress(title)
  let outcome: Outcome
  try {
    outcome = await play(longRun.t, fault, length, progress.watch)
  } catch (error) {
    outcome = { fault, failure: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
  await longRun.tearDown()
  // Its processes are ended, and nothing that it finds now is worth a row.
  if (longRun.interrupted()) await delay(60_000)
  const flaw = flawOf(outcome)
  progress.end(flaw === undefined ? 'held' : `DID NOT HOLD: ${flaw}\n${detailsOf(outcome)}`)
  return outcome
}

function detailsOf(outcome: Outcome): string {
  return 'failure' in outcome ? outcome.failure : `${JSON.stringify(outcome.tally)} ${outcome.gone ?? ''}`
}

/** One line, which on a terminal says how far it is. */
function showProgress(title: string) {
  const started = performance.now()
  let tally: Tally | undefined
  const seconds = () => `${((performance.now() - started) / 1000).toFixed(0)} s`
  process.stdout.write(`${title} … `)
  const timer = setInterval(() => {
    const done = tally === undefined ? 'starting' : `${tally.requests} of ${length.requests} requests`
    if (process.stdout.isTTY) process.stdout.write(`\r\x1b[K${title} … ${done}, ${seconds()}`)
  }, 500)
  return {
    watch: (counted: Tally) => void (tally = counted),
    end(word: string) {
      clearInterval(timer)
      process.stdout.write(`${process.stdout.isTTY ? `\r\x1b[K${title} … ` : ''}${word} (${seconds()})\n`)
    },
  }
}

function minutesSince(start: number): string {
  return ((performance.now() - start) / 60_000).toFixed(1)
}
