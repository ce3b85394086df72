import t from 'tap'
import { aDesk } from './desk.ts'
import { onTerminal } from './terminal.ts'

const setAnna = ['credential', 'set', '--scope', 'msa', '--user', 'anna@example.com']
const first = 'New password: '
const second = 'Once more: '
const saved = 'The credential of anna@example.com in scope msa was added, in every running gateway.\n'

/** Whether the store lets her in with it. */
async function opens(desk: ReturnType<typeof aDesk>, password: string): Promise<boolean> {
  await desk.run(['account', 'add', 'fabrikam', '--upstream', 'http://fabrikam.example'])
  const words = ['explain', '--account', 'fabrikam', '--user', 'anna@example.com']
  const { outcome } = (await desk.json(words, `${password}\n`)) as { readonly outcome: string }
  return outcome === 'allow'
}

t.test('a password is asked for twice, never shown, and the terminal is given back as it was', async t => {
  const desk = aDesk(t)
  const terminal = await onTerminal(t, desk, setAnna)
  await terminal.type(first, 'canary grün 語\r')
  await terminal.type(second, 'canary grün 語\r')
  const screen = await terminal.screen()
  t.ok(screen.startsWith(`${first}\n${second}\n${saved}`), screen)
  t.notMatch(screen, 'canary')
  t.match(screen, /^code 0$/m)
  t.match(screen, / icanon .* echo /s)
  t.ok(await opens(desk, 'canary grün 語'))
})

t.test('backspace, Ctrl-U and arrows edit, and a paste of both lines answers both questions', async t => {
  const desk = aDesk(t)
  const terminal = await onTerminal(t, desk, setAnna)
  await terminal.type(first, 'wrong\x15canary-x\x7f\x1b[D\x1bOCpasté\x7f\x7fted\rcanary-pasted\r')
  t.match(await terminal.screen(), /^code 0$/m)
  t.ok(await opens(desk, 'canary-pasted'))
})

t.test('two different answers change nothing', async t => {
  const desk = aDesk(t)
  const terminal = await onTerminal(t, desk, setAnna)
  await terminal.type(first, 'canary-one\r')
  await terminal.type(second, 'canary-two\r')
  t.match(await terminal.screen(), 'altgate: The two passwords differ. Nothing was changed.\ncode 1\n')
  t.same(await desk.json(['credential', 'list', '--scope', 'msa']), [])
})

t.test('Ctrl-C ends it with 130, changes nothing, and gives the terminal back', async t => {
  const desk = aDesk(t)
  const terminal = await onTerminal(t, desk, setAnna)
  await terminal.type(first, 'canary\x03')
  const screen = await terminal.screen()
  t.ok(screen.startsWith(`${first}\ncode 130\n`), screen)
  t.match(screen, / icanon .* echo /s)
  t.same(await desk.json(['credential', 'list', '--scope', 'msa']), [])
})

t.test('an empty answer is no password', async t => {
  const terminal = await onTerminal(t, aDesk(t), ['explain', '--account', 'fabrikam', '--user', 'anna'])
  await terminal.type('Password: ', '\x04')
  t.match(await terminal.screen(), 'altgate: No password was given.')
})
