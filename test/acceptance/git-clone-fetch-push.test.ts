import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startAltgate } from '../support/altgate.ts'
import { gitLab } from '../support/git.ts'
import { run, succeeded } from '../support/run.ts'
import { startUpstream } from '../support/upstream.ts'

const versions = ['0', '2'] as const
/** Each test has an account of its own. */
const accounts = ['pushed', ...versions.flatMap(version => [`gzipped-${version}`, `shallow-${version}`])]
const upstream = await startUpstream(t, accounts)
const altgate = await startAltgate(t)
await altgate.arrange({
  accounts: Object.fromEntries(accounts.map(name => [name, upstream.url])),
  passwords: { 'anna@example.com': 'first-secret' },
})

/** Git in front of a gateway that lets anna through, with `welcome` of the account cloned into `clone`. */
async function world(t: Test, account: string) {
  const lab = gitLab(t)
  lab.setCredential('anna@example.com', 'first-secret')
  const address = `${altgate.url}/${account}/welcome.git`
  const clone = join(lab.directory, 'clone')
  await lab.must(['clone', address, clone])
  await lab.must(['fsck', '--full'], { cwd: clone })
  return { ...lab, address, clone, bare: upstream.repository(account) }
}

t.test('a push of 40 MB arrives whole, though git buffers one', async t => {
  const { must, clone, bare, helperActions, forget, wire } = await world(t, 'pushed')
  // Random bytes do not compress, and must not cost the time of trying.
  const config = { 'core.compression': '0', 'core.bigFileThreshold': '1m', 'http.postBuffer': '1048576' }
  for (const name of ['one', 'two']) writeFileSync(join(clone, name), randomBytes(20_000_000))
  await must(['add', '.'], { cwd: clone, config })
  await must(['commit', '--message=40 MB'], { cwd: clone, config })
  // The server keeps the pack as it comes: to take it apart takes a third of this file's time.
  for (const [name, value] of Object.entries({ 'receive.unpackLimit': '1', 'core.bigFileThreshold': '1m' }))
    await must(['-C', bare, 'config', name, value])

  forget()
  await must(['push'], { cwd: clone, config, env: wire.env })
  t.ok(/=> Send header: Transfer-Encoding: chunked/i.test(wire.seen()), 'the push went in chunks')
  t.equal(helperActions(), 'get store')
  await must(['-C', bare, 'fsck', '--full'])
  t.equal(await must(['-C', bare, 'rev-parse', 'main']), await must(['-C', clone, 'rev-parse', 'main']))
})

/** As many empty commits on `main`, for `git fast-import`. */
function commits(count: number): string {
  const when = Math.floor(Date.now() / 1000)
  const commit = (n: number) => {
    const message = `mine ${n}`
    const head = `commit refs/heads/main\ncommitter Anna <anna@example.com> ${when} +0000`
    return `${head}\ndata ${message.length}\n${message}\n${n === 0 ? 'from refs/heads/main^0\n' : ''}`
  }
  return Array.from({ length: count }, (_, n) => commit(n)).join('')
}

for (const version of versions) {
  const config = { 'protocol.version': version }

  t.test(`a fetch with many local commits gzips its request (protocol version ${version})`, async t => {
    const { must, env, address, clone, directory, helperActions, forget, wire } = await world(
      t,
      `gzipped-${version}`,
    )
    const other = join(directory, 'other')
    await must(['clone', address, other])
    await must(['commit', '--allow-empty', '--message=theirs'], { cwd: other })
    await must(['push'], { cwd: other })
    // By one process, and not by one for each.
    const made = await run('git', ['fast-import', '--quiet'], { cwd: clone, env, stdin: commits(64) })
    succeeded('git fast-import', made)

    forget()
    await must(['fetch'], { cwd: clone, config, env: wire.env })
    t.ok(/=> Send header: Content-Encoding: gzip/i.test(wire.seen()), 'the request was gzipped')
    t.equal(helperActions(), 'get store')
    t.equal(await must(['log', '-1', '--format=%s', 'origin/main'], { cwd: clone }), 'theirs\n')
  })

  t.test(`a shallow clone has one commit (protocol version ${version})`, async t => {
    const { must, address, clone, directory, helperActions, forget, wire } = await world(
      t,
      `shallow-${version}`,
    )
    await must(['commit', '--allow-empty', '--message=second'], { cwd: clone })
    await must(['push'], { cwd: clone })

    forget()
    await must(['clone', '--depth=1', address, 'shallow'], { config, env: wire.env })
    t.equal(wire.seen().includes('< version 2'), version === '2')
    t.equal(helperActions(), 'get store')
    t.equal(await must(['log', '--format=%s'], { cwd: join(directory, 'shallow') }), 'second\n')
  })
}
