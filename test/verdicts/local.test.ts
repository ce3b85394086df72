import t from 'tap'
import { createLocalVerdicts } from '../../src/verdicts/local.ts'
import { createVerdictCache } from '../../src/verdicts/shared.ts'
import { attempt, match, mismatch, revision } from './attempts.ts'
import { testVerdictCache } from './contract.ts'
import { lifetimes } from './process.ts'

const anna = attempt('anna@example.com', 'right')

t.test('on one machine without Redis', async t =>
  testVerdictCache(t, async () => {
    let now = 0
    const local = createLocalVerdicts({ ...lifetimes, goodEntries: 100, otherEntries: 10, now: () => now })
    return {
      cache: createVerdictCache({ local }),
      revoke: async (slots, at) => local.forget(slots, revision(at)),
      forgetAll: at => local.forgetAll(revision(at)),
      advance: seconds => (now += seconds * 1000),
    }
  }),
)

t.test('each pool keeps to its bound', async t => {
  const local = createLocalVerdicts({ ...lifetimes, goodEntries: 2, otherEntries: 1, now: () => 0 })
  const attempts = ['a', 'b', 'c'].map(name => attempt(name, 'x'))
  for (const each of attempts) local.remember(each, match(1))
  t.equal(attempts.filter(each => local.recall(each) !== undefined).length, 2)
  for (const each of attempts) local.remember(each, mismatch(1))
  t.equal(attempts.filter(each => local.recall(each) !== undefined).length, 1)
})

t.test(
  'what another process found is not believed once it was told to forget it, or its time has come',
  async t => {
    const local = createLocalVerdicts({ ...lifetimes, goodEntries: 2, otherEntries: 1, now: () => 1000 })
    local.forget([anna.slot], revision(3))
    t.equal(local.adopt(anna, { verdict: match(2), until: 2000 }), false)
    t.equal(local.adopt(anna, { verdict: match(3), until: 1000 }), false)
    t.equal(local.recall(anna), undefined)
    t.equal(local.adopt(anna, { verdict: match(3), until: 1001 }), true)
    t.equal(local.recall(anna)?.via, 'l1')
  },
)

t.test('what comes from a machine whose clock is wrong lives no longer than what is found here', async t => {
  let now = 1000
  const local = createLocalVerdicts({ ...lifetimes, goodEntries: 2, otherEntries: 1, now: () => now })
  t.equal(local.adopt(anna, { verdict: match(3), until: 86_400_000 }), true)
  now += lifetimes.matchTtlSeconds * 1000 - 1
  t.equal(local.recall(anna)?.found, 'match')
  now += 1
  t.equal(local.recall(anna), undefined)
})

t.test('on an account that has moved, a change in the scope that it left counts as well', async t => {
  const local = createLocalVerdicts({ ...lifetimes, goodEntries: 2, otherEntries: 2, now: () => 0 })
  const moved = { ...anna, formerSlot: attempt('anna@example.com in the former scope', 'right').slot }
  local.remember(moved, mismatch(1))
  local.forget([moved.formerSlot], revision(2))
  t.equal(local.recall(moved), undefined)
  t.equal(local.remember(moved, mismatch(1)), undefined, 'a late writer does not bring it back')
  t.ok(local.remember(moved, mismatch(2)))
})
