import { randomBytes } from 'node:crypto'
import t from 'tap'
import { createSeen } from '../../src/engine/seen.ts'

const random = () => randomBytes(32).toString('base64url')

t.test('a pair is new once, and again after all were forgotten', async t => {
  const seen = createSeen()
  const [one, other] = [random(), random()]
  t.notOk(seen.has(one, '203.0.113.1'))
  t.ok(seen.has(one, '203.0.113.1'))
  t.notOk(seen.has(other, '203.0.113.1'), 'another text')
  t.notOk(seen.has(one, '203.0.113.2'), 'another address')
  t.ok(seen.has(one, '203.0.113.2'))
  seen.clear()
  t.notOk(seen.has(one, '203.0.113.1'))
})

t.test('of 100,000 pairs that come in turn, nearly all are still there', async t => {
  const seen = createSeen()
  const pairs = Array.from({ length: 100_000 }, (_, at) => [random(), `192.0.2.${at % 250}`] as const)
  const known = () => pairs.filter(([text, address]) => seen.has(text, address)).length
  t.ok(known() < 2, 'all were new')
  t.ok(known() > 99_000)
  t.ok(known() > 99_000, 'and stay, however often they come')
})

t.test('more than there is room for displace one another, and no more', async t => {
  const seen = createSeen()
  const all = Array.from({ length: 400_000 }, random)
  for (const each of all) seen.has(each, '')
  const last = all.slice(-100_000)
  t.ok(last.filter(each => seen.has(each, '')).length > 60_000, 'most of the latest are there')
  t.notOk(seen.has(random(), ''))
})
