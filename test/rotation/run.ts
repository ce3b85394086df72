// npm run rotation [-- --minutes N --rate N --every MS "SIGHUP in a loop"]: traffic while Debian's logrotate rotates the
// logs, in each way or in those that are named, and while SIGHUP comes in a loop. Ends with 1 if a request failed, or a
// line is lost that need not be: copytruncate itself loses what is written between its copy and its cut.
import { parseArgs } from 'node:util'
import { startLongRun } from '../support/long-run.ts'
import { play, type Played, type Way, ways } from './play.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: 'string', default: '5' },
    rate: { type: 'string', default: '500' },
    every: { type: 'string' },
  },
})
const [minutes, rate] = [Number(values.minutes), Number(values.rate)]
const chosen = ways.filter(way => positionals.length === 0 || positionals.includes(way))
if (!(minutes > 0) || !(rate > 0) || chosen.length === 0) {
  process.stderr.write(`Give numbers, and one of: ${ways.join(', ')}\n`)
  process.exit(2)
}

const longRun = startLongRun()
let good = true
for (const way of chosen) {
  process.stdout.write(`${way} … `)
  const everyMs = Number(values.every ?? usualMs(way))
  const [played] = await play(longRun.t, [way], { seconds: minutes * 60, rate, everyMs })
  if (played === undefined) throw new Error('one way, one result')
  process.stdout.write(`${JSON.stringify(played)}\n`)
  good &&= isGood(way, played)
  await longRun.tearDown()
}
longRun.exit(good ? 0 : 1)

function usualMs(way: Way): number {
  return way === 'SIGHUP in a loop' ? 100 : 5000
}

function isGood(way: Way, { failures, missing, twice, torn, turns }: Played): boolean {
  const isWhole = twice === 0 && torn === 0 && (missing === 0 || way === 'copytruncate')
  return Object.keys(failures).length === 0 && turns > 0 && isWhole
}
