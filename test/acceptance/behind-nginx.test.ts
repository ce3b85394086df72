import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startAltgate } from '../support/altgate.ts'
import { gitLab } from '../support/git.ts'
import { startNginx } from '../support/nginx.ts'
import { freePort } from '../support/ports.ts'
import { altgate as command, checkout, serve } from '../support/program.ts'
import { startUpstream } from '../support/upstream.ts'

/** The real program with both ports, nginx before them, and git before nginx. */
async function world(t: Test) {
  const upstream = await startUpstream(t, ['contoso', 'fabrikam'])
  const decisions = await freePort()
  const altgate = await startAltgate(t, {
    settings: {
      workers: 2,
      forwardAuth: { host: '127.0.0.1', port: decisions },
      trustedProxies: ['127.0.0.1'],
    },
  })
  await altgate.arrange({
    accounts: { contoso: upstream.url, fabrikam: upstream.url },
    passwords: { 'anna@example.com': 'first-secret' },
  })
  const repositories = Number(new URL(upstream.url).port)
  const nginx = await startNginx(t, { decisions, page: altgate.port, repositories })
  const lab = gitLab(t)
  lab.setCredential('anna@example.com', 'first-secret')
  return { ...lab, altgate, decisions, nginx }
}

/** One gateway for all tests; the last one ends it. */
const { altgate, decisions, nginx, git, must, helperActions, forget } = await world(t)

t.test('one program, two doors: a clone by nginx, a move that holds at once, and the page', async t => {
  const address = `${nginx.url}/contoso/welcome.git`
  t.match(altgate.logs(), `"forwardAuth":{"host":"127.0.0.1","port":${decisions}}`)
  await must(['clone', address, 'clone'])
  t.equal(helperActions(), 'get store')

  const directory = '11111111-1111-4111-8111-111111111111'
  await altgate.must(['directory', 'add', directory, '--name', 'Contoso'])
  await altgate.must(['account', 'connect', 'contoso', '--directory', directory])
  forget()
  const { stderr } = await git(['ls-remote', address])
  t.match(stderr, 'remote: Reset needed: the account "contoso" has moved.')
  t.match(stderr, `remote: ${altgate.url}/_altgate/?account=contoso`)
  t.equal(helperActions(), 'get erase')

  const [page, direct] = await Promise.all([nginx.url, altgate.url].map(url => fetch(`${url}/_altgate/`)))
  t.equal(page?.status, direct?.status)
  t.match(page?.headers.get('content-type'), 'text/html')
  t.equal(page?.headers.get('content-security-policy'), direct?.headers.get('content-security-policy'))
  t.match(await altgate.tell('/metrics'), /altgate_decisions_total\{outcome="reset-needed",via="store"\} 1\n/)
})

t.test('a forward-auth port that is in use is reported in one sentence', async t => {
  const other = serve(t, ['serve', '--config', altgate.config], {
    ...process.env,
    ALTGATE__LISTEN__PORT: String(await freePort()),
    ALTGATE__OPERATIONS__PORT: String(await freePort()),
  })
  t.equal(await other.exit(), 1)
  t.match(other.printed(), `Cannot listen on 127.0.0.1:${decisions}:`)
})

t.test('the example is a settings file that Altgate takes', async t => {
  const config = join(checkout, 'config/forward-auth.yaml')
  const { code, stdout } = await command(['settings', '--config', config], process.env)
  t.equal(code, 0)
  t.match(stdout, /forwardAuth:/)
})

t.test('on SIGTERM it closes the connections that nginx keeps, and exits 0', async t => {
  const address = `${nginx.url}/fabrikam/welcome.git`
  await must(['ls-remote', address])
  t.equal(await altgate.stop(), 0)
  const socket = connect(decisions, '127.0.0.1')
  t.match(await Promise.race([once(socket, 'error'), once(socket, 'connect')]), [{ code: 'ECONNREFUSED' }])
  socket.destroy()
  const answer = await fetch(address)
  t.equal(answer.status, 503, 'nginx without it')
})
