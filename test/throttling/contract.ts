import type { Test } from 'tap'
import type { Caller } from '../../src/gateway/attempt.ts'
import { foldUsername, msaScope, type AccountName, type Scope } from '../../src/gateway/names.ts'
import type { Admission, Reached, Throttle } from '../../src/gateway/throttle.ts'
import type { ThrottleOptions } from '../../src/throttling/throttle.ts'
import { until } from '../support/until.ts'
import { attempt } from '../verdicts/attempts.ts'

/** Three for each address, four for each user name, eight in all. */
export const few: ThrottleOptions = {
  address: { guesses: 3, windowSeconds: 600 },
  credential: { guesses: 4, windowSeconds: 900 },
  everywhere: { guesses: 8, windowSeconds: 60 },
  repetition: { requests: 3, windowSeconds: 60 },
  ipv6PrefixBits: 64,
  exempt: ['203.0.113.0/24'],
}

/** Opens a throttle with an empty book. */
export type Open = (t: Test, options: ThrottleOptions) => Promise<Throttle>

const anna = 'anna@example.com'

export function caller(from: string, lane: Caller['lane'] = 'production'): Caller {
  return { from, lane, account: 'fabrikam' as AccountName }
}

/** A name that leads to itself, on an account that has not moved. */
export function at(username: string, scope = msaScope): Reached {
  return { compared: { scope, username: foldUsername(username) }, beside: undefined }
}

/** `in`, or what kept the guess out. */
export async function tried(
  throttle: Throttle,
  username: string,
  password: string,
  from: string,
  lane?: Caller['lane'],
): Promise<string> {
  return said(await throttle.admit(attempt(username, password), caller(from, lane), at(username)))
}

function said(admission: Admission): string {
  return 'by' in admission ? admission.by : 'in'
}

/** So many different guesses at one name, one after the other. */
async function guesses(throttle: Throttle, username: string, from: string, many: number): Promise<string[]> {
  const all: string[] = []
  for (let guess = 0; guess < many; guess++)
    all.push(await tried(throttle, username, `${from} ${guess}`, from))
  return all
}

async function right(throttle: Throttle, username: string, password: string, from: string): Promise<void> {
  const admission = await throttle.admit(attempt(username, password), caller(from), at(username))
  if ('by' in admission) throw new Error(`throttled by ${admission.by}`)
  admission.absolve()
  admission.welcome()
}

/** What every throttle promises, wherever it counts. */
export async function testThrottle(t: Test, open: Open): Promise<void> {
  t.test('an address has its number of different guesses, whatever the names', async t => {
    const throttle = await open(t, few)
    for (const name of ['a', 'b', 'c']) t.equal(await tried(throttle, name, 'x', '192.0.2.1'), 'in')
    t.equal(await tried(throttle, 'd', 'x', '192.0.2.1'), 'address')
    t.equal(await tried(throttle, 'd', 'x', '192.0.2.2'), 'in', 'others are not kept out')
  })

  t.test('a user name has its number of different guesses, whatever the addresses', async t => {
    const throttle = await open(t, few)
    for (const last of [1, 2, 3, 4]) t.equal(await tried(throttle, anna, `${last}`, `192.0.2.${last}`), 'in')
    t.equal(await tried(throttle, anna, '5', '192.0.2.5'), 'credential')
    t.equal(await tried(throttle, 'ben@example.com', '5', '192.0.2.5'), 'in')
  })

  t.test('all together have their number, whatever names and addresses', async t => {
    const throttle = await open(t, few)
    for (const n of [1, 2, 3, 4, 5, 6, 7, 8])
      t.equal(await tried(throttle, `name ${n}`, 'x', `192.0.2.${n}`), 'in')
    t.equal(await tried(throttle, 'name 9', 'x', '192.0.2.9'), 'everywhere')
  })

  t.test('repeats of one wrong password are one guess, and are let in to be told so', async t => {
    const throttle = await open(t, few)
    for (let times = 0; times < 50; times++) t.equal(await tried(throttle, anna, 'x', '192.0.2.1'), 'in')
    t.strictSame(await guesses(throttle, anna, '192.0.2.1', 3), ['in', 'in', 'address'])
    t.equal(await tried(throttle, anna, 'x', '192.0.2.1'), 'in', 'though no other is')
  })

  t.test('what turns out right, or is not looked at, was no guess', async t => {
    const throttle = await open(t, few)
    for (let times = 0; times < 20; times++) {
      const admission = await throttle.admit(
        attempt(anna, `no guess ${times}`),
        caller('192.0.2.1'),
        at(anna),
      )
      if ('by' in admission) return t.fail(`${times} throttled by ${admission.by}`)
      admission.absolve()
    }
    t.strictSame(await guesses(throttle, anna, '192.0.2.1', 4), ['in', 'in', 'in', 'address'])
  })

  t.test('who could not look at a guess that had counted before does not take it out', async t => {
    const throttle = await open(t, few)
    t.strictSame(await guesses(throttle, anna, '192.0.2.1', 3), ['in', 'in', 'in'])
    const again = await throttle.admit(attempt(anna, '192.0.2.1 0'), caller('192.0.2.1'), at(anna))
    if ('by' in again) return t.fail()
    again.absolve()
    t.equal(await tried(throttle, anna, 'another', '192.0.2.1'), 'address')
  })

  t.test('who is kept out counts nowhere: an address that is banned cannot ban a user name', async t => {
    const throttle = await open(t, few)
    t.strictSame(await guesses(throttle, 'ben', '192.0.2.1', 4), ['in', 'in', 'in', 'address'])
    for (let guess = 0; guess < 10; guess++)
      t.equal(await tried(throttle, anna, `${guess}`, '192.0.2.1'), 'address')
    t.strictSame(await guesses(throttle, anna, '192.0.2.2', 3), ['in', 'in', 'in'])
  })

  t.test('and a user name that is kept out bans no address', async t => {
    const throttle = await open(t, few)
    for (const last of [1, 2, 3, 4]) await tried(throttle, anna, `${last}`, `192.0.2.${last}`)
    for (let guess = 0; guess < 10; guess++)
      t.equal(await tried(throttle, anna, `guess ${guess}`, '192.0.2.9'), 'credential')
    t.strictSame(await guesses(throttle, 'ben', '192.0.2.9', 3), ['in', 'in', 'in'])
  })

  t.test('a thousand guesses at once: no more than the limit are let in', async t => {
    const throttle = await open(t, few)
    const all = await Promise.all(
      Array.from({ length: 1000 }, (_, guess) => tried(throttle, anna, `${guess}`, `192.0.2.${guess % 250}`)),
    )
    t.equal(all.filter(each => each === 'in').length, 4)
  })

  t.test(
    'guesses from other addresses do not lock out an owner at a familiar one, nor does the limit for everywhere',
    async t => {
      const throttle = await open(t, few)
      await right(throttle, anna, 'right', '198.51.100.1')
      for (let n = 1; n <= 8; n++) await tried(throttle, n > 4 ? `name ${n}` : anna, `${n}`, `192.0.2.${n}`)
      t.equal(await tried(throttle, anna, 'right', '192.0.2.99'), 'credential')
      t.equal(await tried(throttle, 'ben', 'right', '192.0.2.99'), 'everywhere')
      await right(throttle, anna, 'right', '198.51.100.1')
    },
  )

  t.test('where the owner was, there is one limit for that name, and no more', async t => {
    const throttle = await open(t, few)
    await right(throttle, anna, 'right', '198.51.100.1')
    t.strictSame(await guesses(throttle, anna, '198.51.100.1', 5), ['in', 'in', 'in', 'in', 'credential'])
    t.strictSame(await guesses(throttle, 'ben', '198.51.100.1', 4), ['in', 'in', 'in', 'address'])
  })

  t.test('a credential has its number of guesses, by whatever names and accounts it is reached', async t => {
    const throttle = await open(t, few)
    const [contoso, northwind] = ['contoso', 'northwind'] as string[] as Scope[]
    const anna = at('anna@example.com').compared
    const guess = async (name: string, password: string, reached: Reached, from: string) =>
      said(await throttle.admit(attempt(name, password), caller(from), reached))
    t.equal(await guess('anna@example.com', '1', { compared: anna, beside: undefined }, '192.0.2.1'), 'in')
    t.equal(await guess('anna', '2', { compared: anna, beside: undefined }, '192.0.2.2'), 'in')
    for (const [scope, last] of [
      [contoso, 3],
      [northwind, 4],
    ] as const)
      t.equal(
        await guess(
          'anna',
          `${last}`,
          { compared: anna, beside: at('anna', scope).compared },
          `192.0.2.${last}`,
        ),
        'in',
      )
    for (const [name, reached] of [
      ['anna@example.com', { compared: anna, beside: undefined }],
      ['anna', { compared: anna, beside: at('anna', contoso).compared }],
      ['anna', { compared: at('anna', northwind).compared, beside: anna }],
    ] as const)
      t.equal(await guess(name, '5', reached, '192.0.2.5'), 'credential')
    t.equal(await guess('anna', '5', at('anna', contoso), '192.0.2.6'), 'in', 'another scope has its own')
  })

  t.test('one wrong password on many accounts is one guess at the credential', async t => {
    const throttle = await open(t, few)
    const compared = at(anna).compared
    for (let n = 0; n < 10; n++) {
      const beside = at(anna, `directory ${n}` as Scope).compared
      // Each account makes another proof of it.
      const presented = attempt(`${anna} ${n}`, 'the same')
      const admission = await throttle.admit(presented, caller(`192.0.2.${n}`), { compared, beside })
      if (n < 8) t.equal(said(admission), 'in')
      else t.equal(said(admission), 'everywhere')
    }
  })

  t.test('where the owner was, guesses do not lock out the password that was right there', async t => {
    const throttle = await open(t, few)
    const home = '198.51.100.1'
    await right(throttle, anna, 'right', home)
    t.strictSame(await guesses(throttle, anna, home, 5), ['in', 'in', 'in', 'in', 'credential'])
    await right(throttle, anna, 'right', home)
    for (let n = 0; n < 150; n++) t.equal(await tried(throttle, anna, `more ${n}`, home), 'credential')
    await right(throttle, anna, 'right', home)
    t.equal(await tried(throttle, anna, 'right', '192.0.2.1'), 'in', 'elsewhere it counts as ever')
    for (let n = 150; n < 200; n++) t.equal(await tried(throttle, anna, `more ${n}`, home), 'credential')
    t.equal(await tried(throttle, anna, 'right', home), 'in', 'it has its place among the two hundred')
    await right(throttle, anna, 'the next one', '198.51.100.2')
    t.equal(await tried(throttle, anna, 'the next one', home), 'credential', 'but guesses are limited')
  })

  t.test('a remembered password makes the address familiar as well', async t => {
    const throttle = await open(t, few)
    for (let times = 0; times < 3; times++)
      throttle.recognise(attempt(anna, 'right'), caller('198.51.100.1'), msaScope, foldUsername(anna))
    for (const last of [1, 2, 3, 4]) await tried(throttle, anna, `${last}`, `192.0.2.${last}`)
    t.equal(await tried(throttle, anna, 'right', '192.0.2.5'), 'credential')
    t.equal(await tried(throttle, anna, 'right', '198.51.100.1'), 'in')
    t.equal(await tried(throttle, 'another@example.com', 'x', '198.51.100.1'), 'in')
  })

  t.test('one IPv6 network is one address, and an IPv4 address written as IPv6 is itself', async t => {
    const throttle = await open(t, few)
    for (const n of [1, 2, 3]) t.equal(await tried(throttle, `name ${n}`, 'x', `2001:db8:1:2::${n}`), 'in')
    t.equal(await tried(throttle, 'name 4', 'x', '2001:db8:1:2:ffff::4'), 'address')
    t.equal(await tried(throttle, 'name 4', 'x', '2001:db8:1:3::4'), 'in')
    for (const n of [5, 6, 7]) t.equal(await tried(throttle, `name ${n}`, 'x', '192.0.2.1'), 'in')
    t.equal(await tried(throttle, 'name 8', 'x', '::ffff:192.0.2.1'), 'address')
  })

  t.test('an exempt address is not counted, but a user name is', async t => {
    const throttle = await open(t, few)
    for (const n of [1, 2, 3, 4, 5, 6])
      t.equal(await tried(throttle, `name ${n % 3}`, `${n}`, '203.0.113.5'), 'in')
    const strict = await open(t, { ...few, everywhere: { guesses: 100, windowSeconds: 60 } })
    t.strictSame(await guesses(strict, anna, '203.0.113.5', 5), ['in', 'in', 'in', 'in', 'credential'])
  })

  t.test('load tests and production do not use up each other’s limits', async t => {
    const throttle = await open(t, few)
    for (let guess = 0; guess < 50; guess++)
      t.equal(await tried(throttle, anna, `${guess}`, '192.0.2.1', 'load-test'), 'in')
    t.strictSame(await guesses(throttle, anna, '192.0.2.1', 4), ['in', 'in', 'in', 'address'])
    t.equal(await tried(throttle, anna, 'more', '192.0.2.1', 'load-test'), 'in')
  })

  t.test('a guess is forgotten after its window, and the time until then is told', async t => {
    const throttle = await open(t, { ...few, credential: { guesses: 1, windowSeconds: 3 } })
    t.equal(await tried(throttle, anna, 'first', '192.0.2.1'), 'in')
    const second = await throttle.admit(attempt(anna, 'second'), caller('192.0.2.2'), at(anna))
    if (!('by' in second)) return t.fail()
    t.ok(second.retryAfter > 0 && second.retryAfter <= 3, `${second.retryAfter}`)
    await until(async () => (await tried(throttle, anna, 'second', '192.0.2.2')) === 'in')
    t.equal(
      await tried(throttle, anna, 'first', '192.0.2.1'),
      'credential',
      'and counts again when it comes again',
    )
  })
}
