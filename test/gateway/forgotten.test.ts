import t from 'tap'
import { createForgotten } from '../../src/gateway/forgotten.ts'
import type { Revision } from '../../src/gateway/names.ts'

const at = (revision: number) => revision as Revision

t.test(
  'what was read before a change of its key is covered, what was read as of the change is not',
  async t => {
    const forgotten = createForgotten<string>({ most: 10, keepSeconds: 60, now: () => 0 })
    forgotten.add('anna', at(5))
    t.equal(forgotten.covers('anna', at(4)), true)
    t.equal(forgotten.covers('anna', at(5)), false)
    t.equal(forgotten.covers('ben', at(4)), false)
    forgotten.add('anna', at(3))
    t.equal(forgotten.covers('anna', at(4)), true, 'older news that come later take nothing back')
  },
)

t.test('when there are too many keys, the oldest are covered together with all others', async t => {
  const forgotten = createForgotten<string>({ most: 2, keepSeconds: 60, now: () => 0 })
  forgotten.add('anna', at(5))
  forgotten.add('ben', at(6))
  forgotten.add('cleo', at(7))
  t.equal(forgotten.covers('anna', at(4)), true)
  t.equal(forgotten.covers('nobody', at(4)), true)
  t.equal(forgotten.covers('nobody', at(5)), false)
  t.equal(forgotten.covers('ben', at(5)), true)
})

t.test('a key that is changed again stays among the newest', async t => {
  const forgotten = createForgotten<string>({ most: 2, keepSeconds: 60, now: () => 0 })
  forgotten.add('anna', at(1))
  forgotten.add('ben', at(2))
  forgotten.add('anna', at(3))
  forgotten.add('cleo', at(4))
  t.equal(forgotten.covers('nobody', at(1)), true, 'ben made room')
  t.equal(forgotten.covers('nobody', at(2)), false)
  t.equal(forgotten.covers('anna', at(2)), true)
})

t.test('a change that was announced but never made stops covering its keys', async t => {
  let now = 0
  const forgotten = createForgotten<string>({ most: 1, keepSeconds: 60, now: () => now })
  forgotten.add('anna', at(5))
  forgotten.add('ben', at(6))
  forgotten.addAll(at(7))
  now = 59_999
  t.equal(forgotten.covers('ben', at(4)), true)
  now = 60_000
  t.equal(forgotten.covers('anna', at(4)), false)
  t.equal(forgotten.covers('ben', at(4)), false)
})

t.test('what was read as of the last change is never covered', async t => {
  const forgotten = createForgotten<string>({ most: 10, keepSeconds: 60, now: () => 0 })
  t.equal(forgotten.coversAny(at(0)), false)
  forgotten.add('anna', at(5))
  t.equal(forgotten.coversAny(at(4)), true)
  t.equal(forgotten.coversAny(at(5)), false)
  forgotten.addAll(at(7))
  forgotten.add('ben', at(6))
  t.equal(forgotten.coversAny(at(6)), true)
  t.equal(forgotten.coversAny(at(7)), false)
})
