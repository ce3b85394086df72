import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { makeRepository, startGitUpstream } from '../../src/demo/git-upstream.ts'
import { DemoCannotStart } from '../../src/demo/people.ts'
import { gitLab } from '../support/git.ts'
import { run } from '../support/run.ts'
import { until } from '../support/until.ts'

async function upstream(t: Test) {
  const lab = gitLab(t)
  const directory = join(lab.directory, 'served')
  await makeRepository(directory, 'fabrikam/welcome')
  const started = await startGitUpstream({ directory, host: '127.0.0.1', port: 0 })
  t.teardown(() => started.close())
  const { url } = started
  return { ...lab, served: directory, url, repository: `${url}/fabrikam/welcome.git` }
}

/** A request with no length and no end: git http-backend waits for more, if it wants it, until it is told to stop. */
function askWithoutEnd(repository: string): ClientRequest {
  const asked = request(`${repository}/git-upload-pack`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-git-upload-pack-request' },
  }).on('error', () => {})
  asked.write('0014command=ls-refs\n')
  return asked
}

t.test('git clones, pushes big packs in chunks, and fetches', async t => {
  const { must, directory, repository, served, wire } = await upstream(t)
  await must(['clone', repository, 'one'])
  await must(['clone', repository, 'two'])

  const one = join(directory, 'one')
  writeFileSync(join(one, 'big'), randomBytes(5_000_000))
  await must(['add', 'big'], { cwd: one })
  await must(['commit', '--message=big'], { cwd: one })
  await must(['push'], { cwd: one, env: wire.env })
  t.ok(/Transfer-Encoding: chunked/i.test(wire.seen()), 'the push went in chunks')

  await must(['pull'], { cwd: join(directory, 'two') })
  await must(['fsck', '--full'], { cwd: join(served, 'fabrikam/welcome.git') })
})

for (const version of ['0', '2']) {
  t.test(`git clones shallowly in protocol version ${version}`, async t => {
    const { must, repository, wire } = await upstream(t)
    await must(['clone', '--depth=1', repository, 'shallow'], {
      config: { 'protocol.version': version },
      env: wire.env,
    })
    t.equal(wire.seen().includes('< version 2'), version === '2')
  })
}

t.test('git fetches with a gzipped request', async t => {
  const { must, directory, repository, wire } = await upstream(t)
  const [one, two] = [join(directory, 'one'), join(directory, 'two')]
  await must(['clone', repository, one])
  await must(['clone', repository, two])
  await must(['commit', '--allow-empty', '--message=theirs'], { cwd: one })
  await must(['push'], { cwd: one })
  // What git tells of its own commits is gzipped above a kilobyte.
  for (let n = 0; n < 64; n++) await must(['commit', '--allow-empty', `--message=mine ${n}`], { cwd: two })

  await must(['fetch'], { cwd: two, env: wire.env })
  t.ok(/=> Send header: Content-Encoding: gzip/i.test(wire.seen()), 'the request was gzipped')
  t.equal(await must(['log', '-1', '--format=%s', 'origin/main'], { cwd: two }), 'theirs\n')
})

t.test('a repository that is not there is 404', async t => {
  const { url } = await upstream(t)
  t.equal((await fetch(`${url}/fabrikam/nothing.git/info/refs?service=git-upload-pack`)).status, 404)
})

t.test('a path that leads out of the served folder is not followed', async t => {
  const { url, git, directory } = await upstream(t)
  await git(['init', '--bare', join(directory, 'secret.git')])
  const path = '/fabrikam/..%2f..%2fsecret.git/info/refs?service=git-upload-pack'
  // git's own refusal of an address with `..` in it.
  t.equal((await fetch(`${url}${path}`)).status, 500)
})

t.test('every other path shows who the request says it is from, but no password', async t => {
  const { url } = await upstream(t)
  const answer = await fetch(`${url}/fabrikam/hello?x=1`, {
    headers: {
      'x-forwarded-user': 'anna@example.com',
      'x-altgate-scope': 'msa',
      authorization: 'Basic canary',
    },
  })
  const text = await answer.text()
  t.equal(answer.headers.get('content-type'), 'text/plain; charset=utf-8')
  t.match(text, 'GET /fabrikam/hello?x=1\n')
  t.match(text, 'x-forwarded-user: anna@example.com\n')
  t.match(text, 'x-altgate-scope: msa\n')
  t.match(text, 'authorization: [not shown]')
  t.notMatch(text, 'canary')
})

t.test('a broken escape in an address does not stop the upstream', async t => {
  const { url } = await upstream(t)
  t.equal((await fetch(`${url}/%zz.git/info/refs`)).status, 200)
})

t.test('a client that goes away takes git with it', async t => {
  const { repository } = await upstream(t)
  const asked = askWithoutEnd(repository)
  await until(async () => (await backends()) > 0)
  asked.destroy()
  await until(async () => (await backends()) === 0)
  t.pass('no git http-backend is left')
})

t.test('what git says before it has read everything arrives', async t => {
  const { url } = await upstream(t)
  for (let turn = 0; turn < 20; turn += 1) {
    const asked = askWithoutEnd(`${url}/fabrikam/nothing.git`)
    const [{ statusCode }] = (await once(asked, 'response')) as [IncomingMessage] // what `response` is documented to give
    t.equal(statusCode, 404)
    asked.destroy()
  }
})

t.test('a port that is taken is told in one sentence', async t => {
  const other = createServer().listen(0, '127.0.0.1')
  t.teardown(() => other.close())
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  await t.rejects(
    startGitUpstream({ directory: '.', host: '127.0.0.1', port }),
    new DemoCannotStart(
      `The demo upstream needs port ${port}, which is already in use. Free it, or set another demo.upstreamPort.`,
    ),
  )
})

/** How many git-http-backend processes this test process has. */
async function backends(): Promise<number> {
  const { stdout } = await run('ps', ['--no-headers', '-o', 'args', '--ppid', String(process.pid)])
  return stdout.split('\n').filter(line => line.includes('git-http-backend')).length
}
