import { existsSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startAltgate } from '../support/altgate.ts'
import { ask } from '../support/ask.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { altgate as run } from '../support/program.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { until } from '../support/until.ts'

const anna = 'anna@example.com'
const path = '/contoso/welcome.git/info/refs'

t.test('the file of the store is taken away while the gateway runs', async t => {
  const altgate = await startAltgate(t)
  const upstream = await recordingUpstream(t)
  const set = ['credential', 'set', '--scope', 'msa', '--user', anna]
  await altgate.arrange({ accounts: { contoso: upstream.url }, passwords: { [anna]: 'the password' } })
  const statusOf = async (password: string) =>
    (await ask(altgate.url + path, { as: [anna, password] })).status
  t.equal(await statusOf('the password'), 200)

  const file = join(altgate.directory, 'altgate.db')
  renameSync(file, `${file}.away`)
  const { code, stdout, stderr } = await altgate.cli(set, { stdin: 'another password\n' })
  t.equal(code, 1)
  t.equal(stdout, '')
  t.match(
    stderr,
    /^altgate: There is no store in .*\. Start the gateway once, or run altgate store init\.[^\n]*\n$/,
  )
  t.equal(existsSync(file), false, 'no command makes one')
  t.equal(await statusOf('the password'), 503, 'what cannot be asked about is not trusted')
  t.equal(await statusOf('a wrong password'), 503, 'and nobody is refused')

  renameSync(`${file}.away`, file)
  await until(async () => (await statusOf('the password')) === 200)
  t.equal(await statusOf('another password'), 401)
})

t.test('a file that is damaged, or empty, ends serve and every command with one sentence', async t => {
  const file = join(temporaryDirectory(t), 'altgate.db')
  const env = { ...process.env, ALTGATE__STORE__URL: `sqlite:${file}`, ALTGATE__OPERATIONS__PORT: '0' }
  for (const [content, sentence] of [
    [
      'not a database, but long enough to be taken for one\n'.repeat(100),
      / is not a database, or is damaged\. /,
    ],
    ['', / is empty: it was truncated\. /],
  ] as const)
    for (const words of [['serve'], ['account', 'list'], ['store', 'init']]) {
      writeFileSync(file, content)
      const { code, stderr } = await run(words, env)
      t.equal(code, 1, words.join(' '))
      t.match(stderr, sentence)
      t.equal(stderr.trimEnd().split('\n').length, 1, stderr)
    }
})

t.test('what lies beside the file, or in its place, is exchanged while the gateway runs', async t => {
  const upstream = await recordingUpstream(t)
  for (const [what, exchange] of [
    ['the index of the log is removed', file => rmSync(`${file}-shm`)],
    ['the log is removed', file => rmSync(`${file}-wal`)],
    ['both are removed', file => ['wal', 'shm'].forEach(end => rmSync(`${file}-${end}`))],
    ['a folder stands in its place', file => (renameSync(file, `${file}.away`), mkdirSync(file))],
    [
      'a link to where it went stands in its place',
      file => (renameSync(file, `${file}.away`), symlinkSync(`${file}.away`, file)),
    ],
  ] satisfies [string, (file: string) => void][])
    await t.test(what, async t => {
      const altgate = await startAltgate(t)
      const set = ['credential', 'set', '--scope', 'msa', '--user', anna]
      await altgate.arrange({
        accounts: { contoso: upstream.url },
        passwords: { [anna]: 'the old password' },
      })
      const statusOf = async (password: string) =>
        (await ask(altgate.url + path, { as: [anna, password] })).status
      for (let each = 0; each < 2; each += 1) t.equal(await statusOf('the old password'), 200)

      exchange(join(altgate.directory, 'altgate.db'))
      const { code, stdout } = await altgate.cli(set, { stdin: 'the new password\n' })
      if (code !== 0) t.equal(stdout, '')
      const [old, fresh] = [await statusOf('the old password'), await statusOf('the new password')]
      // Either the change is in force everywhere and was said to be, or nothing is and nothing was.
      const truth = code === 0 ? ['401 200'] : ['200 401', '503 503', '200 503', '503 401']
      t.ok(truth.includes(`${old} ${fresh}`), `${code}: ${old} ${fresh}`)
    })
})
