import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { parse, stringify } from 'yaml'
import { cheapHashing, type Altgate } from '../support/altgate.ts'
import { ask, basicOf } from '../support/ask.ts'
import { contosoDirectory } from '../../src/demo/people.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { query, startPostgres } from '../support/postgres.ts'
import { lanesOf, visibleOf, workersOf } from '../support/processes.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { startRedis } from '../support/redis.ts'
import { filesIn, tracesOf } from '../support/traces.ts'
import { until } from '../support/until.ts'
import { refreshProvider } from '../delegation/refresh-provider.ts'
import { gatewayWithHelpers, helpersAt } from './canary-oauth.ts'
import { anna, canary, sendEverywhere, settle, tellCommands, tellRefusingCommands } from './canary.ts'
import { actingSettings, actWithTokens, tellingUpstream, tokenSecrets } from './canary-tokens.ts'

const ofRedis = 'password+of+redis'
const ofDatabase = 'password-of-the-database' // test/support/postgres.ts gives it
/** All that can be logged is logged. */
const loud = { ALTGATE__LOG__LEVEL: 'trace' }

const contosoId = contosoDirectory.id

/** Milliseconds between two looks at logs, which are long, and at processes. */
const pause = 100

const secrets = [canary, ofRedis, ofDatabase]

const began = Date.now() - 1000 // file systems round

const postgres = await startPostgres(t)

const allOutcomes = [
  'allow',
  'challenge',
  'disabled',
  'garbled',
  'no-account',
  'refused',
  'reset-needed',
  'unclear-target',
  'upstream-failed',
]

/** Answers `ok`, and breaks off on `/contoso/cut`. */
function startUpstream(t: Test) {
  return recordingUpstream(t, (request, response) => {
    if (request.url?.startsWith('/contoso/cut')) request.socket.destroy()
    else response.end('ok')
  })
}

/** Fails if a secret stands in it. `holds`: what proves that the right place was looked at. */
function silent(
  t: Test,
  place: string,
  text: string | Buffer,
  holds: string,
  about: readonly string[] = secrets,
): void {
  t.ok(text.includes(holds), `${place}: that is the place`)
  t.strictSame(tracesOf(about, text), [], `${place}: no secret`)
}

async function lookAtOutput(t: Test, altgate: Altgate, about?: readonly string[]): Promise<void> {
  silent(t, 'the log, standard output and standard error', altgate.logs(), '"audit":"decision"', about)
  silent(t, '/metrics', await altgate.tell('/metrics'), 'altgate_decisions_total', about)
  silent(t, '/ready', await altgate.tell('/ready'), 'parts', about)
}

/** `ofHelpers`: secrets apart from the passwords. */
async function lookAtGateway(
  t: Test,
  altgate: Altgate,
  workers: number,
  ofHelpers: readonly string[],
): Promise<void> {
  await lookAtOutput(t, altgate, [...secrets, ...ofHelpers])
  const familyOf = () => [altgate.pid, ...workersOf(altgate.pid), ...lanesOf(altgate.pid)]
  await until(() => familyOf().length === 1 + workers + 1, pause) // a lane that has died is replaced beside what `/ready` says
  const family = familyOf()
  for (const pid of family) silent(t, 'command line and environment', visibleOf(pid), 'PATH=')
}

/** What was written of PostgreSQL, without the zeros that a file of its log ends with: it is looked through a hundred times. */
function databaseFiles(): Buffer {
  return Buffer.concat(
    filesIn(postgres.directory, began).map(({ bytes }) => {
      let end = bytes.length
      while (bytes[end - 1] === 0) end -= 1
      return bytes.subarray(0, end)
    }),
  )
}

/** A worker and a lane die while they hold a password. */
async function killSome(altgate: Altgate): Promise<void> {
  const [lane = 0] = lanesOf(altgate.pid)
  process.kill(lane, 'SIGSTOP')
  const asking = ['one', 'two'].map(word =>
    ask(`${altgate.url}/contoso/x`, { as: [anna[0], canary + word] }).catch(() => {}),
  )
  const [worker = 0] = workersOf(altgate.pid)
  process.kill(worker, 'SIGKILL')
  process.kill(lane, 'SIGKILL')
  await Promise.all(asking)
  const isLogged = () => ['a worker died', 'a hash lane died'].every(each => altgate.logs().includes(each))
  await until(isLogged, pause)
  await until(async () => (await ask(`${altgate.operationsUrl}/ready`)).status === 200, pause)
}

/** Gives every secret that went to credential helpers and came from them. */
async function letHelpersIn(t: Test, altgate: Altgate): Promise<readonly string[]> {
  const { secrets: about, outcomes, renewed } = await helpersAt(altgate.url)
  t.strictSame(outcomes, ['allow', 'expired'])
  t.equal(renewed, 1, 'all who renew at once get the same password')
  t.ok(about.length >= 9, 'a code, a verifier, device codes, passwords and refresh tokens')
  await until(() => altgate.logs().includes('"action":"password-added"'), pause)
  t.notMatch(altgate.logs(), /oidc-provider/, 'the library writes nothing between the lines of the log')
  const list = ['credential', 'password', 'list', '--scope', contosoId, '--user', anna[0]]
  silent(t, 'what commands print', await altgate.must(list), 'Git Credential Manager', about)
  return about
}

// The gateway on SQLite is for two tests: the second one has it reloaded, with an account and a directory of its own. Of several
// workers there is the gateway on PostgreSQL; each one loads what helpers need.
const ofSqlite = await startUpstream(t)
const onSqlite = await gatewayWithHelpers(t, ofSqlite.url, {
  settings: { workers: 1, hashing: cheapHashing },
  env: loud,
})

t.test('a password is found again in whatever spelling it comes', async t => {
  for (const spelling of [canary, encodeURIComponent(canary), Buffer.from(canary).toString('hex')])
    t.ok(tracesOf([canary], `x${spelling}x`).length > 0)
  for (const user of ['a', 'aa', 'aaa']) t.ok(tracesOf([canary], basicOf(user, anna[1])).length > 0)
})

t.test('on one machine with SQLite', async t => {
  const [upstream, altgate] = [ofSqlite, onSqlite]
  silent(t, 'what commands print', await settle(altgate, upstream.url), ', in every running gateway')
  const { outcomes, said } = await sendEverywhere(altgate)
  t.strictSame(outcomes, allOutcomes)
  silent(t, 'the answers', said, 'WWW-Authenticate'.toLowerCase())
  silent(t, 'what commands print', await tellRefusingCommands(altgate), 'a password is never an argument')
  silent(t, 'what commands print', await tellCommands(altgate), 'Nothing was imported')
  const ofHelpers = await letHelpersIn(t, altgate)
  await killSome(altgate)
  await lookAtGateway(t, altgate, 1, ofHelpers)
  const files = filesIn(altgate.directory).filter(({ path }) => path.includes('altgate.db'))
  const database = Buffer.concat(files.map(({ bytes }) => bytes))
  silent(t, 'the database', database, '$argon2id$')
  silent(t, 'the database', database, '"clientId":"altgate"', ofHelpers)
})

const outcomesWithTokens = ['allow', 'sign-in-needed', 'unavailable', 'upstream-failed']

/** All that happens to the tokens of users, at a gateway that is told of it by a reload; gives the secrets. */
async function letUsersAct(t: Test, altgate: Altgate, storeUrl: string): Promise<readonly string[]> {
  const [provider, upstream] = [await refreshProvider(t), await tellingUpstream(t)]
  const before = parse(readFileSync(altgate.config, 'utf8'))
  const { signIn, ...acting } = actingSettings(provider)
  const directories = { ...before.signIn.directories, ...signIn.directories }
  writeFileSync(altgate.config, stringify({ ...before, ...acting, signIn: { directories } }))
  await altgate.must(['reload'])
  const at = { upstream: upstream.url, storeUrl, account: 'acting' }
  const { outcomes, said } = await actWithTokens(altgate, provider, at)
  t.strictSame(outcomes, outcomesWithTokens)
  const shown = upstream.requests.flatMap(each => each.values('authorization')).map(each => each.slice(7))
  t.ok(
    shown.length > 3 && shown.every(token => provider.tokens.includes(token)),
    'the upstream has the tokens',
  )
  const about = [...tokenSecrets, ...provider.tokens]
  silent(t, 'the answers, and what commands print', said, 'sign-ins', about)
  await lookAtOutput(t, altgate, about)
  return about
}

t.test('the tokens of users on one machine with SQLite', async t => {
  const altgate = onSqlite
  const about = await letUsersAct(t, altgate, `sqlite:${join(altgate.directory, 'altgate.db')}`)
  t.match(altgate.logs(), /"action":"grant-ended"/)
  t.match(await altgate.tell('/metrics'), /altgate_token_renewals_total\{result="renewed"\} \d/)
  t.match(await altgate.tell('/metrics'), 'altgate_delegated_tokens{state="active"} 1')
  const files = filesIn(altgate.directory).filter(({ path }) => path.includes('altgate.db'))
  silent(t, 'the database', Buffer.concat(files.map(({ bytes }) => bytes)), 'k1.', about)
})

t.test('with PostgreSQL and Redis, which have passwords of their own', async t => {
  const [upstream, redis] = [await startUpstream(t), await startRedis(t)]
  const url = await postgres.database('passwords')
  await redis.command('ACL', 'SETUSER', 'altgate', 'on', `>${ofRedis}`, '~*', '&*', '+@all')
  const monitor = await redis.monitor() // before there is traffic, which would confuse its beginning
  const folder = temporaryDirectory(t)
  const file = join(folder, 'store-url')
  writeFileSync(file, url)
  const redisUrl = `redis://altgate:${encodeURIComponent(ofRedis)}@127.0.0.1:${redis.port}`
  const settings = {
    workers: 2,
    hashing: cheapHashing,
    store: { url: { file } },
    redis: { url: redisUrl },
  }
  const altgate = await gatewayWithHelpers(t, upstream.url, { settings, env: loud })

  silent(t, 'what commands print', await settle(altgate, upstream.url), ', in every running gateway')
  const { outcomes, said } = await sendEverywhere(altgate)
  t.strictSame(outcomes, allOutcomes)
  silent(t, 'the answers', said, 'WWW-Authenticate'.toLowerCase())
  silent(t, 'what commands print', await tellCommands(altgate), 'Nothing was imported')
  const ofHelpers = await letHelpersIn(t, altgate)
  await killSome(altgate)
  const files = databaseFiles()
  t.ok(files.includes('dora@example.com'), 'of this database, too')
  silent(t, 'the files of PostgreSQL', files, '$argon2id$')
  silent(t, 'the files of PostgreSQL', files, '"clientId":"altgate"', ofHelpers)
  await until(async () => /^altgate:good:/m.test(await redis.dump()))
  silent(t, 'Redis', await redis.dump(), 'altgate:good:')
  silent(t, 'what Redis is told', monitor.seen(), 'altgate:announced')

  const ofUsers = await letUsersAct(t, altgate, url)
  silent(t, 'the files of PostgreSQL', databaseFiles(), 'k1.', ofUsers)
  silent(t, 'Redis', await redis.dump(), 'altgate:good:', ofUsers)
  silent(t, 'what Redis is told', monitor.seen(), 'altgate:announced', ofUsers)

  // Somebody has written a password where a hash belongs; then everything breaks.
  await query(url, `update credentials set hash = '${canary}' where username like 'dora%'`)
  const asks = (password: string) => ask(`${altgate.url}/contoso/x`, { as: ['dora@example.com', password] })
  await asks(`${canary}, tried on what is no hash`)
  await until(() => altgate.logs().includes('a stored password hash is damaged'), pause)
  const set = ['credential', 'set', '--scope', 'msa', '--user', anna[0]]
  await redis.stop()
  const withoutRedis = await altgate.cli(set, { stdin: `${canary}, without Redis\n` })
  silent(t, 'a command without Redis', withoutRedis.stderr, 'Redis is unavailable')
  await postgres.crash()
  t.equal((await asks(`${canary}, without a store`)).outcome, 'unavailable')
  const withoutStore = await altgate.cli(set, { stdin: `${canary}, without a store\n` })
  silent(t, 'a command without a store', withoutStore.stderr, 'The store is unavailable')
  await lookAtGateway(t, altgate, 2, ofHelpers)
})
