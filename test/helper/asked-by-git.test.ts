import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { until } from '../support/until.ts'
import { anna } from './gateway.ts'
import { attributes, aWorld, helperLab, shells } from './lab.ts'

for (const shell of shells) {
  t.test(`with ${shell}: only questions about its own gateway are answered`, async t => {
    const { gateway, lab, signIn } = await aWorld(t, shell)
    await signIn()
    const { host, port } = new URL(gateway.url)
    const asked = gateway.asked.length
    const get = (text: string) => lab.call(['--url', gateway.url, 'get'], { stdin: text })
    const kept = (text: string) => get(text).then(answer => attributes(answer)['username'] === anna)

    t.ok(await kept(lab.ask()))
    t.ok(await kept(lab.ask('Contoso')), 'accounts have no case')
    t.ok(await kept(`${lab.ask()}capability[]=authtype\nwwwauth[]=Basic realm="x"\nfuture=x\n\nhost=evil\n`))
    t.ok(await kept(lab.ask().trimEnd()), 'without a line break at the end')
    const others = [
      '',
      'protocol=https\nhost=github.com\n',
      `protocol=https\nhost=${host}\npath=contoso/welcome.git\n`,
      `protocol=http\nhost=127.0.0.1\npath=contoso/welcome.git\n`,
      `protocol=http\nhost=${host}.evil.example\npath=contoso/x\n`,
      `protocol=http\nhost=${host}\r\npath=contoso/x\n`,
      `protocol=http\nhost=127.0.0.1:0${port}\npath=contoso/x\n`,
      `protocol=http\nhost=anna@${host}\npath=contoso/x\n`,
      `protocol=http\nhost=${host}\nhost=evil.example\npath=contoso/x\n`,
      `protocol=\nhost=${host}\npath=contoso/x\n`,
      `protocol=http\nhost=${host}\npath=_altgate/oauth\n`,
      `protocol=http\nhost=${host}\npath=../contoso/x\n`,
      `protocol=http\nhost=${host}\npath=contoso%2Fx\n`,
      `protocol=http\nhost=${host}\npath=$(touch ${lab.home}/owned)/x\n`,
      `protocol=cert\nhost=\npath=/x\n`,
    ]
    for (const text of others) {
      const answer = await get(text)
      t.strictSame(answer, { code: 0, stdout: '', stderr: '' }, JSON.stringify(text))
    }
    t.equal(gateway.asked.length, asked, 'and nothing was asked')
    t.throws(() => readFileSync(join(lab.home, 'owned')))
  })

  t.test(
    `with ${shell}: a refused password is renewed once, if the gateway allows it, and then forgotten`,
    async t => {
      const { gateway, lab, get, signIn, pass } = await aWorld(t, shell)
      await signIn()
      await signIn('fabrikam')
      const call = (action: string, more: Readonly<Record<string, string>>, account?: string) =>
        lab.call(['--url', gateway.url, action], { stdin: lab.ask(account, more) })
      const { password = '' } = attributes(await get())
      await call('erase', { username: anna, password: 'another' })
      await call('store', { username: anna, password: 'typed' })
      t.equal(attributes(await get())['password'], password, 'another process has a new one already')

      pass(gateway.life + 1)
      await call('erase', { username: anna, password })
      const renewed = attributes(await get())['password'] ?? ''
      t.match(renewed, /^agp_/, 'it had ended: its refresh token is kept')
      t.not(renewed, password)

      await call('erase', { username: anna, password: renewed })
      const third = attributes(await get())['password'] ?? ''
      t.match(third, /^agp_/, 'the gateway decides whether it may be renewed')
      t.notOk([password, renewed].includes(third))
      await call('erase', { username: anna, password: third })
      t.match(await get(), { stdout: 'quit=1\n', stderr: /not signed in for contoso/ }, 'once')
      t.match(attributes(await get('fabrikam')), { username: anna }, 'other accounts are not touched')
      await call(
        'erase',
        { username: anna, password: attributes(await get('fabrikam'))['password'] ?? '' },
        'fabrikam',
      )
      gateway.refreshTokens.clear()
      t.match(await get('fabrikam'), { stdout: 'quit=1\n' }, 'a move or a revocation')
      t.equal(lab.stored(), '')
      await signIn()
      await call('erase', {})
      t.equal(lab.stored(), '', 'as `git credential reject` by hand')
    },
  )
}

t.test('a user name in the address is for the user that it names, if it names one', async t => {
  const { gateway, lab, signIn } = await aWorld(t)
  await signIn()
  const get = (username: string) =>
    lab.call(['--url', gateway.url, 'get'], { stdin: lab.ask('contoso', { username }) })
  for (const name of [anna, 'Anna@Example.com', 'contoso', 'x'])
    t.match(attributes(await get(name)), { username: anna, password: /^agp_/ }, name)
  t.match(await get('ben@example.com'), { stdout: 'quit=1\n' })

  writeFileSync(join(lab.home, 'ask'), lab.ask('contoso', { username: 'ben@example.com' }))
  const as = async (username: string) => {
    const terminal = lab.onTerminal(`altgate-git-credential --url ${gateway.url} get < ask > answer`)
    await until(() => terminal.seen().includes('Waiting for'))
    const json = {
      access_token: 'agp_ben',
      token_type: 'Bearer',
      expires_in: 600,
      refresh_token: 'r',
      username,
    }
    gateway.next.token.push({ json })
    t.equal(await terminal.exit(), 0)
    return { said: terminal.seen(), stdout: readFileSync(join(lab.home, 'answer'), 'utf8') }
  }
  const wrong = await as(anna)
  t.equal(wrong.stdout, 'quit=1\n')
  t.match(
    wrong.said,
    `you signed in as ${anna}, but the address of the repository
names ben@example.com. Nothing has been kept.`,
  )
  t.match(gateway.asked.at(-1), { path: 'revoke', form: { token: 'r' } })
  t.match(attributes(await as('Ben@example.com')), { username: 'Ben@example.com', password: 'agp_ben' })
  t.match(attributes(await get('ben@example.com')), { password: 'agp_ben' })
  t.match(attributes(await get(anna)), { username: anna })

  // git erases by the name that it was given.
  const stdin = lab.ask('contoso', { username: 'Ben@example.com', password: 'agp_ben' })
  await lab.call(['--url', gateway.url, 'erase'], { stdin })
  t.match(await get('ben@example.com'), { stdout: 'quit=1\n' })
  t.match(attributes(await get(anna)), { username: anna })
})

t.test('an outage at the end of a password loses nothing', async t => {
  const { gateway, get, signIn, pass } = await aWorld(t)
  await signIn()
  pass(gateway.life + 1)
  const down = { status: 503, text: 'down' }
  gateway.next.token.push(down, down, down)
  t.match(await get(), {
    code: 0,
    stdout: 'quit=1\n',
    stderr: `altgate-git-credential: the password for contoso at ${gateway.url} has ended,
and the gateway cannot renew it now: it answered 503.
Nothing is lost. Try again later.
`,
  })
  t.equal(gateway.next.token.length, 0, 'it was tried three times')
  t.match(attributes(await get()), { username: anna })
})

t.test('a refused renewal does not end a password that is still good, and is not tried again', async t => {
  const { gateway, get, signIn, pass } = await aWorld(t)
  await signIn()
  const { password } = attributes(await get())
  pass(gateway.life * 0.9)
  gateway.refreshTokens.clear()
  t.equal(attributes(await get())['password'], password)
  const asked = gateway.asked.length
  t.equal(attributes(await get())['password'], password)
  t.equal(gateway.asked.length, asked)
})

t.test('behind a helper that stores, git is given what it needs to renew, and gives it back', async t => {
  const { gateway, lab, signIn } = await aWorld(t)
  await signIn()
  const [, refresh = ''] = [...gateway.refreshTokens, ...gateway.refreshTokens]
  await lab.git(['config', '--global', `credential.${gateway.url}.altgateStore`, 'none'])
  const chained = (more: Readonly<Record<string, string>>) =>
    lab.call(['--url', gateway.url, 'get'], { stdin: lab.ask('contoso', more) })
  const answer = attributes(await chained({ oauth_refresh_token: refresh }))
  t.strictSame(Object.keys(answer), ['username', 'password', 'password_expiry_utc', 'oauth_refresh_token'])
  t.ok(gateway.passwords.has(answer['password'] ?? ''))
  t.ok(gateway.refreshTokens.has(answer['oauth_refresh_token'] ?? ''))
  t.match(await chained({ oauth_refresh_token: 'unknown' }), {
    stdout: 'quit=1\n',
    stderr: /Run git once in a terminal, as this user\./,
  })
})

t.test('words of later versions of git are ignored, those of users are not', async t => {
  const { gateway, lab } = await aWorld(t)
  const url = ['--url', gateway.url]
  t.strictSame(await lab.call([...url, 'future'], { stdin: lab.ask() }), { code: 0, stdout: '', stderr: '' })
  t.strictSame(await lab.call([...url, 'capability']), { code: 0, stdout: 'version 0\n', stderr: '' })
  t.match(await lab.call(['sing-in', gateway.url]), { code: 2, stderr: /there is no command sing-in/ })
  t.match(await lab.call([]), { code: 2, stderr: /install URL/ })
  t.match(await lab.call(['get'], { stdin: lab.ask() }), { code: 1, stdout: '', stderr: /--url/ })
  t.match(await lab.call(['--help']), { code: 0, stdout: /sign-out URL/, stderr: '' })
  t.match(await lab.call(['--version']), { code: 0, stdout: /^altgate-git-credential \d+\.\d+\.\d+\n$/ })
})

t.test('it asks nothing of a server that the settings name in an unsafe way', async t => {
  const { lab } = await aWorld(t)
  for (const url of [
    'http://git.example.com',
    'http://127.0.0.1.evil.example',
    'http://localhost@evil.example',
    'https://anna:secret@git.example.com',
    'https://git.example.com/path',
    'ftp://git.example.com',
    'https://',
    'https://git.example.com:x',
    'file:///etc/passwd',
    'git.example.com',
    'https://-o.example.com',
    'https://git.example.com\nhost',
  ]) {
    const { code, stdout, stderr } = await lab.call(['--url', url, 'get'], { stdin: lab.ask() })
    t.match({ code, stdout }, { code: 1, stdout: '' }, url)
    t.match(stderr, /not the address of a gateway/, url)
  }
})

t.test('nothing depends on a home, nor on one that can be written to', async t => {
  const { gateway, lab, get, signIn } = await aWorld(t)
  const { HOME: _, ...homeless } = lab.env
  const call = (env: Readonly<Record<string, string>>) =>
    lab.call(['--url', gateway.url, '--store', 'store', 'get'], { stdin: lab.ask(), env })
  t.match(await call(homeless), { code: 0, stdout: 'quit=1\n', stderr: /no terminal to show a code on/ })
  await signIn()
  writeFileSync(join(lab.home, 'file'), '')
  t.match(attributes(await get('contoso', { XDG_CACHE_HOME: join(lab.home, 'file') })), { username: anna })

  writeFileSync(join(lab.home, 'ask'), lab.ask())
  const terminal = lab.onTerminal(
    `sh -c 'unset HOME; altgate-git-credential --url ${gateway.url} --store store get < ask > answer'`,
  )
  await until(() => terminal.seen().includes('Waiting for'))
  gateway.approve()
  t.equal(await terminal.exit(), 0)
  t.match(readFileSync(join(lab.home, 'answer'), 'utf8'), /^username=anna@example\.com\npassword=agp_/)
  t.match(terminal.seen(), 'git credential-store did not keep the password: you will have to sign in again.')
})

t.test('a gateway with a host for each account', async t => {
  const { gateway, lab } = await aWorld(t)
  const { port } = new URL(gateway.url)
  const words = ['--url', gateway.url, '--accounts', '.localhost', '--store', 'store']
  const ask = (host: string) => lab.call([...words, 'get'], { stdin: `protocol=http\nhost=${host}\n` })
  t.match(await ask(`contoso.localhost:${port}`), {
    stdout: 'quit=1\n',
    stderr: `sign-in --url ${gateway.url} --accounts .localhost http://contoso.localhost:${port}\n`,
  })
  for (const host of [
    `contoso.localhost`,
    `a.b.localhost:${port}`,
    `.localhost:${port}`,
    `localhost:${port}`,
    `contoso.localhost.evil:${port}`,
    `-x.localhost:${port}`,
  ])
    t.strictSame(await ask(host), { code: 0, stdout: '', stderr: '' }, host)
})

t.test('the secret of one gateway is never given to another with a similar name', async t => {
  const { gateway, lab, signIn } = await aWorld(t)
  await signIn()
  const other = await helperLab(t, gateway.url)
  writeFileSync(join(other.home, '.git-credentials'), lab.stored())
  for (const url of [
    'https://127.0.0.1',
    gateway.url.replace('127.0.0.1:', '127.0.0.1-'),
    gateway.url.replace('127.0.0.1', 'localhost'),
  ]) {
    const { protocol, host } = new URL(url.replace('http://127.0.0.1-', 'https://127-'))
    const stdin = `protocol=${protocol.slice(0, -1)}\nhost=${host}\npath=contoso/x\n`
    const { stdout } = await other.call(['--url', `${protocol}//${host}`, '--store', 'store', 'get'], {
      stdin,
    })
    t.equal(stdout, 'quit=1\n', url)
  }
})
