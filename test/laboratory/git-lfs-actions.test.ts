import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { LargeFilesOptions } from './large-files.ts'
import { cloned, setTheStage } from './setting.ts'

/** A loop would go on for ever; nothing here takes three seconds. */
const limit = { timeout: 30_000 }

/** Pushes a large file to a server of this kind and gets it again; says what was asked. */
async function thereAndBack(t: Test, largeFiles: LargeFilesOptions) {
  const setting = await setTheStage(t, { largeFiles })
  const { lab, world, upstream } = setting
  const clone = await cloned(setting)
  const bytes = randomBytes(300_000)
  writeFileSync(join(clone, 'large.bin'), bytes)
  for (const command of [
    ['lfs', 'install', '--local'],
    ['lfs', 'track', '*.bin'],
    ['add', '.'],
    ['commit', '--quiet', '--message=large'],
  ]) {
    await lab.must(command, { cwd: clone })
  }
  lab.forget()
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
