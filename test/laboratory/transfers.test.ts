import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { slowLine } from '../support/slow-line.ts'
import * as faults from './faults.ts'
import { cloned, setTheStage, type Setting } from './setting.ts'

const megabyte = 1024 * 1024

/** Commits a file of random bytes, which do not compress, and pushes it. */
async function pushed({ lab }: Setting, clone: string, bytes: number, config: Record<string, string> = {}) {
  writeFileSync(join(clone, 'random'), randomBytes(bytes))
  const quick = { 'core.compression': '0', ...config }
  await lab.must(['add', 'random'], { cwd: clone, config: quick })
  await lab.must(['commit', '--quiet', '--message=random'], { cwd: clone, config: quick })
  lab.forget()
  return lab.git(['push'], { cwd: clone, config: quick, env: lab.wire.env })
}

t.test('a large push: the probe of four bytes arrives, then chunks, and all of the pack', async t => {
  const setting = await setTheStage(t)
  const { lab, upstream } = setting
  const clone = await cloned(setting)
  const { code, stderr } = await pushed(setting, clone, 3 * megabyte)
  t.equal(code, 0, stderr)
  const [probe, push] = upstream.requests.slice(-2)
  t.equal(probe?.body.toString(), '0000')
  t.strictSame(probe?.values('Content-Length'), ['4'])
  t.strictSame(push?.values('Transfer-Encoding'), ['chunked'])
  t.strictSame(push?.values('Content-Length'), [])
  await lab.must(['-C', upstream.repository, 'fsck', '--full'])
  t.equal(lab.helperActions(), 'get store')
})

t.test('a push that waits for 100 Continue is not kept waiting', async t => {
  const setting = await setTheStage(t)
  const { lab, upstream } = setting
  const clone = await cloned(setting)
  const config = { 'http.extraHeader': 'Expect: 100-continue' }
  const { code, stderr } = await pushed(setting, clone, 3 * megabyte, config)
  t.equal(code, 0, stderr)
  t.match(lab.wire.seen(), '<= Recv header: HTTP/1.1 100 Continue')
  t.strictSame(upstream.last().values('Expect'), [], 'the gateway has answered it')
  await lab.must(['-C', upstream.repository, 'fsck', '--full'])
})

for (const version of ['0', '2']) {
  const config = { 'protocol.version': version }

  t.test(`a clone asks no more than it must (protocol version ${version})`, async t => {
    const { lab, remote, world, upstream, connections } = await setTheStage(t)
    await lab.must(['clone', '--quiet', remote, 'clone'], { config })
    await lab.must(['-C', 'clone', 'fsck', '--full'])
    t.equal(connections(), 1)
    t.equal(world.outcomes(), version === '2' ? 'challenge allow allow allow' : 'challenge allow allow')
    t.strictSame(upstream.requests[0]?.values('Git-Protocol'), version === '2' ? ['version=2'] : [])
  })

  t.test(`what a fetch has to tell arrives gzipped (protocol version ${version})`, async t => {
    const setting = await setTheStage(t)
    const { lab, upstream } = setting
    const [clone, other] = [await cloned(setting), await cloned(setting, 'other')]
    await lab.must(['commit', '--quiet', '--allow-empty', '--message=theirs'], { cwd: other })
    await lab.must(['push', '--quiet'], { cwd: other })
    for (let n = 0; n < 64; n++) {
      await lab.must(['commit', '--quiet', '--allow-empty', `--message=mine ${n}`], { cwd: clone })
    }
    await lab.must(['fetch'], { cwd: clone, config })
    const gzipped = upstream.requests.filter(each => each.values('Content-Encoding').includes('gzip'))
    t.ok(gzipped.length > 0)
    for (const each of gzipped) {
      t.equal(each.body.toString('hex', 0, 2), '1f8b')
      t.strictSame(each.values('Content-Length'), [String(each.body.length)], 'not a byte more or less')
    }
  })
}

t.test('what git says of itself arrives; the password does not', async t => {
  const { lab, remote, upstream } = await setTheStage(t)
  const env = { LANGUAGE: 'de:fr', GIT_USER_AGENT: 'git/0 (a laboratory)' }
  await lab.must(['ls-remote', remote], { env })
  t.equal(upstream.requests.length, 2)
  for (const each of upstream.requests) {
    t.strictSame(each.values('User-Agent'), ['git/0 (a laboratory)'])
    t.strictSame(each.values('Git-Protocol'), ['version=2'])
    t.match(each.values('Accept-Encoding').join(), 'gzip')
    t.strictSame(each.values('Authorization'), [])
    t.strictSame(each.values('X-Forwarded-User'), ['anna@example.com'])
    t.strictSame(each.values('X-TFS-FedAuthRedirect'), ['Suppress'])
  }
  t.match(upstream.requests[0]?.values('Accept-Language').join(), /^de, fr;q=/)
})

for (const [what, fault, status] of [
  ['in maintenance', faults.isInMaintenance, 503],
  ['no longer content with the gateway', faults.asksForAPassword, 502],
] as const) {
  t.test(`a push of 20 MB to an upstream that is ${what}, over a slow line, ends with ${status}`, async t => {
    const setting = await setTheStage(t)
    const { lab, remote, upstream } = setting
    const clone = await cloned(setting)
    const line = await slowLine(t, remote, 50)
    await lab.must(['remote', 'set-url', 'origin', line.url], { cwd: clone })
    upstream.fail(fault, ({ headers }) => headers['transfer-encoding'] === 'chunked')
    const { code, stderr } = await pushed(setting, clone, 20 * megabyte)
    t.not(code, 0)
    t.match(stderr, `error: RPC failed; HTTP ${status} `)
    t.equal(lab.helperActions(), 'get store')
  })
}
