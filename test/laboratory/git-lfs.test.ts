import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { gitLab } from '../support/git.ts'
import { anna, runningServer } from '../support/public-server.ts'
import { aWorld, entra, msa, type CredentialInTheWorld } from '../support/world.ts'
import * as faults from './faults.ts'
import { cloned, setTheStage } from './setting.ts'
import { laboratoryUpstream, repositoryPath } from './upstream.ts'

/** A clone with one large file in a commit that has not been pushed. */
async function withALargeFile(t: Test, credentials?: readonly CredentialInTheWorld[]) {
  const setting = await setTheStage(t, credentials && { credentials })
  const { lab } = setting
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
  return { ...setting, clone, bytes, before: setting.world.seen.length }
}

t.test('git-lfs uploads an object and downloads it again', async t => {
  const { lab, remote, clone, bytes, upstream, world } = await withALargeFile(t)
  await lab.must(['push', '--quiet'], { cwd: clone })
  t.ok(upstream.asked().some(each => each.startsWith('PUT /info/lfs/objects/')))
  t.notMatch(lab.helperActions(), 'erase')

  await lab.must(['clone', '--quiet', remote, 'other'])
  const other = join(lab.directory, 'other')
  await lab.must(['lfs', 'install', '--local'], { cwd: other })
  await lab.must(['lfs', 'pull'], { cwd: other })
  t.ok(readFileSync(join(other, 'large.bin')).equals(bytes))
  t.notMatch(world.outcomes(), /refused|garbled/)
  for (const each of upstream.requests) t.strictSame(each.values('Authorization'), [])
})

t.test('git-lfs with a wrong password from a store that forgets it asks a few times, and ends', async t => {
  const { lab, clone, remote, world, before } = await withALargeFile(t)
  const store = join(lab.directory, 'store')
  const line = `${new URL(remote).origin.replace('://', '://anna%40example.com:wrong@')}\n`
  writeFileSync(store, line)
  const home = { GIT_CONFIG_GLOBAL: join(lab.directory, 'settings') }
  writeFileSync(home.GIT_CONFIG_GLOBAL, `[credential]\n\thelper = store --file=${store}\n`)
  const { code } = await lab.git(['lfs', 'push', '--all', 'origin'], { cwd: clone, env: home })
  t.not(code, 0)
  t.equal(readFileSync(store, 'utf8'), '', 'the wrong password is gone')
  t.ok(world.seen.length - before <= 6, `${world.seen.length - before} requests`)
})

t.test(
  'git-lfs with a helper that always gives the same wrong password is stopped, and has it kept',
  async t => {
    const { lab, clone, world, before } = await withALargeFile(t)
    lab.setCredential(anna.username, 'wrong')
    const { code, stderr } = await lab.git(['lfs', 'push', '--all', 'origin'], { cwd: clone })
    t.not(code, 0)
    t.match(stderr, /^batch response: Too many attempts\. .+\nReference: [0-9a-f]{24}$/m)
    t.match(world.seen.at(-1)?.decision, { outcome: 'throttled', by: 'repetition' })
    t.ok(world.seen.length - before <= 40, `${world.seen.length - before} requests`)
    t.equal(world.hashes(), 2, 'one for the clone, one for this')
  },
)

t.test('git-lfs with a credential that is switched off ends at once, and keeps it', async t => {
  const bob = { username: 'bob@example.com', password: 'switched off', enabled: false }
  const { lab, clone, world, before } = await withALargeFile(t, [anna, bob])
  lab.setCredential(bob.username, bob.password)
  const { code, stderr } = await lab.git(['lfs', 'push', '--all', 'origin'], { cwd: clone })
  t.not(code, 0)
  t.match(stderr, /^batch response: .+ these alternate credentials are switched off\. .+\nReference: \w+$/m)
  t.notMatch(lab.helperActions(), 'erase')
  t.ok(world.seen.length - before <= 8, `${world.seen.length - before} requests`)
})

t.test('git-lfs with the password of before a move ends, and is told where to set another one', async t => {
  const upstream = await laboratoryUpstream(t)
  const former = { connection: msa, leftAt: Date.UTC(2026, 10, 20) }
  const account = { name: 'fabrikam', connection: entra('Fabrikam Inc'), former, upstream: upstream.url }
  const throttle = { anonymous: { requests: 20, requestsInAll: 1000, windowSeconds: 60 } }
  const world = aWorld({ accounts: [account], credentials: [anna], throttle })
  const { url } = await runningServer(t, { upstream: upstream.url, world })
  const lab = gitLab(t)
  lab.setCredential(anna.username, anna.password)
  const repository = join(lab.directory, 'repository')
  await lab.must(['init', '--quiet', repository])
  writeFileSync(join(repository, 'large.bin'), randomBytes(1000))
  for (const command of [
    ['remote', 'add', 'origin', url + repositoryPath],
    ['lfs', 'install', '--local'],
    ['lfs', 'track', '*.bin'],
    ['add', '.'],
    ['commit', '--quiet', '--message=large'],
  ]) {
    await lab.must(command, { cwd: repository })
  }
  const { code, stderr } = await lab.git(['lfs', 'push', '--all', 'origin'], { cwd: repository })
  t.not(code, 0)
  t.match(stderr, /^batch response: Reset needed: the account "fabrikam" has moved\. /m)
  t.match(stderr, /^https:\/\/git\.example\.com\/_altgate\/\?account=fabrikam$/m)
  t.match(world.seen.at(-1)?.decision, { outcome: 'reset-needed', tooOften: true })
  t.ok(world.seen.length <= 60, `${world.seen.length} requests`)
})

t.test('git-lfs at an account that is not there says so', async t => {
  const { lab, server, clone } = await withALargeFile(t)
  const other = `${server.url}/wingtip/welcome.git`
  const { code, stderr } = await lab.git(['lfs', 'push', '--all', other], { cwd: clone })
  t.not(code, 0)
  t.match(stderr, /^batch response: There is no such account here\. Check the address\.\nReference: \w+$/m)
})

for (const [what, fault, told] of [
  ['asks for a password', faults.asksForAPassword, "rejected the gateway's authentication"],
  ['shows a page with 203', faults.showsAPage(203), 'returned a web page'],
] as const) {
  t.test(`git-lfs before an upstream that ${what} ends, and keeps its password`, async t => {
    const { lab, clone, upstream } = await withALargeFile(t)
    const asked = upstream.requests.length
    upstream.fail(fault)
    const config = { 'lfs.transfer.maxretries': '1' }
    const { code, stderr } = await lab.git(['lfs', 'push', '--all', 'origin'], { cwd: clone, config })
    t.not(code, 0)
    t.match(
      stderr,
      `The service behind this gateway ${told}. Your credentials are right. You don't need to change them.\nReference: `,
    )
    t.notMatch(lab.helperActions(), 'erase')
    t.ok(upstream.requests.length - asked <= 4, `${upstream.requests.length - asked} requests`)
  })
}
