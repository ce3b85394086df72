import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startGitUpstream } from '../../src/demo/git-upstream.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { type GivenDelegation, givenDelegation } from '../support/delegation.ts'
import { gitLab } from '../support/git.ts'
import { freePort } from '../support/ports.ts'
import { anna, runningServer } from '../support/public-server.ts'
import { recordingUpstream, type Respond } from '../support/recording-upstream.ts'
import { run } from '../support/run.ts'
import { type AccountInTheWorld, aWorld, entra, msa } from '../support/world.ts'

/** git before a server with one account; Anna's credential is stored in its helper. */
async function gitBefore(
  t: Test,
  account: Partial<AccountInTheWorld> & { readonly upstream: string },
  delegation?: GivenDelegation,
) {
  const world = aWorld({
    accounts: [{ name: 'fabrikam', ...account }],
    credentials: [anna],
    ...(delegation && { delegation }),
  })
  const server = await runningServer(t, { upstream: account.upstream, world, delegation })
  let connections = 0
  server.app.server.on('connection', () => connections++)
  const lab = gitLab(t)
  lab.setCredential(anna.username, anna.password)
  return { server, world, lab, remote: `${server.url}/fabrikam/r.git`, connections: () => connections }
}

t.test('clone, push of 8 MiB and fetch work, a clone on one connection', async t => {
  const repositories = temporaryDirectory(t)
  const upstream = await startGitUpstream({ directory: repositories, host: '127.0.0.1', port: 0 })
  t.teardown(() => upstream.close())
  const { lab, remote, world, connections, server } = await gitBefore(t, { upstream: upstream.url })
  await lab.git(['init', '--quiet', '--bare', join(repositories, 'fabrikam/r.git')])

  await lab.git(['clone', '--quiet', remote, 'one'])
  const one = join(lab.directory, 'one')
  writeFileSync(join(one, 'big'), randomBytes(8 * 1024 * 1024))
  await lab.git(['add', 'big'], { cwd: one })
  await lab.git(['commit', '--quiet', '-m', 'big'], { cwd: one })
  const push = await lab.git(['push', '--quiet', 'origin', 'HEAD:main'], { cwd: one })
  t.equal(push.code, 0, push.stderr)

  const before = connections()
  for (const version of ['0', '2']) {
    const clone = await lab.git(['clone', '--quiet', remote, `two${version}`], {
      config: { 'protocol.version': version },
    })
    t.equal(clone.code, 0, clone.stderr)
    const two = join(lab.directory, `two${version}`)
    const fsck = await lab.git(['fsck'], { cwd: two })
    t.equal(fsck.code, 0, fsck.stderr)
    const heads = await Promise.all([one, two].map(cwd => lab.git(['rev-parse', 'HEAD'], { cwd })))
    t.equal(heads[1]?.stdout, heads[0]?.stdout)
  }
  t.equal(connections() - before, 2, 'one connection each')
  t.notMatch(lab.helperActions(), 'erase')
  t.notMatch(world.outcomes(), /refused|garbled/)
  t.strictSame(server.failures, [])
})

t.test('git shows the reset text line by line, and forgets the old password', async t => {
  const { lab, remote } = await gitBefore(t, {
    upstream: 'http://upstream.invalid',
    connection: entra('Contoso'),
    former: { connection: msa, leftAt: Date.UTC(2026, 10, 20) },
  })
  const { code, stderr } = await lab.git(['ls-remote', remote])
  t.equal(code, 128)
  t.match(stderr, 'remote: Reset needed: the account "fabrikam" has moved. Since 2026-11-20 it\n')
  t.match(stderr, '\nremote: https://git.example.com/_altgate/?account=fabrikam\n')
  t.match(stderr, /\nremote: Reference: [0-9a-f]{24}\n/)
  t.equal(lab.helperActions(), 'get erase')
})

t.test('a wrong password is sent once, and forgotten', async t => {
  const { lab, remote, world } = await gitBefore(t, { upstream: 'http://upstream.invalid' })
  lab.setCredential(anna.username, 'wrong')
  const { code, stderr } = await lab.git(['ls-remote', remote])
  t.equal(code, 128)
  t.match(stderr, 'remote: The user name or the password is wrong.\n')
  t.equal(world.outcomes(), 'challenge refused')
  t.equal(lab.helperActions(), 'get erase')
})

t.test('a URL with a user name costs nothing: git first sends it with an empty password', async t => {
  const upstream = await recordingUpstream(t)
  const { lab, remote, world } = await gitBefore(t, { upstream: upstream.url })
  await lab.git(['ls-remote', remote.replace('://', '://anna%40example.com@')])
  t.match(world.outcomes(), /^challenge (?:challenge )?allow/)
  t.equal(world.hashes(), 1)
})

const page = '<html>Sign in</html>'
const unhappy: Readonly<Record<string, Respond>> = {
  'asks the gateway for a password': (_, response) =>
    response.writeHead(401, { 'WWW-Authenticate': ['NTLM', 'Negotiate'] }).end(),
  'shows a sign-in page': (_, response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end(page),
  'shows a sign-in page with 203': (_, response) =>
    response.writeHead(203, { 'Content-Type': 'text/html' }).end(page),
  'redirects to a sign-in page': (_, response) =>
    response.writeHead(302, { Location: 'https://login.example.org/' }).end(),
  'hangs up': (_, response) => void response.destroy(),
}
for (const [what, respond] of Object.entries(unhappy)) {
  t.test(`when the upstream ${what}, git fails, says so and keeps its password`, async t => {
    const upstream = await recordingUpstream(t, respond)
    const { lab, remote } = await gitBefore(t, { upstream: upstream.url })
    const { code, stderr } = await lab.git(['ls-remote', remote])
    t.equal(code, 128)
    t.match(stderr, 'remote: The service behind this gateway ')
    t.match(stderr, 'remote: Your credentials are right. ')
    t.match(stderr, 'The requested URL returned error: 502')
    t.equal(lab.helperActions(), 'get', 'neither stored nor erased')
  })
}

t.test('when the upstream is down, git keeps its password', async t => {
  const { lab, remote } = await gitBefore(t, { upstream: `http://127.0.0.1:${await freePort()}` })
  const { code, stderr } = await lab.git(['ls-remote', remote])
  t.equal(code, 128)
  t.match(stderr, 'remote: The service behind this gateway could not be reached.\n')
  t.equal(lab.helperActions(), 'get')
})

t.test('a push that is refused during the upload ends with 401 or 503, not with a broken pipe', async t => {
  const upstream = await recordingUpstream(t)
  const { server, world } = await gitBefore(t, { upstream: upstream.url })
  const lab = gitLab(t)
  const body = join(lab.directory, 'body')
  writeFileSync(body, randomBytes(20 * 1024 * 1024))
  const post = ['-sS', '-o', '-', '-w', '%{http_code}', '-X', 'POST', '-H', 'Expect:', '-T', body]
  const { stdout, stderr, code } = await run('curl', [
    ...post,
    `${server.url}/fabrikam/r.git/git-receive-pack`,
  ])
  t.equal(code, 0, stderr)
  t.match(stdout, /Reference: [0-9a-f]{24}\n401$/)
  t.equal(world.outcomes(), 'challenge')
  t.equal(upstream.requests.length, 0)
})

t.test('where a sign-in is needed, git shows the text and the page, and keeps its password', async t => {
  const upstream = await recordingUpstream(t)
  const { lab, remote, world } = await gitBefore(t, { upstream: upstream.url }, givenDelegation('no-grant'))
  const { code, stderr } = await lab.git(['ls-remote', remote])
  t.equal(code, 128)
  t.match(stderr, 'remote: Sign-in needed: you have not signed in with your Microsoft account on\n')
  t.match(stderr, /\nremote: Your password is right and stays the same\. Sign in once on this\s/)
  t.match(stderr, '\nremote: https://git.example.com/_altgate/?account=fabrikam\n')
  t.match(stderr, /\nremote: Reference: [0-9a-f]{24}\n/)
  t.match(stderr, 'The requested URL returned error: 403')
  t.equal(world.outcomes(), 'challenge sign-in-needed')
  t.equal(lab.helperActions(), 'get', 'neither stored nor erased')
})
