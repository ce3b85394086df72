import { writeFileSync } from 'node:fs'
import t from 'tap'
import { startAltgate } from '../support/altgate.ts'
import { ask } from '../support/ask.ts'
import { startInjectingRelay } from '../support/injecting-relay.ts'
import { startPostgres } from '../support/postgres.ts'
import { altgate as run } from '../support/program.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'

const anna = 'anna@example.com'
const path = '/contoso/welcome.git/info/refs'
const hashing = { lanes: 1, memoryKiB: 7168, passes: 5 }
const set = ['credential', 'set', '--scope', 'msa', '--user', anna]

t.test('the answer to COMMIT is lost, and what was said is true', async t => {
  const database = await startPostgres(t)
  const relay = await startInjectingRelay(t, database.url)
  const upstream = await recordingUpstream(t)
  const altgate = await startAltgate(t, { settings: { hashing, store: { url: database.url } } })
  await altgate.must(['account', 'add', 'contoso', '--upstream', upstream.url])
  const config = `${altgate.directory}/behind-a-relay.yaml`
  writeFileSync(config, JSON.stringify({ hashing, store: { url: relay.url } }))
  const command = (words: readonly string[], password: string) =>
    run([...words, '--config', config], process.env, { stdin: `${password}\n` })
  const statusOf = async (password: string) =>
    (await ask(altgate.url + path, { as: [anna, password] })).status
  t.equal((await command(set, 'the first password')).code, 0)

  relay.cutAfter('into "changes"', 'commit')
  const seen = await command(set, 'the second password')
  t.match(seen.stdout, 'is set, in every running gateway', 'it looked again, and saw that it is made')
  t.equal(seen.code, 0, seen.stderr)
  t.equal(await statusOf('the second password'), 200)
  t.equal(await statusOf('the first password'), 401)

  relay.cutAfter('into "changes"', 'commit', { forGood: true })
  const unseen = await command(set, 'the third password')
  t.equal(unseen.code, 3, unseen.stderr)
  t.equal(unseen.stdout, '')
  t.match(
    unseen.stderr,
    /(?:^|\n)altgate: [^\n]*may or may not be in force: see how it is with altgate [^\n]*\n$/,
  )
  t.notMatch(unseen.stderr, 'Nothing was changed')
  t.equal(await statusOf('the third password'), 200, 'here it is')
})
