// The short form of `npm run renewals`.
import t from 'tap'
import { play } from './play.ts'
import { startRenewalsWorld } from './world.ts'

// One world for both: each has people of its own, who sign in when it begins.
const people = 20
const everyMs = 500
const world = await startRenewalsWorld(t, { people: 2 * people, lifeSeconds: 6 })

t.test('kills of gateways and of Redis lose no sign-in where a used refresh token works again', async t => {
  const kills = [
    { at: 0.3, what: 0 },
    { at: 0.6, what: 'Redis' },
    { at: 0.7, what: 1 },
  ] as const
  const members = world.members.slice(0, people)
  const played = await play(world, { members, everyMs, reuse: true, seconds: 9, kills })
  t.equal(played.flaw, undefined, played.flaw === undefined ? 'it held' : played.details)
  t.equal(played.lostByKill, 0)
  t.ok(played.renewals >= people * 2, `${played.renewals} renewals`)
})

t.test('where a second use ends the grant, only a kill before a token is stored loses a sign-in', async t => {
  const kills = [{ at: 0.5, what: 0 }] as const
  const members = world.members.slice(people)
  const played = await play(world, { members, everyMs, reuse: false, seconds: 6, kills })
  t.equal(played.flaw, undefined, played.flaw === undefined ? 'it held' : played.details)
  t.ok(played.renewals >= people * 2, `${played.renewals} renewals`)
})
