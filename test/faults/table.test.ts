import t from 'tap'
import type { Fault } from './fault.ts'
import { flawOf, withRows, type Outcome } from './table.ts'

const fault = (part: Fault['part'], name: string): Fault => ({ part, name, needs: {}, breaks() {} })
const [hangs, dies, full] = [fault('Redis', 'hangs'), fault('Redis', 'dies'), fault('disks', 'are full')]
const all = [hangs, dies, full]
const empty = 'before\n<!-- faults: begin -->\n<!-- faults: end -->\nafter\n'
const tally = {
  requests: 20_000,
  allowed: 9000,
  wronglyAllowed: 0,
  wronglyRefused: 0,
  later: 0,
  upstream: 0,
  other: 0,
  broken: 0,
  slowest: 12,
  lastTrouble: 0,
  signIns: 0,
  signInsFailed: 0,
  lastFailedSignIn: 0,
  lastSignIn: 0,
}

const played = (which: Fault, more: Partial<typeof tally> = {}, secondsToNormal = 0): Outcome => ({
  fault: which,
  tally: { ...tally, ...more },
  secondsToNormal,
  gone: undefined,
})
const rowsOf = (page: string) => page.split('\n').filter(line => /^\| (?:Redis|disks)/.test(line))

t.test(
  'rows stand in the order of the faults, whenever they were run, between what the page says',
  async t => {
    const page = withRows(withRows(empty, all, [played(full)]), all, [played(hangs), played(dies)])
    t.match(rowsOf(page), [/^\| Redis \| hangs /, /^\| Redis \| dies /, /^\| disks \| are full /])
    t.match(page, /^before\n[^]*\nafter\n$/)
    t.match(page, /\| \d{4}-\d\d-\d\d, \d+ CPUs \|\n/, 'when and on what')
  },
)

t.test('a run of some replaces their rows and leaves the others', async t => {
  const whole = withRows(
    empty,
    all,
    all.map(each => played(each)),
  )
  const page = withRows(whole, all, [played(dies, { later: 77 })])
  t.match(rowsOf(page)[1], '| 77 |')
  t.strictSame([rowsOf(page)[0], rowsOf(page)[2]], [rowsOf(whole)[0], rowsOf(whole)[2]])
  t.strictSame(rowsOf(withRows(page, [hangs], [])), [rowsOf(whole)[0]], 'a fault that is no more has no row')
})

t.test('what did not hold has a row that says so', async t => {
  const page = withRows(empty, all, [
    played(hangs, { wronglyAllowed: 1 }),
    played(dies, {}, 2.5),
    { fault: full, failure: 'no such disk' },
  ])
  t.match(rowsOf(page), [
    /\| \*\*no: wrong passwords were let in\*\* \|/,
    /\| \*\*no: it took too long\*\* \|/,
    /\| \*\*no: it could not be played\*\* \|/,
  ])
  t.equal(new Set(rowsOf(page).map(row => row.split('|').length)).size, 1, 'every row has all columns')
})

t.test('of what callers must not notice, an answer to come again is too much', async t => {
  t.equal(flawOf(played(hangs, { later: 1 })), undefined)
  t.equal(flawOf(played({ ...hangs, unnoticed: true }, { later: 1 })), 'callers noticed it')
})
