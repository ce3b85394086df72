import t, { type Test } from 'tap'
import { until } from '../support/until.ts'
import type { Reply } from './gateway.ts'
import { attributes, aWorld, type Shell, shells } from './lab.ts'

const error = (code: string, status = 400): Reply => ({ status, json: { error: code } })
const good = {
  access_token: 'agp_good',
  token_type: 'Bearer',
  expires_in: 600,
  refresh_token: 'next',
  username: 'anna@example.com',
}

/** What the program says of answers of the token endpoint, while it waits for the user. */
async function waiting(t: Test, replies: readonly Reply[], shell?: Shell) {
  const { gateway, lab } = await aWorld(t, shell)
  gateway.next.token.push(...replies)
  const terminal = lab.onTerminal(`altgate-git-credential sign-in ${gateway.url}/contoso`)
  await until(() => terminal.seen().includes('Waiting for'))
  gateway.approve()
  const code = await terminal.exit()
  const polls = gateway.asked.filter(({ path }) => path === 'token').length
  return { code, polls, said: terminal.seen().split('stops.\n')[1] ?? '', stored: lab.stored() }
}

t.test('the user refuses on the page', async t => {
  const { code, polls, said, stored } = await waiting(t, [
    error('authorization_pending'),
    error('access_denied'),
  ])
  t.equal(code, 1)
  t.equal(polls, 2)
  t.equal(said, 'altgate-git-credential: the sign-in was refused on the page. Nothing has changed.\n')
  t.equal(stored, '')
})

t.test('the code was not entered in time', async t => {
  const { code, said } = await waiting(t, [error('expired_token')])
  t.equal(code, 1)
  t.equal(
    said,
    'altgate-git-credential: the code was not entered in time. Run the command again for a new one.\n',
  )
})

t.test('the code ends even if the gateway never says so', async t => {
  const { gateway, lab } = await aWorld(t)
  const uri = `${gateway.url}/_altgate/device`
  gateway.next.device_authorization.push({
    json: { device_code: 'c', user_code: 'BCDF-GHJK', verification_uri: uri, expires_in: 3, interval: 1 },
  })
  const terminal = lab.onTerminal(`altgate-git-credential sign-in ${gateway.url}`)
  t.equal(await terminal.exit(), 1)
  t.match(terminal.seen(), 'Waiting for at most 1 minutes')
  t.match(terminal.seen(), 'the code was not entered in time')
})

t.test('slow_down is obeyed', async t => {
  const start = performance.now()
  const { code, polls } = await waiting(t, [error('slow_down')])
  t.equal(code, 0)
  t.equal(polls, 2)
  t.ok(performance.now() - start > 6000, 'it waits five seconds more')
})

t.test('an outage during the wait is tried again, as late as the gateway asks', async t => {
  const start = performance.now()
  const { code, polls, said } = await waiting(t, [
    { status: 503, headers: { 'retry-after': '3' }, text: 'unavailable' },
    { status: 502, text: '<html>Bad gateway</html>' },
    response => response.destroy(),
  ])
  t.equal(code, 0, said)
  t.equal(polls, 4)
  t.ok(performance.now() - start > 1000 + 3000 + 2000 + 3000)
})

t.test('an error that no standard has ends the wait', async t => {
  const { code, said } = await waiting(t, [error('out_of_paper')])
  t.equal(code, 1)
  t.match(said, /refused the sign-in: it answered "out_of_paper"/)
})

t.test('nothing that a gateway writes reaches the terminal as a control sequence', async t => {
  const { code, said } = await waiting(t, [error('\u001b]0;owned\u0007'), error('caf\u00e9 \u009b31m')])
  t.equal(code, 1)
  t.match(said, 'it answered "caf?? ??31m"')
  t.notMatch(said, /[^\n -~]/)
})

/** Each is an answer that must not be taken for a password, nor printed, nor kept. */
const nonsense: Readonly<Record<string, Reply>> = {
  'cut off': { text: JSON.stringify(good).slice(0, -1) },
  'with something behind it': { text: `${JSON.stringify(good)}x` },
  'two objects': { text: JSON.stringify(good) + JSON.stringify(good) },
  HTML: {
    headers: { 'content-type': 'text/html' },
    text: '<!doctype html><title>Sign in to the Wi-Fi</title>',
  },
  'an array': { text: `[${JSON.stringify(good)}]` },
  nested: { text: JSON.stringify({ ...good, more: { access_token: 'agp_other' } }) },
  'a name given twice': { text: `{"access_token":"agp_a",${JSON.stringify(good).slice(1)}` },
  'a name given twice, in another spelling': {
    text: `{"\\u0061ccess_token":"agp_a",${JSON.stringify(good).slice(1)}`,
  },
  'a line break in the password': {
    text: JSON.stringify({ ...good, access_token: 'agp_a\nhost=evil.example' }),
  },
  'an escaped line break in the password': {
    text: JSON.stringify(good).replace('agp_good', 'agp_a\\u000ahost=evil.example'),
  },
  'a carriage return in the password': { text: JSON.stringify({ ...good, access_token: 'agp_a\rquit=1' }) },
  'NUL in the password': { text: JSON.stringify({ ...good, access_token: 'agp_a\0b' }) },
  'a raw NUL in the password': { text: JSON.stringify(good).replace('agp_good', 'agp_\0good') },
  'a raw line break in the password': { text: JSON.stringify(good).replace('agp_good', 'agp_\ngood') },
  'a line break in the user name': { text: JSON.stringify({ ...good, username: 'anna\npassword=other' }) },
  'a line break in a name': { text: JSON.stringify({ ...good, 'x\naccess_token': 'y' }) },
  'a colon in the user name': { text: JSON.stringify({ ...good, username: 'anna:x' }) },
  'an empty user name': { text: JSON.stringify({ ...good, username: '' }) },
  'a blank in the password': { text: JSON.stringify({ ...good, access_token: 'agp a' }) },
  'no password': { text: JSON.stringify({ ...good, access_token: undefined }) },
  'a password of null': { text: JSON.stringify({ ...good, access_token: null }) },
  'an escape that JSON has not': { text: JSON.stringify(good).replace('agp_good', 'agp_\\x41') },
  'half an escape': { text: JSON.stringify(good).replace('agp_good', 'agp_\\u00') },
  nothing: { text: '' },
  'a mark of byte order': { text: `\ufeff${JSON.stringify(good)}` },
  'single quotes': { text: JSON.stringify(good).replaceAll('"', "'") },
  'a comma too many': { text: `${JSON.stringify(good).slice(0, -1)},}` },
  'too long': { text: JSON.stringify({ ...good, more: 'x'.repeat(100_000) }) },
  endless: response => {
    response.writeHead(200, { 'content-type': 'application/json' })
    const more = () => void (response.destroyed || (response.write('x'.repeat(65_536)), setImmediate(more)))
    more()
  },
  'an error that is called as we call success': error('done'),
  'an outage with the words of a refusal': error('invalid_grant', 500),
  'no such endpoint': error('not_found', 404),
  'a redirect': { status: 302, headers: { location: 'http://127.0.0.1:1/elsewhere' }, text: '' },
  'a redirect that keeps the method': {
    status: 307,
    headers: { location: '/_altgate/oauth/token' },
    text: '',
  },
}

for (const shell of shells) {
  t.test(`with ${shell}: an answer that is not exactly right gives no password`, async t => {
    const { gateway, lab, get, signIn, pass } = await aWorld(t, shell)
    await signIn()
    pass(gateway.life * 0.9)
    const before = attributes(await get()) // renews once, and works
    for (const [name, reply] of Object.entries(nonsense)) {
      pass(gateway.life * 0.9)
      const stored = lab.stored()
      gateway.next.token.push(reply, reply, reply)
      const { code, stdout, stderr } = await get()
      gateway.next.token.length = 0
      t.equal(code, 0, name)
      t.strictSame(Object.keys(attributes({ stdout })), ['username', 'password', 'password_expiry_utc'], name)
      t.match(attributes({ stdout })['password'], /^agp_[0-9a-f]{32}$/, `${name}: the old one is still good`)
      t.equal(stderr, '', name)
      t.equal(lab.stored(), stored, `${name}: nothing has changed`)
      t.ok(
        gateway.asked.every(({ path }) => !path.includes('elsewhere')),
        name,
      )
      gateway.life = 90 * 86_400
      pass(-gateway.life * 0.9)
    }
    t.ok(before['password'])
    pass(gateway.life * 0.9)
    gateway.next.token.push({
      json: { ...good, token_of: null, more: 'caf\u00e9 "\\/', n: -1.5e3, yes: true },
    })
    t.match(attributes(await get()), { username: good.username, password: 'agp_good' }, 'and one that is')
  })
}
