import { join } from 'node:path'
import pg from 'pg'
import t, { type Test } from 'tap'
import { startAltgate } from '../support/altgate.ts'
import { ask, summary } from '../support/ask.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { startPostgres } from '../support/postgres.ts'
import { altgate } from '../support/program.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { succeeded } from '../support/run.ts'
import { until } from '../support/until.ts'

const anna = ['anna@example.com', 'the password of anna'] as const
const names = ['one', 'two']

/** Two gateways and two commands, all at once, on a store that nobody has opened yet. */
async function startTogether(t: Test, url: string): Promise<void> {
  const upstream = await recordingUpstream(t)
  const environment = { ...process.env, ALTGATE__STORE__URL: url }
  const add = async (name: string) => {
    succeeded(name, await altgate(['store', 'init'], environment))
    succeeded(name, await altgate(['account', 'add', name, '--upstream', upstream.url], environment))
  }
  const [gateways] = await Promise.all([
    Promise.all(names.map(() => startAltgate(t, { settings: { store: { url } } }))),
    Promise.all(names.map(add)),
  ])
  const [first] = gateways
  await first?.must(['credential', 'set', '--scope', 'msa', '--user', anna[0]], { stdin: `${anna[1]}\n` })

  const addresses = gateways.flatMap(gateway => names.map(name => `${gateway.url}/${name}/x`))
  t.equal(summary(await Promise.all(addresses.map(address => ask(address, { as: anna })))), '200 allow')
  t.strictSame(await Promise.all(gateways.map(gateway => gateway.stop())), [0, 0])
}

t.test('two gateways and two commands start at once on an empty SQLite file', async t =>
  startTogether(t, `sqlite:${join(temporaryDirectory(t), 'new', 'altgate.db')}`),
)

t.test('two gateways and two commands start at once on an empty PostgreSQL database', async t => {
  const { url } = await startPostgres(t)
  const release = await holdTables(url, 2 * names.length)
  await Promise.all([startTogether(t, url), release()])
})

/** Nobody can make a table, until so many have tried and wait: then all of them go on in one moment. */
async function holdTables(url: string, together: number): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query('begin')
  await client.query('lock table pg_catalog.pg_class in share mode')
  const waiting = 'select from pg_locks where not granted'
  return async () => {
    await until(async () => (await client.query(waiting)).rowCount === together)
    await client.end()
  }
}
