import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { existsSync, readFileSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startAltgate, type Altgate } from '../support/altgate.ts'
import { ask } from '../support/ask.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { startPostgres } from '../support/postgres.ts'
import { serve } from '../support/program.ts'
import { until } from '../support/until.ts'

const anna = 'anna@example.com'

interface AuditLine {
  readonly audit: string
  readonly revision?: number
  readonly action?: string
  readonly account?: string
}

function linesIn(...files: readonly string[]): readonly AuditLine[] {
  return files
    .filter(existsSync)
    .flatMap(file => readFileSync(file, 'utf8').trim().split('\n'))
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as AuditLine)
}

/** The numbers of the changes in audit files, in the order of their lines. */
function changesIn(...files: readonly string[]): readonly (number | undefined)[] {
  return linesIn(...files)
    .filter(({ audit }) => audit === 'change')
    .map(({ revision }) => revision)
}

function upTo(last: number): readonly number[] {
  return Array.from({ length: last }, (_, at) => at + 1)
}

function add(altgate: Altgate, name: string): Promise<string> {
  return altgate.must(['account', 'add', name, '--upstream', 'http://127.0.0.1:1'])
}

/** Starts the same gateway again. */
function again(t: Test, { config }: Altgate) {
  return serve(t, ['serve', '--config', config], process.env)
}

const file = join(temporaryDirectory(t), 'audit.log')
const receiver = await startReceiver(t)
// One gateway for the tests of decisions and of changes; with these, it starts three times.
const altgate = await startAltgate(t, {
  settings: { audit: { file }, notice: receiver.notice, throttle: { address: { guesses: 3 } } },
})
await altgate.arrange({ accounts: { fabrikam: 'http://127.0.0.1:1' }, passwords: { [anna]: 'right' } })

interface Received {
  readonly number: number
  readonly action: string
  readonly isSigned: boolean
}

/** A webhook, and what it has accepted. */
async function startReceiver(t: Test) {
  const got: Received[] = []
  const key = 'a key of sixteen characters'
  let status = 204
  const server = createServer(async (request, response) => {
    const body = await text(request)
    const mac = createHmac('sha256', key).update(body).digest('hex')
    const isSigned = request.headers['x-altgate-signature'] === `sha256=${mac}`
    if (status === 204) got.push({ ...JSON.parse(body), isSigned })
    response.writeHead(status).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo // listening on TCP
  return {
    got,
    answers: (next: number) => void (status = next),
    notice: { webhookUrl: `http://127.0.0.1:${port}/`, secret: key, changes: true },
  }
}

t.test('a decision names account, person, outcome, cause, address, tool and repository', async t => {
  const repository = `${altgate.url}/fabrikam/_git/welcome/info/refs?service=git-upload-pack&token=a-secret`
  const headers = { 'User-Agent': 'git/2.47.1 (a-secret) "\\' }
  for (const password of ['right', 'wrong']) await ask(repository, { as: [anna, password], headers })
  for (const guess of ['1', '2', '3', '4', '5']) await ask(repository, { as: ['ben', guess], headers })
  await ask(`${altgate.url}/fabrikam/_apis/git/a-secret`, { headers })
  const decisions = () => linesIn(file).filter(({ audit }) => audit === 'decision')
  await until(() => decisions().length === 8)
  const about = { account: 'fabrikam', from: '127.0.0.1', tool: 'git/2.47.1', path: '_git/welcome' }
  t.match(decisions(), [
    { ...about, outcome: 'allow', user: anna },
    { ...about, outcome: 'refused', user: anna, cause: 'mismatch' },
    ...Array.from({ length: 3 }, () => ({
      ...about,
      outcome: 'refused',
      cause: 'absent',
      userTag: /^.{12}$/,
    })),
    ...Array.from({ length: 2 }, () => ({ ...about, outcome: 'throttled', userTag: /^.{12}$/ })),
    { ...about, outcome: 'challenge', path: '_apis/git' },
  ])
  t.notMatch(readFileSync(file, 'utf8'), 'a-secret')
  t.equal(statSync(file).mode & 0o777, 0o600)
})

/** Milliseconds between two looks at metrics, for which the gateway asks all its processes. */
const pause = 100

/** Waits for so many changes in the audit file, and at the webhook. */
async function untilToldOf(changes: number): Promise<void> {
  await until(() => changesIn(file).length === changes)
  await until(() => receiver.got.length === changes)
}

t.test(
  'changes made while the gateway was stopped, or killed, or its webhook down, or its audit file not to be written, are told once and in order',
  async t => {
    const { got } = receiver
    const undelivered = async (to: string, count: number) =>
      (await altgate.tell('/metrics')).includes(`altgate_undelivered_changes{to="${to}"} ${count}\n`)
    const user = ['--scope', 'msa', '--user', anna]
    await add(altgate, 'one')
    await untilToldOf(3)
    receiver.answers(503)
    await add(altgate, 'two')
    await until(() => altgate.logs().includes('the webhook did not accept a change'))
    await until(() => undelivered('webhook', 1), pause)
    renameSync(file, `${file}.away`)
    symlinkSync('/dev/full', file)
    await altgate.must(['reload'])
    await add(altgate, 'three')
    await until(() => altgate.logs().includes('audit lines cannot be written'))
    await until(async () => (await undelivered('audit', 1)) && (await undelivered('webhook', 2)), pause)
    t.equal(await altgate.stop(), 0)
    rmSync(file)
    renameSync(`${file}.away`, file)

    await altgate.must(['credential', 'set', ...user], { stdin: 'a long password\n' })
    await altgate.must(['account', 'remove', 'one', '--yes'])
    receiver.answers(204)
    const second = again(t, altgate)
    await untilToldOf(7)
    await add(altgate, 'four')
    await untilToldOf(8)
    // Killed before that is recorded, it would be told twice, with the same id.
    await until(async () => (await undelivered('audit', 0)) && (await undelivered('webhook', 0)), pause)
    process.kill(second.pid, 'SIGKILL')
    await second.exit()

    await add(altgate, 'five')
    const third = again(t, altgate)
    await untilToldOf(9)
    t.equal(await third.stop(), 0)
    t.strictSame(changesIn(file), upTo(9))
    t.match(
      linesIn(file).find(({ revision }) => revision === 7),
      { action: 'account-removed', account: 'one' },
    )
    t.match(got, [
      { number: 1, action: 'account-added', account: 'fabrikam' },
      { number: 2, action: 'credential-set', usernames: [anna], scope: 'msa' },
      { number: 3, action: 'account-added', account: 'one' },
      { number: 4, action: 'account-added', account: 'two' },
      { number: 5, action: 'account-added', account: 'three' },
      { number: 6, action: 'credential-set', usernames: [anna], scope: 'msa' },
      { number: 7, action: 'account-removed', account: 'one' },
      { number: 8, action: 'account-added', account: 'four' },
      { number: 9, action: 'account-added', account: 'five' },
    ])
    t.ok(got.every(({ isSigned }) => isSigned))
    t.equal(got.length, 9)
    t.notMatch(JSON.stringify(got), /a long password|argon2/)
  },
)

t.test('of several gateways one has each change, and another takes over', async t => {
  const { url } = await startPostgres(t)
  const directory = t.testdir()
  const files = ['a', 'b'].map(name => join(directory, name))
  const [first, second] = await Promise.all(
    files.map(file =>
      startAltgate(t, { settings: { store: { url }, audit: { file }, log: { level: 'error' } } }),
    ),
  )
  if (first === undefined || second === undefined) throw new Error('two gateways')
  for (const name of ['one', 'two', 'three']) await add(first, name)
  await until(() => changesIn(...files).length === 3)
  const at = files.findIndex(file => changesIn(file).length === 3)
  t.not(at, -1, 'they do not scatter')
  const [busy, other] = at === 0 ? [first, second] : [second, first]
  t.equal(await busy.stop(), 0)
  await add(other, 'four')
  await until(() => changesIn(...files).length === 4)
  t.strictSame(changesIn(...(at === 0 ? files : files.toReversed())), upTo(4))
})
