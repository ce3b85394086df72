import t from 'tap'
import type { AccountName } from '../../src/gateway/names.ts'
import { createLoops, type LoopOptions } from '../../src/throttling/loops.ts'
import { caller } from './contract.ts'

const few: LoopOptions = {
  anonymous: { requests: 3, requestsInAll: 10, windowSeconds: 60 },
  ipv6PrefixBits: 64,
  exempt: ['198.51.100.0/24'],
}
const home = caller('192.0.2.1')

function counting() {
  const clock = { now: 1_000_000 }
  const told: string[] = []
  const loops = createLoops(few, { now: () => clock.now, tooOften: from => void told.push(from) })
  const again = (path = '/x', who = home) => loops.again(who, path)?.by ?? 'in'
  const times = (count: number, path?: string, who = home) =>
    Array.from({ length: count }, () => again(path, who)).filter(each => each === 'in').length
  return { clock, told, loops, again, times }
}

t.test('who asks for one thing again and again and presents nothing is told for how long', async t => {
  const { clock, loops, times } = counting()
  t.equal(times(3), 3)
  clock.now += 20_000
  t.strictSame(loops.again(home, '/x'), { by: 'anonymous', retryAfter: 40 })
  clock.now += 40_000
  t.equal(times(10), 3)
})

t.test(
  'a loop does not stop others at its address, and tries at many things are counted together',
  async t => {
    const { times, again } = counting()
    t.equal(times(1000), 3)
    t.equal(times(3, '/y'), 3)
    t.equal(times(2, '/z'), 2, 'what was refused for its path does not count')
    t.equal(times(10, '/x', { ...home, account: 'contoso' as AccountName }), 2, 'the rest of ten')
    t.equal(again('/new'), 'anonymous')
    t.equal(again('/new', caller('192.0.2.2')), 'in')
  },
)

t.test('a right credential begins the count anew, in all and for its path', async t => {
  const { loops, times, again } = counting()
  times(4)
  times(8, '/y')
  loops.presented(home, '/y')
  t.equal(again('/x'), 'anonymous', 'nothing was presented for this one')
  t.equal(times(100, '/y'), 3)
  loops.presented(caller('192.0.2.2'), '/y')
  t.equal(again('/y'), 'anonymous', 'it was presented elsewhere')
})

t.test('a farm that clones one repository at once is let in for ever', async t => {
  const { loops, times } = counting()
  for (let round = 0; round < 100; round++) {
    t.equal(times(3), 3)
    loops.presented(home, '/x')
  }
})

t.test('IPv6 counts by network, an exempt address by path alone, a load test not at all', async t => {
  const { times } = counting()
  t.equal(times(2, '/x', caller('2001:db8::1')) + times(9, '/x', caller('2001:db8::ffff:1')), 3)
  const exempt = caller('198.51.100.7')
  for (let path = 0; path < 20; path++) t.equal(times(9, `/${path}`, exempt), 3)
  t.equal(times(100, '/x', caller('192.0.2.1', 'load-test')), 100)
  t.equal(times(3), 3)
})

t.test('it is told once in a window, however many paths there are', async t => {
  const { clock, told, times } = counting()
  for (const path of ['/x', '/y', '/z']) times(100, path)
  t.strictSame(told, ['192.0.2.1'])
  clock.now += 60_000
  times(100)
  t.strictSame(told, ['192.0.2.1', '192.0.2.1'])
})

t.test('memory stays bounded, whatever paths and addresses come', async t => {
  const { loops } = counting()
  const before = process.memoryUsage().heapUsed
  for (let each = 0; each < 60_000; each++)
    loops.again(caller(`10.${each >> 16}.${(each >> 8) & 255}.${each & 255}`), `/${each}${'x'.repeat(5000)}`)
  globalThis.gc?.()
  t.ok(process.memoryUsage().heapUsed - before < 100 * 2 ** 20)
})
