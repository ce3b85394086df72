import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { startGitUpstream } from '../../src/demo/git-upstream.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { gitLab } from '../support/git.ts'
import { anna, basic, runningServer } from '../support/public-server.ts'
import { rawRequest } from '../support/raw-request.ts'
import { aWorld, entra, msa } from '../support/world.ts'

// An unannounced end of a bridge would surprise users, so every push says it where git shows it: on the band for
// messages, before the upstream's own report.

const bridgedUntil = Date.UTC(2096, 10, 24, 17, 30)
const boris = { username: 'boris@example.com', password: 'battery staple' }
const iso = '2096-11-24T17:30:00.000Z'

/** Anna is linked to Contoso, where the account has moved by a bridge; Boris has a credential there. */
async function aBridge(t: Test, upstream: string) {
  const contoso = entra('Contoso')
  const world = aWorld({
    accounts: [
      {
        name: 'fabrikam',
        connection: contoso,
        former: { connection: msa, leftAt: 1000, bridgedUntil },
        upstream,
      },
    ],
    credentials: [
      { ...anna, linked: true },
      { ...boris, connection: contoso },
    ],
  })
  return await runningServer(t, { upstream, world })
}

/** An upstream that says the same to every request. */
async function anUpstream(t: Test, headers: Readonly<Record<string, string>>, body: string | Buffer) {
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(200, headers).end(body))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const report = 'application/x-git-receive-pack-result'

function pushBody(capabilities: string): string {
  const zero = '0'.repeat(40)
  const line = `${zero} ${'1'.repeat(40)} refs/heads/main\0 ${capabilities}`
  return `${(line.length + 4).toString(16).padStart(4, '0')}${line}0000PACK`
}

t.test('every push that a bridge allows says until when, and what to do', async t => {
  const repositories = temporaryDirectory(t)
  const upstream = await startGitUpstream({ directory: repositories, host: '127.0.0.1', port: 0 })
  t.teardown(() => upstream.close())
  const server = await aBridge(t, upstream.url)
  const lab = gitLab(t)
  lab.setCredential(anna.username, anna.password)
  await lab.must(['init', '--quiet', '--bare', join(repositories, 'fabrikam/r.git')])
  await lab.must(['clone', '--quiet', `${server.url}/fabrikam/r.git`, 'r'])
  const cwd = join(lab.directory, 'r')
  const commitAndPush = async (message: string, config: Readonly<Record<string, string>> = {}) => {
    await lab.must(['commit', '--quiet', '--allow-empty', '-m', message], { cwd })
    return await lab.git(['push', 'origin', 'HEAD:main'], { cwd, config })
  }

  for (const [message, config] of [
    ['one', {}],
    ['two', { 'http.postBuffer': '1000' }], // asks first with an empty push, then sends in chunks
  ] as const) {
    const { code, stderr } = await commitAndPush(message, config)
    t.equal(code, 0, message)
    t.match(stderr, /^remote: The account "fabrikam" has moved\. Your old credentials work here until *$/m)
    t.match(stderr, /^remote: 2096-11-24 17:30 UTC\. Set new ones on this page before then: *$/m)
    t.match(stderr, /^remote: +https:\/\/git\.example\.com\/_altgate\/\?account=fabrikam *$/m)
    t.match(stderr, /HEAD -> main$/m, 'the report of the upstream has arrived')
  }

  lab.setCredential(boris.username, boris.password)
  const { code, stderr } = await commitAndPush('three')
  t.equal(code, 0)
  t.notMatch(stderr, 'has moved', 'a user with a new credential gets no notice')
  t.match(server.world.seen.at(-1)?.decision, { outcome: 'allow', username: boris.username })
})

t.test('the notice comes before the report, which stays byte for byte', async t => {
  const body = '000eunpack ok\n0000'
  for (const headers of [{ 'Content-Length': String(body.length) }, {}]) {
    const server = await aBridge(t, await anUpstream(t, { 'Content-Type': report, ...headers }, body))
    const answered = await fetch(`${server.url}/fabrikam/r.git/git-receive-pack`, {
      method: 'POST',
      headers: { Authorization: basic() },
      body: pushBody('report-status side-band-64k agent=git/2.50'),
    })
    t.equal(answered.headers.get('x-altgate-bridge-until'), iso)
    const text = await answered.text()
    const length = Number.parseInt(text.slice(0, 4), 16)
    t.equal(text.slice(4, 5), '\x02')
    t.match(text.slice(5, length), /^The account "fabrikam" has moved\. .*\n$/s)
    t.equal(text.slice(length), body)
  }
})

t.test('a push without a body ends', async t => {
  const server = await aBridge(t, await anUpstream(t, { 'Content-Type': report }, '0000'))
  const lines = ['POST /fabrikam/r.git/git-receive-pack HTTP/1.1', 'Host: h', `Authorization: ${basic()}`]
  const answer = await rawRequest(server.port, `${lines.join('\r\n')}\r\nConnection: close\r\n\r\n`)
  t.match(answer, /^HTTP\/1\.1 200 .*0000/s)
})

t.test('no notice is added where the answer would become unreadable', async t => {
  const plain = pushBody('report-status side-band-64k')
  const silent = [
    [
      'a client that did not ask for the band',
      { 'Content-Type': report },
      pushBody('report-status side-band'),
    ],
    ['an answer that is compressed', { 'Content-Type': report, 'Content-Encoding': 'gzip' }, plain],
    ['an answer that is no report', { 'Content-Type': 'text/plain' }, plain],
    ['a push that begins with nothing', { 'Content-Type': report }, '0000'],
  ] as const
  for (const [what, headers, push] of silent) {
    const body = 'Content-Encoding' in headers ? gzipSync('as it is') : 'as it is'
    const server = await aBridge(t, await anUpstream(t, headers, body))
    const answered = await fetch(`${server.url}/fabrikam/r.git/git-receive-pack`, {
      method: 'POST',
      headers: { Authorization: basic() },
      body: push,
    })
    t.equal(await answered.text(), 'as it is', what)
    t.equal(answered.headers.get('x-altgate-bridge-until'), iso, 'the header says it all the same')
  }
})

t.test('an upstream cannot set the end of a bridge', async t => {
  const server = await aBridge(t, await anUpstream(t, { 'X-Altgate-Bridge-Until': 'for ever' }, 'x'))
  const ask = (who: Parameters<typeof basic>[0]) =>
    fetch(`${server.url}/fabrikam/x`, { headers: { Authorization: basic(who) } })
  t.equal((await ask(anna)).headers.get('x-altgate-bridge-until'), iso)
  t.equal((await ask(boris)).headers.get('x-altgate-bridge-until'), null)
})
