import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { fabrikamId } from './desk.ts'
import { aSmallWorld } from './small-world.ts'

const plan = ['move', 'plan', '--account', 'fabrikam', '--to', fabrikamId]

// Plans change nothing: one world does for all.
const desk = await aSmallWorld(t)

t.test('the plan of a move lists users who will lose access, who are ready, and who are unknown', async t => {
  const before = await desk.json(['account', 'show', 'fabrikam'])
  const { code, stdout, stderr } = await desk.run(plan)
  t.equal(code, 0)
  t.equal(
    stdout,
    `USER               STANDING  LAST USED HERE                          THERE
carla@example.com  breaks    2026-11-03 10:00:00 UTC from 192.0.2.7  linked, nothing set
boris@example.com  ready     2026-11-02 10:00:00 UTC from 192.0.2.7  boris@example.com (same name)
anna@example.com   ready     2026-11-01 10:00:00 UTC from 192.0.2.7  anna.smith@fabrikam.example (linked)
`,
  )
  t.equal(
    stderr,
    `fabrikam from Microsoft accounts to Microsoft Entra ID, directory "Fabrikam" (${fabrikamId}): 1 will break, 2 ready, 1 unknown, 1 switched off.\n`,
  )
  t.match(await desk.must([...plan, '--all']), /^=dora@example\.com +unknown +- +-$/m)
  t.match(await desk.json(plan), {
    account: 'fabrikam',
    from: { kind: 'msa' },
    to: { kind: 'entra', directoryId: fabrikamId },
    people: [
      { username: 'carla@example.com', standing: 'breaks', linked: true },
      { username: 'boris@example.com', standing: 'ready', there: { by: 'name' }, linked: false },
      {
        username: 'anna@example.com',
        standing: 'ready',
        lastUsed: { at: '2026-11-01T10:00:00.000Z', from: '192.0.2.7' },
        there: { username: 'anna.smith@fabrikam.example', by: 'link' },
      },
      { username: '=dora@example.com', standing: 'unknown' },
      { username: 'emil@example.com', standing: 'off' },
    ],
  })
  t.same(await desk.json(['account', 'show', 'fabrikam']), before, 'nothing was changed')
})

t.test('the plan is written as CSV that no spreadsheet runs', async t => {
  const csv = await desk.must([...plan, '--csv', '-'])
  t.equal(
    csv,
    `user,standing,last_used_at,last_used_from,user_there,matched_by,linked
carla@example.com,breaks,2026-11-03T10:00:00.000Z,192.0.2.7,,,yes
boris@example.com,ready,2026-11-02T10:00:00.000Z,192.0.2.7,boris@example.com,name,no
anna@example.com,ready,2026-11-01T10:00:00.000Z,192.0.2.7,anna.smith@fabrikam.example,link,yes
'=dora@example.com,unknown,,,,,no
emil@example.com,off,2026-11-04T10:00:00.000Z,192.0.2.7,,,no
`,
  )
  const file = join(desk.directory, 'people.csv')
  t.match(await desk.must([...plan, '--csv', file]), /^5 users were written to .*: 1 will break, /)
  t.equal(readFileSync(file, 'utf8'), csv)
  t.equal(statSync(file).mode & 0o777, 0o600)
  const nowhere = await desk.run([...plan, '--csv', join(desk.directory, 'no', 'people.csv')])
  t.equal(nowhere.code, 1)
  t.match(nowhere.stderr, /^altgate: The file .* cannot be written: there is no such file\.\n$/)
})

t.test('the letter names the day, the page and the directory', async t => {
  const text = await desk.must([...plan, '--letter', '2027-01-31'])
  t.match(text, 'On 2027-01-31 the account fabrikam moves')
  t.match(text, 'https://git.example.com/_altgate/?account=fabrikam')
  t.match(text, 'Sign in with your account in "Fabrikam"')
  for (const wrong of ['2027-02-30', 'soon']) {
    const { code, stderr } = await desk.run([...plan, '--letter', wrong])
    t.equal(code, 2)
    t.match(stderr, 'A day is a date such as 2027-01-31.')
  }
})
