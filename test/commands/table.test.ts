import fc from 'fast-check'
import t, { type Test } from 'tap'
import { tableLines } from '../../src/commands/table.ts'
import { aDesk } from './desk.ts'
import { onTerminal } from './terminal.ts'

const table = {
  headings: ['AT', 'REFERENCE', 'USER', 'TOOL'],
  rows: [
    ['2027-01-31', 'a1a1a1a1a1a1', 'anna@example.com', 'TeamFoundationServerClient/16'],
    ['2027-01-31', 'b2b2b2b2b2b2', '-', 'git/2.47.1'],
  ],
  shorten: ['TOOL'],
}
const text = (...given: Parameters<typeof tableLines>) =>
  tableLines(...given).map(({ strong, rest }) => strong + rest)

t.test('a table that fits has its columns', async t => {
  t.strictSame(text(table, Infinity), [
    'AT          REFERENCE     USER              TOOL',
    '2027-01-31  a1a1a1a1a1a1  anna@example.com  TeamFoundationServerClient/16',
    '2027-01-31  b2b2b2b2b2b2  -                 git/2.47.1',
  ])
  t.strictSame(text(table, 73), text(table, Infinity), 'to the last column')
})

t.test('the least important column is shortened, if enough of it is left', async t => {
  t.strictSame(text(table, 60), [
    'AT          REFERENCE     USER              TOOL',
    '2027-01-31  a1a1a1a1a1a1  anna@example.com  TeamFoundationS…',
    '2027-01-31  b2b2b2b2b2b2  -                 git/2.47.1',
  ])
})

t.test('where that is not enough, each row becomes a paragraph with all that it has', async t => {
  t.strictSame(text(table, 51), [
    '2027-01-31  reference a1a1a1a1a1a1',
    '  user anna@example.com',
    '  tool TeamFoundationServerClient/16',
    '2027-01-31  reference b2b2b2b2b2b2  tool git/2.47.1',
  ])
  t.strictSame(text({ ...table, about: 'USER' }, 50)[0], 'anna@example.com  at 2027-01-31')
})

t.test('no line is wider than the terminal, except for one word', async () => {
  const cell = fc.string({ unit: fc.constantFrom('a', 'ä', '𝄞', ' ', '-'), maxLength: 30 })
  const head = fc.string({ unit: fc.constantFrom('a', '𝄞'), maxLength: 30 })
  const rows = fc.array(fc.tuple(head, cell, cell, cell), { minLength: 1, maxLength: 3 })
  fc.assert(
    fc.property(rows, fc.integer({ min: 20, max: 100 }), (some, width) => {
      for (const line of text({ ...table, rows: some }, width)) {
        if (Array.from(line).length > width && line.trim().includes(' ')) return false
      }
      return true
    }),
    { numRuns: 300 },
  )
})

t.test('on a terminal of 80 columns a wide table fits, and a pipe gets all of it', async t => {
  const desk = aDesk(t)
  const id = '72f988bf-86f1-41af-91ab-2d7cd011db47'
  await desk.must(['directory', 'add', id, '--name', 'Contoso'])
  await desk.must(['account', 'add', 'fabrikam', '--upstream', 'https://git.example', '--directory', id])
  const piped = await desk.must(['history', '--account', 'fabrikam'])
  t.match(piped, / fabrikam {2}72f988bf-86f1-41af-91ab-2d7cd011db47 {2}-$/m)
  const screen = await (await onTerminal(t, desk, ['history', '--account', 'fabrikam'], 'dumb', 80)).screen()
  t.match(screen, / fabrikam {2}72f988bf-86f… {2}-$/m)
  fits(t, screen)
})

/** No line of what the command printed is longer than the terminal is wide. */
function fits(t: Test, screen: string): void {
  for (const line of screen.split('code 0')[0]?.split('\n') ?? []) t.ok(line.length <= 80, line)
}

t.test('so do facts behind their labels, and what goes on is below them', async t => {
  const desk = aDesk(t)
  const id = '72f988bf-86f1-41af-91ab-2d7cd011db47'
  await desk.must(['directory', 'add', id, '--name', 'A directory with a long name'])
  await desk.must(['account', 'add', 'fabrikam', '--upstream', 'https://git.example', '--directory', id])
  const piped = await desk.must(['account', 'show', 'fabrikam'])
  t.match(piped, /^ {2}signs in with {2}Microsoft Entra ID, .* \(72f988bf-86f1-41af-91ab-2d7cd011db47\)$/m)
  const screen = await (await onTerminal(t, desk, ['account', 'show', 'fabrikam'], 'dumb', 80)).screen()
  t.match(screen, /^ {2}signs in with {2}Microsoft Entra ID, [^\n]*\n {17}\S/m)
  fits(t, screen)
})
