import { readdirSync } from 'node:fs'
import { mock } from 'node:test'
import t from 'tap'
import type { PasswordHash } from '../../src/gateway/ports.ts'
import { hashOf, keepsTheContract } from './contract.ts'
import { someLanes, theLane } from './some-lanes.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { until } from '../support/until.ts'
import { attempt } from './vectors.ts'

t.test('hashing in lanes', async t => {
  const { lanes } = await someLanes(t, { lanes: 2 })
  await keepsTheContract(t, lanes)
})

t.test('two hundred equal callers cost one hash', async t => {
  const { lanes, counted, hash } = await someLanes(t)
  counted.length = 0
  const answers = await Promise.all(Array.from({ length: 200 }, () => lanes.compare(attempt('right'), hash)))
  t.strictSame(new Set(answers), new Set(['match']))
  t.strictSame(counted, ['match'])
})

t.test('callers who come a moment after the answer share it, later ones are checked again', async t => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const { lanes, counted, hash } = await someLanes(t)
  const right = () => lanes.compare(attempt('right'), hash)
  t.strictSame([await right(), await right()], ['match', 'match'])
  t.strictSame(counted, ['made', 'match'])
  mock.timers.tick(999)
  await right()
  t.strictSame(counted, ['made', 'match'])
  mock.timers.tick(1)
  await right()
  t.strictSame(counted, ['made', 'match', 'match'])
})

t.test('that there was no place is not shared with those who come after', async t => {
  const { lanes, hash } = await someLanes(t, { queueLimit: 0 })
  process.kill(theLane(), 'SIGSTOP')
  const first = lanes.compare(attempt('right'), hash)
  t.equal(await lanes.compare(attempt('wrong'), hash), 'busy')
  process.kill(theLane(), 'SIGCONT')
  t.equal(await first, 'match')
  t.equal(await lanes.compare(attempt('wrong'), hash), 'mismatch')
})

t.test('who asks after a reset never gets the verdict on the hash of before', async t => {
  const { lanes, hash } = await someLanes(t)
  const renewed = await hashOf(lanes, 'other')
  const answers = await Promise.all([hash, renewed].map(each => lanes.compare(attempt('right'), each)))
  t.strictSame(answers, ['match', 'mismatch'])
})

t.test('one guess at ten unknown names costs ten hashes, as it does at known ones', async t => {
  const { lanes, counted } = await someLanes(t)
  const names = Array.from({ length: 10 }, (_, index) => `user ${index}`)
  await Promise.all(names.flatMap(name => [1, 2].map(() => lanes.compare(attempt('guess', name), 'decoy'))))
  t.strictSame(counted, ['made', ...names.map(() => 'decoy')])
})

t.test('every computation is counted under its result, and what was wrong with a hash is told', async t => {
  const { lanes, counted, flaws, hash } = await someLanes(t)
  await lanes.compare(attempt('right'), hash)
  await lanes.compare(attempt('wrong'), hash)
  await lanes.compare(attempt('right'), 'decoy')
  await lanes.compare(attempt('right'), `${hash.slice(0, -1)}!` as PasswordHash)
  t.strictSame(counted, ['made', 'match', 'mismatch', 'decoy', 'mismatch'])
  t.strictSame(flaws, ['malformed'])
})

t.test(
  'a full queue says busy at once, but who asks what is under way or waits already is let in',
  async t => {
    const { lanes, depths, hash } = await someLanes(t, { queueLimit: 1 })
    process.kill(theLane(), 'SIGSTOP')
    const first = lanes.compare(attempt('right'), hash)
    const second = lanes.compare(attempt('wrong'), hash)
    t.equal(lanes.depth, 1)
    t.equal(await lanes.compare(attempt('other'), hash), 'busy')
    t.equal(await lanes.hash(attempt('other').password), 'busy')
    const joined = [lanes.compare(attempt('right'), hash), lanes.compare(attempt('wrong'), hash)]
    process.kill(theLane(), 'SIGCONT')
    t.strictSame(await Promise.all([first, second, ...joined]), ['match', 'mismatch', 'match', 'mismatch'])
    t.equal(lanes.depth, 0)
    t.equal(Math.max(...depths), 1)
    t.equal(depths.at(-1), 0)
  },
)

t.test('who has waited longest is next', async t => {
  const { lanes, hash } = await someLanes(t)
  const order: string[] = []
  const names = ['a', 'b', 'c', 'd']
  await Promise.all(
    names.map(async name => {
      await lanes.compare(attempt('right', name), hash)
      order.push(name)
    }),
  )
  t.strictSame(order, names)
})

t.test('a lane is killed, but its compiled code is kept for the next one', async t => {
  const before = process.env['NODE_COMPILE_CACHE']
  const directory = temporaryDirectory(t)
  process.env['NODE_COMPILE_CACHE'] = directory
  t.teardown(() => {
    if (before === undefined) delete process.env['NODE_COMPILE_CACHE']
    else process.env['NODE_COMPILE_CACHE'] = before
  })
  const { lanes } = await someLanes(t)
  const files = () => readdirSync(directory, { recursive: true, withFileTypes: true }).filter(f => f.isFile())
  await until(() => files().length > 0)
  await lanes.close()
})
