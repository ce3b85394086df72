import t from 'tap'
import { until } from '../support/until.ts'
import { anna } from './gateway.ts'
import { attributes, aWorld, shells } from './lab.ts'

for (const shell of shells) {
  t.test(`with ${shell}: git clones after the code was entered, and then asks no more`, async t => {
    const { gateway, lab } = await aWorld(t, shell)
    const terminal = lab.onTerminal(`git clone ${gateway.url}/contoso/welcome.git first`)
    await until(() => terminal.seen().includes('Waiting for'))
    t.match(
      terminal.seen(),
      `Sign in for contoso at ${gateway.url}. On any device, open

    ${gateway.url}/_altgate/device

and enter the code

    BCDF-GHJK

Waiting for at most 10 minutes. Ctrl-C stops.`,
    )
    gateway.approve()
    t.equal(await terminal.exit(), 0, terminal.seen())
    t.match(terminal.seen(), `Signed in as ${anna}.`)
    t.strictSame(lab.turns(), [])

    const asked = gateway.asked.length
    const fetched = await lab.git(['-C', 'first', 'fetch'])
    t.equal(fetched.code, 0, fetched.stderr)
    t.equal(fetched.stderr, '')
    t.equal(gateway.asked.length, asked, 'the password was kept')
  })

  t.test(`with ${shell}: a password is renewed before its end, without a terminal`, async t => {
    const { gateway, get, signIn, pass } = await aWorld(t, shell)
    await signIn()
    const first = attributes(await get())
    t.match(first, { username: anna, password: /^agp_/ })
    t.ok(Math.abs(Number(first['password_expiry_utc']) - Date.now() / 1000 - gateway.life) < 60)
    t.notOk('oauth_refresh_token' in first, 'it is in the store already')

    pass(gateway.life * 0.79)
    t.equal(attributes(await get())['password'], first['password'], 'not yet')
    pass(gateway.life * 0.02)
    const second = attributes(await get())
    t.not(second['password'], first['password'])
    t.ok(gateway.passwords.has(second['password'] ?? ''))
    t.equal(gateway.asked.at(-1)?.form['grant_type'], 'refresh_token')
    const asked = gateway.asked.length
    t.equal(attributes(await get())['password'], second['password'])
    t.equal(gateway.asked.length, asked)
  })

  t.test(`with ${shell}: an ended sign-in without a terminal says what to do, and ends at once`, async t => {
    const { gateway, lab, get, signIn, pass } = await aWorld(t, shell)
    await signIn()
    pass(gateway.life + 1)
    gateway.refreshTokens.clear()
    const { code, stdout, stderr } = await get()
    t.equal(code, 0)
    t.equal(stdout, 'quit=1\n', 'git must not ask for a password')
    t.equal(
      stderr,
      `altgate-git-credential: this machine is not signed in for contoso at ${gateway.url},
and there is no terminal to show a code on.
Sign in once, as this user:
  ${lab.home}/bin/altgate-git-credential sign-in ${gateway.url}/contoso
`,
    )
  })
}

t.test('where each account has a host, one installation signs in for all of them', async t => {
  const { gateway, lab } = await aWorld(t)
  const { port } = new URL(gateway.url)
  const installed = await lab.call(['install', gateway.url, '--accounts', '.localhost', '--store', 'store'])
  t.equal(installed.code, 0, installed.stderr)
  for (const account of ['contoso', 'fabrikam']) {
    const address = `http://${account}.localhost:${port}/${account}/welcome.git`
    const terminal = lab.onTerminal(`git clone -q ${address}`)
    await until(() => terminal.seen().includes('Waiting for'))
    gateway.approve()
    t.equal(await terminal.exit(), 0, terminal.seen())
    t.match(
      gateway.asked.findLast(({ path }) => path.startsWith('device')),
      {
        path: `device_authorization/${account}`,
      },
    )
    const fetched = await lab.git(['-C', 'welcome', 'fetch'])
    t.match(fetched, { code: 0, stderr: '' })
    await lab.call(['sign-out', '--url', gateway.url, '--accounts', '.localhost', new URL(address).origin])
    t.match(gateway.asked.at(-1), { path: 'revoke' })
    await lab.git(['-c', 'alias.gone=!rm -rf welcome', 'gone'])
  }
})
