import t from 'tap'
import { createHistory, numberOf, type Moment } from '../../src/gateway/history.ts'

const moment = (number: number, life = 'first', store = 'a-store'): Moment => ({
  store,
  number,
  token: `${life} ${number}`,
})

function watched() {
  const history = createHistory()
  const turns: number[] = []
  history.onTurn(above => turns.push(above))
  return { history, turns }
}

t.test('while the store only goes forward, revisions equal its numbers', async t => {
  const { history, turns } = watched()
  t.equal(history.saw(moment(5)), 5)
  t.equal(history.saw(moment(7)), 7)
  t.equal(history.saw(moment(6)), 6, 'an answer that was overtaken')
  t.strictSame(history.momentOf(history.saw(moment(7))), moment(7))
  t.strictSame(turns, [])
})

t.test(
  'a different change under a known number: everything read before is below everything read after',
  async t => {
    const { history, turns } = watched()
    const lost = history.saw(moment(9))
    history.saw(moment(7))
    t.equal(history.saw(moment(7, 'first')), 7)
    const after = history.saw(moment(9, 'second'))
    t.equal(turns.length, 1)
    t.ok(lost < (turns[0] ?? 0) && (turns[0] ?? 0) < after)
    t.equal(numberOf(after), 9)
    t.equal(history.isPresent(lost), false)
    t.equal(history.momentOf(lost), undefined)
    t.equal(history.revisionOf(moment(9)), undefined, 'what Redis kept of the lost life is not believed')
    t.equal(history.revisionOf(moment(9, 'second')), after)
  },
)

t.test('a change is announced under a number that was seen before', async t => {
  for (const [number, before] of [
    [8, 'first 7'],
    [9, 'first 8'],
    [10, 'second 9'],
  ] as const) {
    const { history, turns } = watched()
    history.saw(moment(7))
    history.saw(moment(9))
    const heard = history.heard(moment(number, 'second'), before)
    t.equal(turns.length, 1, String(number))
    t.ok((heard ?? 0) > (turns[0] ?? 0))
  }
  const { history, turns } = watched()
  history.saw(moment(9))
  history.heard(moment(10), 'first 9')
  history.saw(moment(10))
  history.heard(moment(10), 'first 9')
  t.strictSame(turns, [], 'one that is the next, or is heard late, is none')
})

t.test(
  'an announced change that was never made is not a turn; after it was read, a different one is',
  async t => {
    const { history, turns } = watched()
    history.saw(moment(4))
    history.heard(moment(5), 'first 4')
    history.saw(moment(5, 'another'))
    t.strictSame(turns, [])

    history.heard(moment(6), 'another 5')
    t.equal(history.revisionOf(moment(6)), 6, 'found as of it, so it was made')
    history.saw(moment(6, 'another'))
    t.equal(turns.length, 1)
  },
)

t.test('a different store is an outage, and its changes are ignored', async t => {
  const { history, turns } = watched()
  history.saw(moment(5))
  t.throws(() => history.saw(moment(5, 'first', 'another-store')), { name: 'Outage', part: 'store' })
  t.equal(history.heard(moment(6, 'first', 'another-store'), 'first 5'), undefined)
  t.equal(history.revisionOf(moment(5, 'first', 'another-store')), undefined)
  t.equal(history.saw(moment(5)), 5)
  t.strictSame(turns, [])
})
