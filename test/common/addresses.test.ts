import fc from 'fast-check'
import t from 'tap'
import { among, isLoopback, networkOf, networkText, plainAddress } from '../../src/common/addresses.ts'

t.test('of IPv6 the network counts, as long as the settings say', async t => {
  const network = networkOf('2001:db8:1:2::1', 64)
  for (const same of ['2001:DB8:1:2:ffff::', '2001:0db8:0001:0002:1:2:3:4', '2001:db8:1:2:0:0:192.0.2.7'])
    t.equal(networkOf(same, 64), network, same)
  t.not(networkOf('2001:db8:1:3::1', 64), network)
  t.equal(networkOf('2001:db8:1:3::1', 56), networkOf('2001:db8:1:2::1', 56))
  t.not(networkOf('2001:db8:1:2::1', 128), networkOf('2001:db8:1:2::2', 128))
  t.equal(networkOf('fe80::1%eth0', 64), networkOf('fe80::2', 64))
})

t.test('IPv4 counts whole, also when it is written as IPv6', async t => {
  t.not(networkOf('192.0.2.7', 64), networkOf('192.0.2.8', 64))
  for (const mapped of ['::ffff:192.0.2.7', '::FFFF:c000:207', '0:0:0:0:0:ffff:192.0.2.7'])
    t.equal(networkOf(mapped, 64), '192.0.2.7', mapped)
  // Without dots it is an address of IPv6, whose last two groups these are.
  t.equal(plainAddress('::ffff:1234'), '::255.255.18.52')
  t.equal(networkOf('::ffff:1234', 64), networkOf('::1', 64))
})

t.test('any two addresses of one network are one, and no others', async () => {
  const group = fc.nat(0xffff).map(number => number.toString(16))
  const half = fc.array(group, { minLength: 4, maxLength: 4 }).map(groups => groups.join(':'))
  fc.assert(
    fc.property(half, half, half, half, (head, other, tail, end) => {
      const same = networkOf(`${head}:${tail}`, 64) === networkOf(`${other}:${end}`, 64)
      return same === (head === other) && networkOf(`${head}:${tail}`, 64) === networkOf(`${head}:${end}`, 64)
    }),
  )
})

t.test('what is exempt is an address, a range, or its spelling as IPv6', async t => {
  const isExempt = among(['192.0.2.7', '10.0.0.0/8', '2001:db8::/32'])
  for (const address of ['192.0.2.7', '::ffff:192.0.2.7', '10.255.0.1', '2001:db8:ffff::1'])
    t.equal(isExempt(address), true, address)
  for (const address of ['192.0.2.8', '11.0.0.1', '2001:db9::1', '', 'nonsense'])
    t.equal(isExempt(address), false, address)
  t.equal(among([])('192.0.2.7'), false)
})

t.test('plain http is for this machine alone', async t => {
  for (const url of ['http://localhost:3000', 'http://127.0.0.1/x', 'http://127.8.9.10', 'http://[::1]:80'])
    t.equal(isLoopback(new URL(url).hostname), true, url)
  for (const url of [
    'http://localhost.example',
    'http://127.0.0.1.example',
    'http://128.0.0.1',
    'http://[::2]',
  ])
    t.equal(isLoopback(new URL(url).hostname), false, url)
})

t.test('a network is shown to operators as people write it', async t => {
  for (const [address, shown] of [
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8::/64'],
    ['::1', '::/64'],
  ] as const)
    t.equal(networkText(address, 64), shown)
  t.equal(networkText('2001:db8:1:2ff::1', 56), '2001:db8:1:200::/56')
})
