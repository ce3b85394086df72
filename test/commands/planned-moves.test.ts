import t from 'tap'
import { awayFromMidnight } from '../support/midnight.ts'
import { contosoId, fabrikamId } from './desk.ts'
import { aSmallWorld } from './small-world.ts'

await awayFromMidnight()

const today = new Date().toISOString().slice(0, 10)
const day = 24 * 60 * 60 * 1000
const later = new Date(Date.now() + 30 * day).toISOString().slice(0, 10)
const evenLater = new Date(Date.now() + 60 * day).toISOString().slice(0, 10)

t.test('a move is planned, shown, changed, cancelled, and each is in the history', async t => {
  const desk = await aSmallWorld(t)
  const nothing = await desk.run(['move', 'plan', 'fabrikam'])
  t.equal(nothing.code, 1)
  t.match(nothing.stderr, 'No move of fabrikam is planned. Nothing was changed. Plan one:')
  const toNowhere = await desk.run(['move', 'plan', 'fabrikam', '--on', later])
  t.equal(toNowhere.code, 1)
  t.match(toNowhere.stderr, 'Plan one: altgate move plan fabrikam --to DIRECTORY --on DATE')

  const planned = await desk.run(['move', 'plan', 'fabrikam', '--to', fabrikamId, '--on', later])
  t.equal(planned.code, 0, planned.stderr)
  t.match(
    planned.stderr,
    `fabrikam is planned to move to Microsoft Entra ID, directory "Fabrikam" (${fabrikamId}) on ${later} (UTC).`,
  )
  t.match(planned.stderr, 'Users can prepare here: https://git.example.com/_altgate/?account=fabrikam')
  t.match(
    planned.stderr,
    `cannot sign in for Microsoft Entra ID, directory "Fabrikam" yet: set signIn.directories.${fabrikamId}`,
  )
  t.match(
    planned.stdout,
    `fabrikam moves to Microsoft Entra ID, directory "Fabrikam" (${fabrikamId}) on ${later} (UTC), in 30 days.`,
  )
  t.match(planned.stdout, 'On the day: altgate move apply fabrikam\n')
  t.match(planned.stdout, /^READY SINCE +USERS +TOTAL +WHO$/m)
  t.match(planned.stdout, new RegExp(`^${today} +2 +2 +boris@example.com, anna@example.com$`, 'm'))
  t.match(planned.stdout, /^Not ready: 1\nUSER .*\ncarla@example\.com +breaks/m)
  t.match(planned.stderr, '1 will break, 2 ready, 1 unknown, 1 switched off.')

  t.match(await desk.json(['move', 'plan', '--account', 'fabrikam']), {
    account: 'fabrikam',
    from: { kind: 'msa' },
    to: { directoryId: fabrikamId },
    planned: { on: later, by: /^cli:/, daysLeft: 30 },
    days: [{ day: today, ready: 2, total: 2, users: ['boris@example.com', 'anna@example.com'] }],
    missing: { count: 1, users: ['carla@example.com'] },
    people: [{ username: 'carla@example.com' }, { there: { since: /^\d{4}-/ } }, {}, {}, {}],
  })
  t.match(await desk.must(['account', 'show', 'fabrikam']), `on ${later} (UTC), as planned`)
  t.match(await desk.json(['account', 'show', 'fabrikam']), { scope: 'msa', planned: { on: later } })
  t.match(
    await desk.must(['move', 'plan', 'fabrikam', '--letter', later]),
    /Do this before that day[^]*Choose "Prepare for the move", and sign in with your account in "Fabrikam"/,
  )

  const same = await desk.run(['move', 'plan', 'fabrikam', '--to', fabrikamId, '--on', later])
  t.equal(same.code, 1)
  t.match(
    same.stderr,
    `already planned to move to Microsoft Entra ID, directory "Fabrikam" on ${later} (UTC)`,
  )
  t.match(
    (await desk.run(['move', 'plan', 'fabrikam', '--on', evenLater])).stderr,
    `on ${evenLater} (UTC) instead of ${later}.`,
  )
  t.match(
    await desk.must(['move', 'cancel', 'fabrikam']),
    `The move of fabrikam to Microsoft Entra ID, directory "Fabrikam" (${fabrikamId}) on ${evenLater} (UTC) is cancelled.`,
  )
  t.match(
    (await desk.run(['move', 'plan', 'fabrikam', '--cancel'])).stderr,
    'No move of fabrikam is planned.',
  )
  const history = (await desk.json(['history', '--account', 'fabrikam'])) as readonly {
    readonly action: string
  }[]
  t.strictSame(
    history.map(({ action }) => action).filter(action => action.startsWith('move')),
    ['move-planned', 'move-plan-changed', 'move-plan-cancelled'],
  )
})

t.test('applying a plan needs no target, says that it is early, and ends it', async t => {
  const desk = await aSmallWorld(t)
  const none = await desk.run(['move', 'apply', 'fabrikam', '--yes'])
  t.equal(none.code, 1)
  t.match(none.stderr, 'No move of fabrikam is planned. Say where it moves: altgate move apply fabrikam --to')

  await desk.must(['move', 'plan', 'fabrikam', '--to', fabrikamId, '--on', later])
  const applied = await desk.run(['move', 'apply', 'fabrikam', '--yes'])
  t.equal(applied.code, 0, applied.stderr)
  t.match(applied.stderr, `on ${later} (UTC), in 30 days: this is earlier than its users were told.`)
  t.match(applied.stdout, 'fabrikam now signs in with Microsoft Entra ID, directory "Fabrikam"')
  t.match(applied.stdout, `The plan for ${later} has ended with this move.`)
  t.equal((await desk.run(['move', 'plan', 'fabrikam'])).code, 1)

  await desk.must(['move', 'plan', 'fabrikam', '--to', 'msa', '--on', today])
  await desk.must(['directory', 'add', contosoId, '--name', 'Contoso'])
  const elsewhere = await desk.run(['move', 'apply', 'fabrikam', '--to', contosoId, '--yes'])
  t.match(elsewhere.stderr, `on ${today} (UTC), today. This move goes elsewhere, and ends that plan.`)
  await desk.must(['move', 'plan', 'fabrikam', '--to', 'msa', '--on', today])
  t.notMatch((await desk.run(['move', 'apply', 'fabrikam', '--yes'])).stderr, 'earlier')
  t.match(await desk.json(['account', 'show', 'fabrikam']), { scope: 'msa' })
})

t.test('what cannot be planned is a usage error or one sentence', async t => {
  const desk = await aSmallWorld(t)
  const usage = [
    [['fabrikam', '--to', fabrikamId, '--on', '2020-01-31'], 'That day has passed (in UTC).'],
    [['fabrikam', '--to', fabrikamId, '--on', '2027-02-30'], 'A day is a date such as 2027-01-31.'],
    [['--to', fabrikamId, '--on', later], "missing argument 'ACCOUNT'"],
    [['fabrikam', '--account', 'contoso'], 'two accounts were given, fabrikam and contoso'],
    [['fabrikam', '--cancel', '--on', later], '--cancel goes with neither --on nor --to'],
  ] as const
  for (const [words, sentence] of usage) {
    const { code, stderr } = await desk.run(['move', 'plan', ...words])
    t.equal(code, 2, stderr)
    t.match(stderr, sentence)
  }
  const failing = [
    [['contoso', '--to', fabrikamId, '--on', later], 'There is no account contoso.'],
    [['fabrikam', '--to', contosoId, '--on', later], `There is no directory ${contosoId}.`],
    [['fabrikam', '--to', 'msa', '--on', later], 'fabrikam already signs in with Microsoft accounts'],
  ] as const
  for (const [words, sentence] of failing) {
    const { code, stderr } = await desk.run(['move', 'plan', ...words])
    t.equal(code, 1, stderr)
    t.match(stderr, sentence)
  }
  await desk.must(['move', 'plan', 'fabrikam', '--to', fabrikamId, '--on', today])
  const removed = await desk.run(['directory', 'remove', fabrikamId, '--yes'])
  t.equal(removed.code, 1)
  t.match(removed.stderr, 'or planned to move there: fabrikam.')
})
