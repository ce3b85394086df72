import t from 'tap'
import type { Fault } from './fault.ts'
import { faults } from './faults.ts'
import { play } from './play.ts'

/** The short form of `npm run faults`: a few hundred requests for the faults of a part that differ most. */
export function shortForm(...parts: readonly Fault['part'][]): void {
  for (const fault of faults.filter(({ part, short }) => short && parts.includes(part))) {
    t.test(`${fault.part} ${fault.name}: no wrong password gets in, and no right one is refused`, async t => {
      const { tally, secondsToNormal, gone } = await play(t, fault, {
        requests: 300,
        brokenMs: 700,
        afterMs: 3500,
        restMs: 150,
      })
      t.equal(tally.wronglyAllowed, 0, 'wrong passwords that were let in')
      t.equal(tally.wronglyRefused, 0, 'right passwords that were told 401')
      t.equal(tally.other, 0, 'right passwords that were told anything else than to come again')
      if (fault.unnoticed)
        t.equal(tally.later + tally.upstream + tally.broken, 0, 'that were told to come again')
      t.ok(tally.allowed > 0, 'right passwords were let in')
      // The goal of two seconds is for the whole run: this one shares the machine with other tests.
      t.ok(secondsToNormal <= 3, `normal again after ${secondsToNormal.toFixed(2)} seconds`)
      t.equal(gone, undefined, 'the gateway is ready')
    })
  }
}
