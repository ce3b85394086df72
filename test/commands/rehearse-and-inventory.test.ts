import t from 'tap'
import type { AccountName, PasswordId } from '../../src/gateway/names.ts'
import { foldUsername, msaScope } from '../../src/gateway/names.ts'
import type { PasswordMac } from '../../src/gateway/generated-password.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { openStore } from '../../src/store/store.ts'
import { fabrikamId } from './desk.ts'
import { aSmallWorld } from './small-world.ts'

const minute = 60_000
const day = 24 * 60 * minute
const now = Date.now()

/** The small world, after some days of traffic. */
const desk = await aSmallWorld(t)
const store = await openStore({ url: new Secret(`${desk.env['ALTGATE__STORE__URL']}`) })
const id = 'p234567890' as PasswordId
await store
  .registry(async () => {})
  .addPassword(
    'test',
    msaScope,
    { username: foldUsername('boris@example.com') },
    { id, mac: 'mac' as PasswordMac, name: 'build', readOnly: false },
  )
const used = async (name: string, requests: number, lastAt: number, rest: object = {}) => {
  const { current } = await store.credentials.find(msaScope, undefined, foldUsername(name))
  if (current === undefined) throw new Error('the test has not made that credential')
  const use = {
    account: 'fabrikam' as AccountName,
    subject: current.subject,
    tool: 'git/2.47.1',
    network: '192.0.2.7',
    path: 'git:welcome',
    firstAt: lastAt - day,
    lastAt,
    requests,
  }
  await store.toolUses.record([{ ...use, ...rest }], 400 * day)
}
await used('anna@example.com', 3, now - 5 * day)
await used('boris@example.com', 900, now - minute, {
  password: id,
  tool: 'Team Explorer Everywhere',
  path: 'tfvc',
})
await used('boris@example.com', 100, now - minute, {
  password: id,
  network: '192.0.2.8',
  tool: 'Team Explorer Everywhere',
  path: 'tfvc',
})
await used('carla@example.com', 20, now - 2 * day, { tool: '=cmd/1' })
await used('=dora@example.com', 1, now - day, { path: 'api', network: '2001:db8::/64', tool: undefined })
await used('emil@example.com', 50, now - day)
await used('anna@example.com', 7, now - day, { account: 'north' as AccountName })
await store.close()

t.test('a rehearsal shows what a move would have refused, and what each user has to do', async t => {
  const { code, stdout, stderr } = await desk.run(['move', 'rehearse', 'fabrikam', '--to', fabrikamId])
  t.equal(code, 0, stderr)
  const lines = stdout.split('\n')
  t.match(lines[0], /^USER +TOOL +FOR +REQUESTS +LAST +ANSWER +TO DO$/)
  t.match(
    lines[1],
    /^boris@example\.com +Team Explorer Everywhere +tfvc +1000 +.* UTC +refused +give this tool the new password$/,
  )
  // Another person has that name there, so her old password is a wrong one of theirs.
  t.match(
    lines[2],
    /^carla@example\.com +=cmd\/1 +git:welcome +20 +.* refused +set a password on the page, .* \(linked: a bridge gives time\)$/,
  )
  t.match(
    lines[3],
    /^anna@example\.com +git\/2\.47\.1 +git:welcome +3 +.* reset-needed +give this tool the user name anna\.smith@fabrikam\.example and its password \(linked/,
  )
  t.match(
    lines[4],
    /^=dora@example\.com +- +api +1 +.* reset-needed +set a password on the page, and give it to this tool$/,
  )
  t.notMatch(stdout, 'emil', 'who is switched off is refused already')
  t.match(stderr, '1024 requests of 4 users would have been refused. Recorded since ')
  t.match(stderr, 'Users set passwords for it here: https://git.example.com/_altgate/?account=fabrikam')

  const since = (await desk.json([
    'move',
    'rehearse',
    'fabrikam',
    '--to',
    fabrikamId,
    '--since',
    '36h',
  ])) as object
  t.match(since, {
    account: 'fabrikam',
    to: { directoryId: fabrikamId },
    recordedSince: /^\d{4}-/,
    requests: 1001,
    users: 2,
    uses: [
      {
        user: 'boris@example.com',
        password: ['build'],
        from: ['192.0.2.7', '192.0.2.8'],
        outcome: 'refused',
        lastSeen: new Date(now - minute).toISOString(),
      },
      { user: '=dora@example.com', outcome: 'reset-needed', password: ['main (chosen)'] },
    ],
  })
  const unplanned = await desk.run(['move', 'rehearse', 'fabrikam'])
  t.equal(unplanned.code, 1)
  t.match(unplanned.stderr, 'No move of fabrikam is planned. Say where it would move:')
})

t.test('the inventory is a table, JSON, or CSV that no spreadsheet runs', async t => {
  const table = await desk.must(['inventory', '--account', 'fabrikam'])
  t.match(table, /^ACCOUNT +USER +TOOL +FROM +FOR +PASSWORD +AGE +FIRST +LAST +REQUESTS$/m)
  t.match(
    table,
    /^fabrikam +boris@example\.com +Team Explorer Everywhere +192\.0\.2\.8 +tfvc +build +0 d +\d{4}-\d\d-\d\d +.* UTC +100$/m,
  )
  t.match(table, /^fabrikam +=dora@example\.com +- +2001:db8::\/64 +api +main \(chosen\) +0 d /m)
  t.notMatch(table, 'north')

  const csv = await desk.must(['inventory', '--format', 'csv', '--since', '3d'])
  const rows = csv.split('\r\n')
  t.equal(
    rows[0],
    'account,user,scope,tool,from,path,password,password_kind,password_set_at,password_age_days,first_seen,last_seen,requests',
  )
  t.equal(rows.at(-1), '')
  t.ok(csv.includes("\r\nfabrikam,'=dora@example.com,msa,,2001:db8::/64,api,,chosen,"))
  t.ok(csv.includes(",'=cmd/1,"))
  t.ok(csv.includes('north,anna@example.com,msa,git/2.47.1,'), 'of all accounts')
  t.notOk(csv.includes('fabrikam,anna@example.com'), 'not seen since then')

  const all = await desk.json(['move', 'inventory', '--account', 'north'])
  t.match(all, [
    {
      account: 'north',
      user: 'anna@example.com',
      scope: 'msa',
      tool: 'git/2.47.1',
      password: { generated: false, setAt: /^\d{4}-/, ageDays: 0 },
      requests: 7,
    },
  ])
  const wrong = await desk.run(['inventory', '--format', 'xml'])
  t.equal(wrong.code, 2)
})
