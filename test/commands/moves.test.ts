import t from 'tap'
import { contosoId, fabrikamId } from './desk.ts'
import { aSmallWorld } from './small-world.ts'
import { onTerminal } from './terminal.ts'

const apply = ['move', 'apply', '--account', 'fabrikam', '--to', fabrikamId]
const undo = ['move', 'undo', '--account', 'fabrikam']
const show = ['account', 'show', 'fabrikam']

t.test('a move is applied and undone, and each says what happened and what next', async t => {
  const desk = await aSmallWorld(t)
  const applied = await desk.must([...apply, '--yes'])
  t.match(applied, `fabrikam now signs in with Microsoft Entra ID, directory "Fabrikam" (${fabrikamId})`)
  t.match(applied, 'Users of it without a credential there: 1.')
  t.match(applied, 'https://git.example.com/_altgate/?account=fabrikam')
  t.match(applied, 'To undo the move: altgate move undo --account fabrikam\n')
  t.notMatch(applied, 'Until')
  t.match(await desk.json(show), { scope: fabrikamId })

  await desk.must(['credential', 'set', '--scope', fabrikamId, '--user', 'carla@example.com'], 'canary-new\n')
  const undone = await desk.must([...undo, '--yes'])
  t.match(undone, 'fabrikam signs in with Microsoft accounts again, in every running gateway.\n')
  t.match(
    undone,
    /Credentials set there since the move; on this account the old ones count again:\n {2}carla@example\.com, /,
  )
  t.notMatch(undone, 'boris')
  t.match(await desk.json(show), {
    scope: 'msa',
    history: [{}, { connection: { kind: 'entra' } }, { connection: { kind: 'msa' }, undo: true }],
  })
  const again = await desk.run([...undo, '--yes'])
  t.equal(again.code, 1)
  t.match(again.stderr, 'fabrikam has no move to undo')
})

t.test('a directory’s account moves back to Microsoft accounts by the same way', async t => {
  const desk = await aSmallWorld(t)
  await desk.must([...apply, '--yes'])
  const back = ['--account', 'fabrikam', '--to', 'msa']
  t.match(await desk.must(['move', 'plan', ...back, '--all']), /^boris@example\.com +unknown /m)
  t.match(await desk.must(['move', 'apply', ...back, '--yes']), 'now signs in with Microsoft accounts')
})

t.test('a bridge stands for as many hours as it is told, and 72 at most', async t => {
  const desk = await aSmallWorld(t)
  for (const hours of ['0', '73', '1.5']) {
    const { code, stderr } = await desk.run([...apply, '--yes', '--bridge-hours', hours])
    t.equal(code, 2, hours)
    t.match(stderr, 'A bridge lasts 1 to 72 whole hours.')
  }
  const before = Date.now()
  t.match(await desk.must([...apply, '--yes', '--bridge-hours', '72']), /^Until .* UTC, linked users/m)
  const shown = (await desk.json(show)) as {
    readonly history: readonly { readonly bridgedUntil?: string }[]
  }
  const hours = (Date.parse(`${shown.history[1]?.bridgedUntil}`) - before) / 3_600_000
  t.ok(hours >= 72 && hours < 73, `${hours}`)
  t.match(await desk.must(show), /, bridged until .* UTC/)
})

t.test('without a terminal a move requires --yes', async t => {
  const desk = await aSmallWorld(t)
  const before = await desk.json(show)
  for (const words of [apply, undo]) {
    const { code, stdout, stderr } = await desk.run(words)
    t.same({ code, stdout }, { code: 2, stdout: '' })
    t.match(stderr, 'altgate: there is no terminal to ask for confirmation. To go ahead, add --yes.')
  }
  t.same(await desk.json(show), before)
})

t.test('on a terminal a move is made after a yes, and after nothing else', async t => {
  const desk = await aSmallWorld(t)
  const before = await desk.json(show)
  const doubtful = await onTerminal(t, desk, apply)
  await doubtful.type('Type yes: ', 'y\r')
  t.match(await doubtful.screen(), 'altgate: Nothing was changed.\ncode 1\n')
  const interrupted = await onTerminal(t, desk, apply)
  await interrupted.type('Type yes: ', '\x03')
  t.match(await interrupted.screen(), /^code 130$/m)
  t.same(await desk.json(show), before)

  const sure = await onTerminal(t, desk, apply)
  await sure.type(
    `Move fabrikam to Microsoft Entra ID, directory "Fabrikam" (${fabrikamId})? Type yes: `,
    'yes\r',
  )
  const screen = await sure.screen()
  t.match(screen, 'Users of fabrikam: 1 will break, 2 ready, 1 unknown, 1 switched off.')
  t.match(screen, /^code 0$/m)
  const back = await onTerminal(t, desk, undo)
  await back.type('Type yes: ', 'yes\r')
  t.match(await back.screen(), 'No credentials have been set there since the move.')
  t.match(await desk.json(show), { scope: 'msa' })
})

t.test('a move that cannot be made is told in one sentence', async t => {
  const desk = await aSmallWorld(t)
  const refused = [
    [['--account', 'contoso', '--to', fabrikamId], 'There is no account contoso.'],
    [['--account', 'fabrikam', '--to', contosoId], `There is no directory ${contosoId}. Add it first:`],
    [['--account', 'fabrikam', '--to', 'msa'], 'fabrikam already signs in with Microsoft accounts'],
  ] as const
  for (const [words, sentence] of refused)
    for (const command of [['plan'], ['apply', '--yes']]) {
      const { code, stdout, stderr } = await desk.run(['move', ...command, ...words])
      t.same({ code, stdout }, { code: 1, stdout: '' })
      t.match(stderr, sentence)
    }
  const never = await desk.run([...undo, '--yes'])
  t.equal(never.code, 1)
  t.match(never.stderr, 'fabrikam has no move to undo: it never moved')
})
