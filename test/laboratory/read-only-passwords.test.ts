import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startApache } from '../support/apache.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { anna, runningServer } from '../support/public-server.ts'
import { run } from '../support/run.ts'
import { aGenerated, aWorld } from '../support/world.ts'
import { cloned, setTheStage } from './setting.ts'

const reader = aGenerated({ name: 'mirror', readOnly: true })
const credentials = [{ ...anna, generated: [reader] }]

/** A clone with a commit that has not been pushed, and the read-only password in git's helper. */
async function withACommit(t: Test, file: string) {
  const setting = await setTheStage(t, { credentials })
  const { lab } = setting
  const clone = await cloned(setting)
  await lab.must(['lfs', 'install', '--local'], { cwd: clone })
  await lab.must(['lfs', 'track', '*.bin'], { cwd: clone })
  writeFileSync(join(clone, file), randomBytes(100_000))
  await lab.must(['add', '.'], { cwd: clone })
  await lab.must(['commit', '--quiet', '--message=one more'], { cwd: clone })
  lab.setCredential(anna.username, reader.password)
  lab.forget()
  return { ...setting, clone }
}

t.test('git clones and fetches with a read-only password, in both protocols', async t => {
  const setting = await withACommit(t, 'a.txt')
  for (const version of ['0', '2']) {
    const options = { config: { 'protocol.version': version } }
    const clone = await setting.lab.git(['clone', '--quiet', setting.remote, `clone${version}`], options)
    t.equal(clone.code, 0, clone.stderr)
    const cwd = join(setting.lab.directory, `clone${version}`)
    const fetch = await setting.lab.git(['fetch', '--quiet'], { cwd, ...options })
    t.equal(fetch.code, 0, fetch.stderr)
  }
  t.notMatch(setting.world.outcomes(), 'read-only')
})

t.test('git says that a read-only password may not push, and keeps it', async t => {
  const { lab, clone, upstream } = await withACommit(t, 'a.txt')
  const { code, stderr } = await lab.git(['push', '--no-verify', 'origin', 'HEAD:main'], { cwd: clone })
  t.equal(code, 128)
  t.match(stderr, 'remote: Your password "mirror" is read-only,')
  t.match(stderr, 'Nothing was changed.')
  t.match(stderr, '\nremote: https://git.example.com/_altgate/?account=fabrikam\n')
  t.match(stderr, /\nremote: Reference: [0-9a-f]{24}\n/)
  t.notOk(upstream.asked().includes('POST /git-receive-pack'))
  t.equal(lab.helperActions(), 'get', 'neither stored nor erased')
})

t.test('git-lfs says the same of an upload, and downloads', async t => {
  const { lab, clone, remote, upstream, world } = await withACommit(t, 'large.bin')
  const push = await lab.git(['lfs', 'push', '--all', 'origin'], { cwd: clone })
  t.not(push.code, 0)
  t.match(push.stderr, 'Your password "mirror" is read-only')
  t.notOk(upstream.asked().some(each => each.startsWith('PUT ')))
  t.notMatch(lab.helperActions(), 'erase')

  lab.setCredential(anna.username, anna.password)
  await lab.must(['push', '--quiet', 'origin', 'HEAD:main'], { cwd: clone })
  lab.setCredential(anna.username, reader.password)
  const seen = world.seen.length
  await lab.must(['clone', '--quiet', '--branch=main', remote, 'other'])
  const other = join(lab.directory, 'other')
  await lab.must(['lfs', 'install', '--local'], { cwd: other })
  await lab.must(['lfs', 'pull'], { cwd: other })
  t.ok(readFileSync(join(other, 'large.bin')).equals(readFileSync(join(clone, 'large.bin'))))
  t.notOk(world.seen.slice(seen).some(({ decision }) => decision.outcome === 'read-only'))
})

t.test(
  'svn checks out and updates with a read-only password, and cannot commit, lock or make folders',
  async t => {
    const apache = await startApache(t, ['fabrikam'])
    const world = aWorld({ accounts: [{ name: 'fabrikam', upstream: apache.url }], credentials })
    const server = await runningServer(t, { upstream: apache.url, world })
    const directory = temporaryDirectory(t)
    const url = `${server.url}/fabrikam/svn`
    const svn = (password: string, ...words: string[]) => {
      const who = [
        '--username',
        anna.username,
        '--password',
        password,
        '--no-auth-cache',
        '--non-interactive',
      ]
      return run('svn', [...words, ...who, '--config-dir', join(directory, 'config')], { cwd: directory })
    }
    t.equal((await svn(anna.password, 'mkdir', '-m', 'layout', `${url}/trunk`)).code, 0)
    const checkout = await svn(reader.password, 'checkout', `${url}/trunk`, 'wc')
    t.equal(checkout.code, 0, checkout.stderr)
    for (const words of [
      ['update', 'wc'],
      ['log', 'wc'],
      ['ls', url],
      ['info', url],
      ['status', '-u', 'wc'],
    ]) {
      const { code, stderr } = await svn(reader.password, ...words)
      t.equal(code, 0, `${words.join(' ')}: ${stderr}`)
    }
    writeFileSync(join(directory, 'wc/a.txt'), 'one\n')
    await svn(reader.password, 'add', 'wc/a.txt')
    for (const words of [
      ['commit', '-m', 'a file', 'wc'],
      ['mkdir', '-m', 'a folder', `${url}/branches`],
      ['delete', '-m', 'gone', `${url}/trunk`],
      ['copy', '-m', 'a copy', `${url}/trunk`, `${url}/other`],
      ['propset', '--revprop', '-r', '1', 'svn:log', 'x', url],
    ]) {
      const { code, stderr } = await svn(reader.password, ...words)
      t.not(code, 0, words.join(' '))
      t.match(stderr, /403|forbidden/i, words.join(' '))
    }
    t.equal((await svn(anna.password, 'ls', url)).stdout, 'trunk/\n', 'nothing was changed')
  },
)
