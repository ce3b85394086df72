import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { basic } from '../support/public-server.ts'
import { until } from '../support/until.ts'
import type { LargeFilesOptions } from './large-files.ts'
import { cloned, setTheStage, type Setting } from './setting.ts'

/** A loop would go on for ever; nothing here takes ten seconds, but on a busy machine. */
const limit = { timeout: 200_000 }

/** A clone with a large file in a commit that has not been pushed. */
async function withALargeFile(setting: Setting, bytes = randomBytes(30_000)): Promise<string> {
  const clone = await cloned(setting)
  writeFileSync(join(clone, 'large.bin'), bytes)
  for (const command of [
    ['lfs', 'install', '--local'],
    ['lfs', 'track', '*.bin'],
    ['add', '.'],
    ['commit', '--quiet', '--message=large'],
  ]) {
    await setting.lab.must(command, { cwd: clone })
  }
  setting.lab.forget()
  return clone
}

/** Pushes a large file to a server of this kind and gets it again; says what was asked. */
async function thereAndBack(t: Test, largeFiles: LargeFilesOptions) {
  const setting = await setTheStage(t, { largeFiles })
  const { lab, world, upstream } = setting
  const bytes = randomBytes(300_000)
  const clone = await withALargeFile(setting, bytes)
  await lab.must(['push', '--quiet'], { cwd: clone })

  await lab.must(['clone', '--quiet', setting.remote, 'other'])
  const other = join(lab.directory, 'other')
  await lab.must(['lfs', 'install', '--local'], { cwd: other })
  await lab.must(['lfs', 'pull'], { cwd: other })
  t.ok(readFileSync(join(other, 'large.bin')).equals(bytes), 'it is the same file')
  t.notMatch(lab.helperActions(), 'erase')
  t.ok(world.seen.length < 40, `${world.seen.length} requests`)
  t.notMatch(world.outcomes(), /refused|garbled|throttled/)
  const objects = upstream.requests.filter(({ url }) => /\/objects\/(?!batch)/.test(url))
  return { ...setting, objects }
}

t.test('git-lfs presents its credential where the server says that it needs none', limit, async t => {
  const { objects, world } = await thereAndBack(t, { authenticated: true, verify: true })
  t.strictSame(
    objects.map(({ method }) => method),
    ['PUT', 'POST', 'GET'],
  )
  t.equal(world.hashes(), 1)
})

for (const [scheme, authorization] of [
  ['Basic', 'Basic Z2l0OmEtdG9rZW4='],
  ['RemoteAuth', 'RemoteAuth an.opaque+token='],
  ['Bearer', 'Bearer a.b.c'],
] as const) {
  t.test(`an LFS server gets the ${scheme} token back that it gave out`, limit, async t => {
    const { objects } = await thereAndBack(t, { authenticated: true, verify: true, authorization })
    t.strictSame(
      objects.map(each => [each.method, ...each.values('Authorization')]),
      ['PUT', 'POST', 'GET'].map(method => [method, authorization]),
    )
    for (const each of objects)
      t.notMatch(each.rawHeaders.join(), /upstream-authorization/i, 'and not the header that carried it')
  })
}

t.test(
  'git-lfs that is told its credential by its settings sends one, whatever the server gives out',
  limit,
  async t => {
    const setting = await setTheStage(t, { largeFiles: { authorization: 'Bearer a.b.c', verify: true } })
    const clone = await withALargeFile(setting)
    const config = { 'http.extraHeader': `Authorization: ${basic()}` }
    await setting.lab.must(['push', '--quiet'], { cwd: clone, config })
    const objects = setting.upstream.requests.filter(({ url }) => /\/objects\/(?!batch)/.test(url))
    t.strictSame(
      objects.map(each => [each.method, ...each.values('Authorization')]),
      ['PUT', 'POST'].map(method => [method, 'Bearer a.b.c']),
    )
    t.notMatch(setting.world.outcomes(), /garbled/, 'never two')
  },
)

t.test(
  'git-lfs that is told a wrong credential by its settings prints what the gateway says',
  limit,
  async t => {
    const setting = await setTheStage(t)
    const clone = await withALargeFile(setting)
    const config = { 'http.extraHeader': `Authorization: ${basic({ username: 'anna', password: 'wrong' })}` }
    const { code, stderr } = await setting.lab.git(['lfs', 'push', '--all', 'origin'], { cwd: clone, config })
    t.not(code, 0)
    t.match(stderr, /The user name or the password is wrong\./)
    t.match(stderr, /^https:\/\/git\.example\.com\/_altgate\/\?account=fabrikam$/m)
  },
)

t.test('git-lfs gets a new token where the one that it was given no longer counts', limit, async t => {
  let refusals = 0
  const setting = await setTheStage(t, { largeFiles: { authorization: 'Bearer a.b.c' } })
  const { lab, upstream } = setting
  upstream.fail((request, response, serve) => {
    if (request.method !== 'PUT' || refusals++ > 0) serve()
    else request.resume().on('end', () => response.writeHead(401).end())
  })
  await lab.must(['push', '--quiet'], { cwd: await withALargeFile(setting) })
  t.strictSame(
    upstream
      .asked()
      .filter(each => /objects|PUT/.test(each))
      .map(each => each.replace(/[0-9a-f]{64}/, 'oid')),
    ['POST', 'PUT', 'POST', 'PUT'].map(
      method => `${method} /info/lfs/objects/${method === 'PUT' ? 'oid' : 'batch'}`,
    ),
  )
  t.notMatch(lab.helperActions(), 'erase')
})

t.test('git-lfs finds objects that are said to lie at the address behind the gateway', limit, async t => {
  const { objects } = await thereAndBack(t, {
    address: ({ headers }) => `http://${String(headers.host)}`,
    authorization: 'Basic Z2l0OmEtdG9rZW4=',
  })
  t.equal(objects.length, 2)
  for (const each of objects) t.match(each.values('X-Forwarded-User'), ['anna@example.com'])
})

t.test('a user and a password in the address of an object are for the server', limit, async t => {
  const { objects } = await thereAndBack(t, {
    address: ({ headers }) => `http://oauth2:a%20token@${String(headers['x-forwarded-host'])}`,
  })
  t.strictSame(
    objects.flatMap(each => each.values('Authorization')),
    [`Basic ${btoa('oauth2:a token')}`, `Basic ${btoa('oauth2:a token')}`],
  )
})

t.test('a silent git-lfs loop is stopped, and other clients at its address continue', limit, async t => {
  // The server names the gateway as it calls it itself, so nothing shows that its objects are there.
  const setting = await setTheStage(t, {
    largeFiles: {
      authenticated: true,
      address: ({ headers }) =>
        String(headers['x-forwarded-host']).replace(/^127\.0\.0\.1/, 'http://localhost'),
    },
  })
  const { lab, world, remote } = setting
  const clone = await withALargeFile(setting)
  // It takes every answer about an object for one that another batch may heal; by default eight times, in half a minute.
  const push = lab.git(['push'], { cwd: clone, config: { 'lfs.transfer.maxretries': '1' } })
  await until(() => world.seen.length > 200)
  await lab.must(['clone', '--quiet', remote, 'meanwhile'])
  const { code, stderr } = await push
  t.not(code, 0)
  t.match(stderr, /Too many attempts/)
  t.match(world.seen.findLast(({ ask }) => ask.target.includes('/objects/'))?.decision, {
    outcome: 'throttled',
    by: 'anonymous',
  })
  t.ok(world.seen.length < 1700, `${world.seen.length} requests`)
  t.strictSame(world.tooOften, ['127.0.0.1'])
  t.notMatch(lab.helperActions(), 'erase')
})
