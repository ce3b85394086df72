import { existsSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { cheapHashing, startAltgate } from '../support/altgate.ts'
import { ask } from '../support/ask.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { altgate as run } from '../support/program.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { until } from '../support/until.ts'

const anna = 'anna@example.com'
const path = '/contoso/welcome.git/info/refs'

const upstream = await recordingUpstream(t)
const set = ['credential', 'set', '--scope', 'msa', '--user', anna]

/** A gateway with a password of anna, which all processes know. */
async function aGateway(t: Test) {
  const altgate = await startAltgate(t, { settings: { hashing: cheapHashing } })
  await altgate.arrange({ accounts: { contoso: upstream.url }, passwords: { [anna]: 'the old password' } })
  const statusOf = async (password: string) =>
    (await ask(altgate.url + path, { as: [anna, password] })).status
  for (let each = 0; each < 2; each += 1) t.equal(await statusOf('the old password'), 200)
  return { altgate, statusOf, file: join(altgate.directory, 'altgate.db') }
}

/** Changes a password. Either the change is in force everywhere and was said to be, or nothing is and nothing was. */
async function tellsTheTruth(
  t: Test,
  { altgate, statusOf }: Awaited<ReturnType<typeof aGateway>>,
): Promise<void> {
  const { code, stdout } = await altgate.cli(set, { stdin: 'the new password\n' })
  if (code !== 0) t.equal(stdout, '')
  const [old, fresh] = [await statusOf('the old password'), await statusOf('the new password')]
  const truth = code === 0 ? ['401 200'] : ['200 401', '503 503', '200 503', '503 401']
  t.ok(truth.includes(`${old} ${fresh}`), `${code}: ${old} ${fresh}`)
}

t.test('the file of the store is taken away while the gateway runs, and comes back', async t => {
  const gateway = await aGateway(t)
  const { altgate, statusOf, file } = gateway
  const away = `${file}.away`

  await t.test('nothing stands in its place', async t => {
    renameSync(file, away)
    const { code, stdout, stderr } = await altgate.cli(set, { stdin: 'another password\n' })
    t.equal(code, 1)
    t.equal(stdout, '')
    t.match(
      stderr,
      /^altgate: There is no store in .*\. Start the gateway once, or run altgate store init\.[^\n]*\n$/,
    )
    t.equal(existsSync(file), false, 'no command makes one')
    t.equal(await statusOf('the old password'), 503, 'what cannot be asked about is not trusted')
    t.equal(await statusOf('a wrong password'), 503, 'and nobody is refused')

    renameSync(away, file)
    await until(async () => (await statusOf('the old password')) === 200)
    t.equal(await statusOf('another password'), 401)
  })

  await t.test('a folder stands in its place', async t => {
    await until(async () => (await statusOf('the old password')) === 200)
    renameSync(file, away)
    mkdirSync(file)
    await tellsTheTruth(t, gateway)
    rmSync(file, { recursive: true })
    renameSync(away, file)
  })

  await t.test('a link to where it went stands in its place', async t => {
    await until(async () => (await statusOf('the old password')) === 200)
    renameSync(file, away)
    symlinkSync(away, file)
    await tellsTheTruth(t, gateway)
  })
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

t.test('what lies beside the file is removed while the gateway runs', async t => {
  for (const [what, ends] of [
    ['the index of the log', ['shm']],
    ['the log', ['wal']],
    ['both', ['wal', 'shm']],
  ] as const)
    await t.test(what, async t => {
      const gateway = await aGateway(t)
      for (const end of ends) rmSync(`${gateway.file}-${end}`)
      await tellsTheTruth(t, gateway)
    })
})
