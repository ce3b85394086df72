import t from 'tap'
import { createLedger, flawOf, redisName } from './ledger.ts'

const life = 20_000

/** A ledger whose time the test sets, in seconds. */
function aLedger() {
  const clock = { seconds: 0 }
  const ledger = createLedger(life, () => clock.seconds * 1000)
  const at = (seconds: number) => {
    clock.seconds = seconds
    return ledger
  }
  at(0).answer('one', 0, 'allow')
  return { at, flaw: (reuse = true) => flawOf(ledger.verdict(), reuse), verdict: () => ledger.verdict() }
}

/** A kill of the first gateway from one second to another. */
function killed({ at }: ReturnType<typeof aLedger>, from: number, until: number, what = 'one'): void {
  const back = at(from).kill(what)
  at(until)
  back()
}

t.test('a token that is renewed while it is good is a flaw, unless it died with a gateway', async t => {
  const usual = aLedger()
  for (const second of [0, 14, 27]) {
    usual.at(second).issue('anna', `of ${second}`)
    usual.at(second).see(`of ${second}`)
  }
  t.equal(usual.flaw(), undefined)
  usual.at(30).issue('anna', 'soon after')
  t.equal(usual.flaw(), 'tokens were renewed twice in a life')

  for (const [what, seen, flaw] of [
    ['one', false, undefined],
    ['one', true, 'tokens were renewed twice in a life'],
    [redisName, false, 'tokens were renewed twice in a life'],
  ] as const) {
    const world = aLedger()
    world.at(14).issue('anna', 'first')
    if (seen) world.at(14).see('first')
    killed(world, 14.1, 17, what)
    world.at(21).issue('anna', 'second')
    t.equal(world.flaw(), flaw, `${what}, ${seen ? 'seen' : 'never seen'}`)
    t.equal(world.verdict().died, flaw === undefined ? 1 : 0)
  }
})

t.test(
  'a lost sign-in is a flaw, unless it died with a gateway and the provider takes a token once',
  async t => {
    const world = aLedger()
    world.at(14).issue('anna', 'first')
    killed(world, 14.1, 17)
    world.at(21).lose('anna')
    t.match(world.verdict(), { lost: 0, lostByKill: 1, died: 1 })
    world.at(22).issue('anna', 'after the sign-in')
    t.match(world.verdict(), { died: 1, twice: 0 }, 'counted once')
    t.equal(world.flaw(false), undefined)
    t.equal(world.flaw(true), 'sign-ins were lost although a used refresh token works again')
    world.at(40).issue('ben', 'other')
    world.at(60).lose('ben')
    t.equal(world.flaw(false), 'sign-ins were lost')
  },
)

t.test('no answer and 503 are excused while a part restarts, and nothing else is', async t => {
  const world = aLedger()
  killed(world, 10, 12)
  world.at(12).answer('one', 11_000, undefined)
  world.at(15).answer('two', 14_000, '503 unavailable')
  t.equal(world.flaw(), undefined)
  t.match(world.verdict().tally, { brokenInOutage: 1, laterInOutage: 1 })
  for (const [gateway, began, what] of [
    ['two', 11_000, undefined],
    ['one', 14_000, undefined],
    ['two', 20_000, '503 unavailable'],
    ['one', 11_000, '401 refused'],
    ['two', 11_000, '502 upstream-failed'],
  ] as const) {
    const other = aLedger()
    killed(other, 10, 12)
    other.at(began / 1000 + 1).answer(gateway, began, what)
    t.equal(other.flaw(), 'requests were refused', `${gateway} ${what}`)
  }
})

t.test('a storm is a flaw, and the first tokens of all, and those of sign-ins, are none', async t => {
  const people = Array.from({ length: 100 }, (_, at) => `person ${at}`)
  const spread = aLedger()
  for (const person of people) spread.at(0).issue(person, `${person} first`)
  for (const round of [1, 2])
    for (const [at, person] of people.entries())
      spread.at(round * 14 + at / 20).issue(person, `${person} ${round}`)
  t.equal(spread.flaw(), undefined)
  for (const person of people) spread.at(60).issue(person, `${person} at once`)
  t.equal(spread.flaw(), 'renewals came in a storm')

  const signedIn = aLedger()
  await signedIn.at(1).signIn('anna', async () => signedIn.at(1).issue('anna', 'of the sign-in'))
  t.equal(signedIn.verdict().renewals, 0)
})
