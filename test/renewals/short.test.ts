// The short form of `npm run renewals`.
import t from 'tap'
import { play } from './play.ts'

const people = 20
const usual = { people, lifeSeconds: 6, everyMs: 500 }

t.test('kills of gateways and of Redis lose no sign-in where a used refresh token works again', async t => {
  const kills = [
    { at: 0.3, what: 0 },
    { at: 0.6, what: 'Redis' },
    { at: 0.7, what: 1 },
  ] as const
  const { flaw, details, renewals, lostByKill } = await play(t, { ...usual, reuse: true, seconds: 9, kills })
  t.equal(flaw, undefined, flaw === undefined ? 'it held' : details)
  t.equal(lostByKill, 0)
  t.ok(renewals >= people * 2, `${renewals} renewals`)
})

t.test('where a second use ends the grant, only a kill before a token is stored loses a sign-in', async t => {
  const kills = [{ at: 0.5, what: 0 }] as const
  const { flaw, details, renewals } = await play(t, { ...usual, reuse: false, seconds: 6, kills })
  t.equal(flaw, undefined, flaw === undefined ? 'it held' : details)
  t.ok(renewals >= people * 2, `${renewals} renewals`)
})
