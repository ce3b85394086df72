// npm run renewals [-- --people N --minutes N --life SECONDS]: people whose access tokens are renewed all the time, at two
// gateways that are killed meanwhile, as Redis is; once with a provider where used refresh tokens work again, and once
// with one where they do not. Writes its rows of docs/delegation.md. Ends with 1 if one of the two did not hold.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { startLongRun } from '../support/long-run.ts'
import { checkout } from '../support/program.ts'
import { play } from './play.ts'
import { withRow } from './table.ts'
import { startRenewalsWorld } from './world.ts'

const page = join(checkout, 'docs/delegation.md')

const { values } = parseArgs({
  options: {
    people: { type: 'string', default: '500' },
    minutes: { type: 'string', default: '10' },
    life: { type: 'string', default: '20' },
  },
})
const [people, minutes, lifeSeconds] = [values.people, values.minutes, values.life].map(Number) as [
  number,
  number,
  number,
]
if (!Number.isInteger(people) || people < 1 || !(minutes > 0) || !(lifeSeconds >= 1)) {
  process.stderr.write('Give numbers: npm run renewals -- --people 500 --minutes 10 --life 20\n')
  process.exit(2)
}

const longRun = startLongRun()
let good = true
for (const reuse of [true, false]) {
  const title = `a used refresh token ${reuse ? 'works again' : 'ends the grant'}`
  const progress = showProgress(title)
  const options = { people, lifeSeconds, seconds: minutes * 60, reuse, everyMs: 2000 }
  try {
    progress.watch('starting')
    const world = await startRenewalsWorld(longRun.t, options)
    const played = await play(world, options, text => progress.watch(text))
    if (longRun.interrupted()) await delay(60_000)
    const { flaw, details } = played
    progress.end(flaw === undefined ? 'held' : `DID NOT HOLD: ${flaw}\n${details}`)
    writeFileSync(page, withRow(readFileSync(page, 'utf8'), options, played))
    good &&= flaw === undefined
  } catch (error) {
    // What is interrupted fails in some way, which is not worth telling.
    if (longRun.interrupted()) await delay(60_000)
    progress.end(
      `could not be played\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    )
    good = false
  }
  await longRun.tearDown()
}
longRun.exit(good ? 0 : 1)

/** One line, which on a terminal says how far it is. */
function showProgress(title: string) {
  process.stdout.write(`${title} … `)
  return {
    watch(text: string) {
      if (process.stdout.isTTY) process.stdout.write(`\r\x1b[K${title} … ${text}`)
    },
    end(word: string) {
      process.stdout.write(`${process.stdout.isTTY ? `\r\x1b[K${title} … ` : ''}${word}\n`)
    },
  }
}
