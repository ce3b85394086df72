import type { Test } from 'tap'
import type { Refusal } from '../../src/gateway/ports.ts'
import { type MakeDatabase, openFresh } from './contract.ts'
import { anna, contoso, fabrikam } from './samples.ts'

const day = 24 * 60 * 60 * 1000

export async function refusalsContract(t: Test, make: MakeDatabase): Promise<void> {
  await t.test(
    'refusals are found by reference, listed by what they were, and removed when they are old',
    async t => {
      let now = 100 * day
      const { refusals } = await openFresh(t, make, () => now)
      const one = (reference: string, rest: Partial<Refusal> = {}): Refusal => {
        const common = { from: '192.0.2.1', method: 'GET', kind: 'rest', outcome: 'refused' } as const
        return { reference, at: now, ...common, ...rest }
      }
      const first = one('r1', { account: fabrikam, user: anna, cause: 'mismatch', tool: 'git/2' })
      await refusals.record(
        [first, one('r2', { at: now + 1, account: contoso, outcome: 'throttled' })],
        7 * day,
      )
      await refusals.record([first], 7 * day) // a gateway that lost the answer of the store writes it again
      t.strictSame(await refusals.find('r1'), first)
      t.equal(await refusals.find('r3'), undefined)
      const listed = async (filter: object) =>
        (await refusals.list({ most: 10, ...filter })).map(({ reference }) => reference)
      t.strictSame(await listed({}), ['r1', 'r2'])
      t.strictSame(await listed({ most: 1 }), ['r2'], 'the newest')
      t.strictSame(await listed({ outcome: 'throttled' }), ['r2'])
      t.strictSame(await listed({ account: fabrikam }), ['r1'])
      t.strictSame(await listed({ user: anna }), ['r1'])
      t.strictSame(await listed({ since: now + 1 }), ['r2'])
      now += 8 * day
      await refusals.record([one('r4')], 7 * day)
      t.strictSame(await listed({}), ['r4'])
    },
  )
}
