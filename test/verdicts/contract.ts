import type { Test } from 'tap'
import type { Slot } from '../../src/gateway/names.ts'
import type { VerdictCache } from '../../src/gateway/ports.ts'
import { attempt, match, mismatch, revision } from './attempts.ts'

/** A cache with room for ten verdicts that are no match, and a clock set by hand. */
export interface World {
  readonly cache: VerdictCache
  /** What a change does to the cache. */
  readonly revoke: (slots: readonly Slot[], at: number) => Promise<void>
  /** What a log with a gap does to the cache. */
  readonly forgetAll: (at: number) => void
  readonly advance: (seconds: number) => void
}

/** What every verdict cache promises. */
export async function testVerdictCache(t: Test, open: (t: Test) => Promise<World>): Promise<void> {
  const anna = attempt('anna@example.com', 'right')
  const typo = attempt('anna@example.com', 'rihgt')
  const ben = attempt('ben@example.com', 'bens')

  t.test('a verdict is known to later requests, and only for that password', async t => {
    const { cache } = await open(t)
    cache.remember(anna, match(4))
    t.has(await cache.recall(anna), { ...match(4), via: 'l1' })
    t.equal(await cache.recall(typo), undefined)
  })

  t.test('a right password is known for five minutes, a wrong one for half a minute', async t => {
    const { cache, advance } = await open(t)
    cache.remember(anna, match(1))
    cache.remember(typo, mismatch(1))
    advance(29)
    t.equal((await cache.recall(typo))?.found, 'mismatch')
    advance(1)
    t.equal(await cache.recall(typo), undefined)
    advance(269)
    t.equal((await cache.recall(anna))?.found, 'match')
    advance(1)
    t.equal(await cache.recall(anna), undefined)
  })

  t.test('guesses without end do not push out a right password', async t => {
    const { cache } = await open(t)
    cache.remember(anna, match(1))
    for (let guess = 0; guess < 200; guess += 1)
      cache.remember(attempt(`name-${guess}`, 'guess'), mismatch(1))
    for (let guess = 0; guess < 200; guess += 1) {
      cache.remember(attempt('anna@example.com', `guess-${guess}`), mismatch(1))
    }
    t.equal((await cache.recall(anna))?.found, 'match')
  })

  t.test('a change takes every verdict about the name with it, and none about others', async t => {
    const { cache, revoke } = await open(t)
    cache.remember(anna, match(1))
    cache.remember(typo, mismatch(1))
    cache.remember(ben, match(1, 'ben@example.com'))
    await revoke([anna.slot], 2)
    t.equal(await cache.recall(anna), undefined)
    t.equal(await cache.recall(typo), undefined)
    t.equal((await cache.recall(ben))?.found, 'match')
  })

  t.test('a check that began before a change and ends after it leaves nothing behind', async t => {
    const { cache, revoke } = await open(t)
    await revoke([anna.slot], 5)
    cache.remember(anna, match(4))
    t.equal(await cache.recall(anna), undefined)
    cache.remember(anna, mismatch(5))
    t.equal((await cache.recall(anna))?.found, 'mismatch')
    cache.remember(anna, match(4))
    t.equal((await cache.recall(anna))?.found, 'mismatch', 'and does not replace what is known since')
  })

  t.test('news that come late, or again, do not take away what was found after them', async t => {
    const { cache, revoke } = await open(t)
    cache.remember(anna, match(7))
    await revoke([anna.slot], 6)
    t.match(await cache.recall(anna), { found: 'match', asOf: 7 })
  })

  t.test('after a gap in the log nothing from before it is known', async t => {
    const { cache, forgetAll } = await open(t)
    cache.remember(anna, match(3))
    forgetAll(4)
    cache.remember(ben, match(3))
    t.equal(await cache.recall(anna), undefined)
    t.equal(await cache.recall(ben), undefined)
    cache.remember(ben, match(revision(4)))
    t.equal((await cache.recall(ben))?.found, 'match')
  })

  t.test('the last verdict about a password is the one that counts', async t => {
    const { cache } = await open(t)
    for (const verdict of [match(1), mismatch(1), match(1)]) {
      cache.remember(anna, verdict)
      t.equal((await cache.recall(anna))?.found, verdict.found)
    }
  })
}
