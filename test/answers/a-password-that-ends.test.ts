import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startGitUpstream } from '../../src/demo/git-upstream.ts'
import type { StoredPassword } from '../../src/gateway/ports.ts'
import { ask } from '../support/ask.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { gitLab } from '../support/git.ts'
import { anna, runningServer } from '../support/public-server.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { tf } from '../support/tee.ts'
import { aGenerated, aWorld, entra, msa } from '../support/world.ts'

const day = 24 * 60 * 60 * 1000
const page = 'https://git.example.com/_altgate/?account=fabrikam'
const isoDay = (at: number) => new Date(at).toISOString().slice(0, 10)

/** Account `fabrikam` with Anna's set, which holds the password `build-7`, before an upstream that says `ok`. */
async function aPassword(t: Test, its: Omit<StoredPassword, 'id' | 'mac'>, rest: object = {}) {
  const upstream = await recordingUpstream(t)
  const generated = aGenerated({ name: 'build-7', ...its })
  const world = aWorld({
    accounts: [{ name: 'fabrikam', upstream: upstream.url, ...rest }],
    credentials: [{ ...anna, generated: [generated] }],
  })
  const server = await runningServer(t, { upstream: upstream.url, world })
  return { upstream, world, server, password: generated.password }
}

const ends: readonly (readonly [string, Omit<StoredPassword, 'id' | 'mac'>, RegExp, RegExp])[] = [
  [
    'has ended',
    { endsAt: Date.UTC(2026, 10, 20) },
    /^Your password "build-7" ended on 2026-11-19 and no longer works\.$/m,
    /^Make a new one on this page:$/m,
  ],
  [
    'was replaced',
    { endsAt: Date.UTC(2026, 10, 20, 14), replacedAt: Date.UTC(2026, 10, 20, 12) },
    /^Your password "build-7" was replaced on 2026-11-20 and no longer works\.$/m,
    /^Use the new one, or make another on this page:$/m,
  ],
  [
    'was revoked',
    { revokedAt: Date.UTC(2026, 10, 20, 12) },
    /^Your password "build-7" was revoked on 2026-11-20 and no longer works\.$/m,
    /^If you did not do that, look at your passwords on this page:$/m,
  ],
]

for (const [what, its, sentence, advice] of ends) {
  t.test(`a password that ${what}: its holder is told so, and another guess is refused`, async t => {
    const { server, password, world } = await aPassword(t, its)
    const told = await ask(`${server.url}/fabrikam/r.git/info/refs`, { as: [anna.username, password] })
    t.equal(told.status, 401)
    t.equal(told.outcome, 'expired')
    t.match(told.headers['www-authenticate'], /^Basic realm="fabrikam"/)
    t.match(told.body, sentence)
    t.match(told.body, advice)
    t.match(told.body, `\n${page}\n`)

    const wrong = `${password.slice(0, -1)}${password.endsWith('a') ? 'b' : 'a'}`
    t.equal((await ask(`${server.url}/fabrikam/x`, { as: [anna.username, wrong] })).outcome, 'refused')
    const unknown = await ask(`${server.url}/fabrikam/x`, { as: ['boris@example.com', password] })
    t.equal(unknown.outcome, 'refused', 'with another name')
    t.equal(world.seen[0]?.decision.outcome, 'expired')
  })

  t.test(
    `a password that ${what}: git prints it and forgets the password, tf stops, REST reads JSON`,
    async t => {
      const { server, password } = await aPassword(t, its)
      const lab = gitLab(t)
      lab.setCredential(anna.username, password)
      const { code, stderr } = await lab.git(['ls-remote', `${server.url}/fabrikam/r.git`])
      t.equal(code, 128)
      t.match(stderr, 'remote: Your password "build-7" ')
      t.match(stderr, `\nremote: ${page}\n`)
      t.equal(lab.helperActions(), 'get erase')

      const signIn = { username: anna.username, password }
      const { shown, asked } = await tf(`${server.url}/fabrikam/c/LocationService.asmx`, [signIn, signIn])
      t.match(shown, 'Your password "build-7" ')
      t.equal(asked, 1)

      const rest = await ask(`${server.url}/fabrikam/_apis/x`, { as: [anna.username, password] })
      t.match(JSON.parse(rest.body), { typeKey: 'ExpiredException', message: /^Your password "build-7" / })
      t.equal(rest.headers['x-vss-authenticateerror'], 'PasswordExpired')
      const lfs = await ask(`${server.url}/fabrikam/r.git/info/lfs/locks`, {
        as: [anna.username, password],
        headers: { accept: 'application/vnd.git-lfs+json' },
      })
      t.match(JSON.parse(lfs.body), { message: /^Your password "build-7" /, documentation_url: page })
    },
  )
}

t.test('git-lfs that presents an ended password in a loop is stopped', async t => {
  const { server, password, world } = await aPassword(t, { endsAt: Date.UTC(2026, 10, 20) })
  const url = `${server.url}/fabrikam/r.git/info/lfs/objects/0a1b`
  let status = 401
  for (let asked = 0; asked < 2000 && status === 401; asked++)
    ({ status } = await ask(url, {
      as: [anna.username, password],
      headers: { 'user-agent': 'git-lfs/3.6.1' },
    }))
  t.equal(status, 403)
  t.equal(world.seen.at(-1)?.decision.outcome, 'expired')
})

t.test('a password that ends between the two requests of a push fails it with 503, not silently', async t => {
  const { server, password } = await aPassword(t, { endsAt: Date.UTC(2026, 10, 20) })
  const answer = await fetch(`${server.url}/fabrikam/r.git/git-receive-pack`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`${anna.username}:${password}`)}` },
    body: '0000',
  })
  t.equal(answer.status, 503)
  t.equal(answer.headers.get('www-authenticate'), null)
  await answer.text()
})

t.test(
  'in the last fourteen days every push says when the password ends, and every answer has a header',
  async t => {
    const repositories = temporaryDirectory(t)
    const upstream = await startGitUpstream({ directory: repositories, host: '127.0.0.1', port: 0 })
    t.teardown(() => upstream.close())
    const endsAt = Date.now() + 6.5 * day
    const generated = aGenerated({ name: 'build-7', endsAt })
    const world = aWorld({
      accounts: [{ name: 'fabrikam', upstream: upstream.url }],
      credentials: [{ ...anna, generated: [generated] }],
    })
    const server = await runningServer(t, { upstream: upstream.url, world })
    const lab = gitLab(t)
    lab.setCredential(anna.username, generated.password)
    await lab.must(['init', '--quiet', '--bare', join(repositories, 'fabrikam/r.git')])
    await lab.must(['clone', '--quiet', `${server.url}/fabrikam/r.git`, 'r'])
    const cwd = join(lab.directory, 'r')
    await lab.must(['commit', '--quiet', '--allow-empty', '-m', 'one'], { cwd })
    const { code, stderr } = await lab.git(['push', 'origin', 'HEAD:main'], { cwd })
    t.equal(code, 0)
    const text = stderr.replaceAll(/\s*\nremote: /g, ' ')
    t.match(
      text,
      `remote: Your password "build-7" ends in 7 days, on ${isoDay(endsAt)}. Make a new one on this page before then:   ${page}`,
    )
    t.notMatch(lab.helperActions(), 'erase')
  },
)

const day14 = Date.now() + 14 * day
const inAnHour = Date.now() + 3_600_000
for (const [what, its, header] of [
  ['more than fourteen days ahead', { endsAt: day14 + 60_000 }, undefined],
  ['fourteen days ahead', { endsAt: day14 - 1000 }, isoDay(day14 - 1001)],
  ['an hour ahead', { endsAt: inAnHour }, isoDay(inAnHour - 1)],
  ['never', {}, undefined],
  [
    'soon, but its OAuth client renews it',
    { endsAt: Date.now() + day, client: 'Git Credential Manager' },
    undefined,
  ],
  [
    'soon, because it was replaced',
    { endsAt: Date.now() + day, replacedAt: Date.now() },
    isoDay(Date.now() + day - 1),
  ],
] as const)
  t.test(
    `a password that ends ${what}: ${header === undefined ? 'no header' : 'a header with the day'}`,
    async t => {
      const { server, password } = await aPassword(t, its)
      for (const path of ['/fabrikam/_apis/x', '/fabrikam/x']) {
        const { status, headers } = await ask(server.url + path, { as: [anna.username, password] })
        t.equal(status, 200)
        t.equal(headers['x-altgate-password-ends'], header)
      }
      const chosen = await ask(`${server.url}/fabrikam/x`, { as: [anna.username, anna.password] })
      t.equal(chosen.headers['x-altgate-password-ends'], undefined, 'not to users of another password')
    },
  )

t.test('the header of an upstream does not count', async t => {
  const upstream = await recordingUpstream(t, (_, response) =>
    response.writeHead(200, { 'X-Altgate-Password-Ends': '2000-01-01' }).end('ok'),
  )
  const server = await runningServer(t, { upstream: upstream.url })
  const { headers } = await ask(`${server.url}/fabrikam/x`, { as: [anna.username, anna.password] })
  t.equal(headers['x-altgate-password-ends'], undefined)
})

t.test(
  'on an account that has moved, a refusal has one general sentence, the same for every caller',
  async t => {
    const { server, password } = await aPassword(
      t,
      { endsAt: Date.UTC(2026, 10, 20) },
      { connection: entra('Contoso'), former: { connection: msa, leftAt: Date.UTC(2026, 10, 20) } },
    )
    const bodies = []
    for (const as of [
      [anna.username, 'wrong'],
      ['boris@example.com', 'wrong'],
      ['boris@example.com', password],
    ] as const) {
      const { outcome, body } = await ask(`${server.url}/fabrikam/x`, { as })
      t.equal(outcome, 'refused')
      bodies.push(body.replace(/Reference: .*/, ''))
    }
    t.equal(new Set(bodies).size, 1)
    t.match(
      bodies[0]?.replaceAll('\n', ' '),
      'This account has moved. Use the alternate credentials that you have set for its directory since then, or set them on this page: https://',
    )
  },
)
