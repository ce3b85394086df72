import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { between, goalsTable, inMarkdown } from './bench/documents.ts'
import { isMet, type Goal } from './bench/figure.ts'
import { figures } from './bench/figures.ts'
import { floods } from './bench/floods.ts'
import { startGateway } from './bench/gateway.ts'
import { knownToRedis } from './bench/known-to-redis.ts'
import { anna, basic, userNumber } from './bench/people.ts'
import { treeOf } from './bench/process-tree.ts'
import { readResults } from './bench/results.ts'
import { ratioOf, spreadOf } from './bench/spread.ts'
import { onStage } from './bench/stage.ts'
import { startUpstream } from './bench/upstream.ts'
import { readWords } from './bench/words.ts'
import { temporaryDirectory } from './support/directory.ts'
import { isRunning } from './support/processes.ts'
import { startRedis } from './support/redis.ts'
import { run } from './support/run.ts'
import { until } from './support/until.ts'

const program = join(import.meta.dirname, 'bench/run.ts')

function bench(args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
  return run(process.execPath, [program, ...args], { env })
}

const out = temporaryDirectory(t)
/** Several figures in one go, as a run of all of them is. */
const quick = await bench(['proxied', 'stampede', 'floods', '--quick', '--out', out])

t.test('a quick run measures, prints a table, and keeps numbers and plots', async t => {
  const { code, stdout, stderr } = quick
  t.equal(code, 0, stderr)
  t.match(stdout, /^ {2}Altgate +[\d,.]+ {2}µs$/m)
  t.match(stdout, /^ {2}nginx, no password +[\d,.]+ {2}µs$/m)
  t.match(stdout, /^ {2}password hashes for all of them +\d+ +goal: at most 1$/m)
  t.match(stderr, /round 1 of 1: Altgate/, 'whoever waits sees how far it is')

  const { proxied, stampede } = readResults(out)
  t.ok(proxied?.quick && stampede?.quick, 'they are marked as worth nothing')
  const answers = proxied?.answers ?? []
  const servers = answers.map(({ server }) => server)
  t.ok(
    servers.includes('Altgate') && servers.includes('nginx auth_basic, bcrypt'),
    'there are servers to compare with',
  )
  for (const { server, ...statuses } of answers) {
    const refusal = server === 'nginx, no password' ? 200 : 401
    t.strictSame(statuses, { right: 200, wrong: refusal, none: refusal }, `${server} does its work`)
  }
  for (const name of ['proxied', 'stampede', 'floods']) {
    const { code, stderr } = await readAsXml(join(out, `${name}.svg`))
    t.equal(code, 0, `${name}.svg is XML: ${stderr}`)
  }
})

t.test('a quick run sends every flood, and says how innocent callers and the memory fare', async t => {
  const { stdout, stderr } = quick
  const { goals = [], rows = [] } = readResults(out)['floods'] ?? {}
  for (const { what } of Object.values(floods)) {
    t.ok(goals.some(goal => goal.what === `${what}: p99 against that in peace` && goal.value > 0))
    t.ok(rows.some(row => row.what === `${what}: memory, more than before` && row.value.median >= 0))
    t.match(stderr, `round 1 of 1: ${what}`)
  }
  for (const kind of ['pipelining', 'sign-ins', 'invented-names'] as const)
    t.ok(
      rows.some(row => row.what === `${floods[kind].what}: done` && row.value.median > 0),
      kind,
    )
  t.match(stdout, /^ {2}memory for an idle connection +[\d,.]+ {2}KB +goal: at most 20/m)
})

/** Browsers show nothing of an image that is not well-formed. */
function readAsXml(file: string) {
  const script = 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])'
  return run('/usr/bin/python3', ['-c', script, file])
}

t.test('passwords that a figure lets Redis know are not hashed', async t => {
  const stop = new AbortController().signal
  await onStage({ quick: true, stop, say() {} }, async stage => {
    const upstream = await startUpstream(stage)
    const { url: redis } = await startRedis(stage)
    const users = 100
    const settings = { redis: { url: redis } }
    const gateway = await startGateway(stage, { upstream, workers: 1, users, settings })
    await knownToRedis(stage, { store: gateway.store, redis, seconds: 60, users })
    let number = 0
    // Those that are asked about before the gateway is connected with Redis are hashed.
    await until(async () => {
      const before = await gateway.hashes()
      const authorization = basic({ ...anna, user: userNumber(number++) })
      const { status } = await fetch(gateway.url, { headers: { authorization } })
      t.equal(status, 200)
      return (await gateway.hashes()) === before
    }, 50)
    t.ok(number < users, 'the gateway took the word of Redis for one of them')
  })
})

t.test('Ctrl-C ends everything that was started', async t => {
  const child = spawn(process.execPath, [program, 'forward-auth', '--quick'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  await until(() => said.includes('round 1'))
  const started = treeOf(child.pid ?? -1)
  t.ok(started.length > 5, 'servers run')
  child.kill('SIGINT')
  await once(child, 'exit')
  t.equal(child.exitCode, 130)
  await until(() => !started.some(isRunning))
  t.pass('nothing is left running')
})

t.test('what is not installed is named with the command that installs it', async t => {
  const { code, stderr } = await bench(['proxied', '--quick'], { ...process.env, PATH: '' })
  t.equal(code, 1)
  t.match(stderr, /^not installed: wrk\. On Debian: sudo apt-get install --no-install-recommends wrk$/m)
})

t.test('the help names every figure', async t => {
  const help = readWords(['--help'])
  t.match(help, { status: 0 })
  for (const { name } of figures) t.match(help, { text: name })
})

t.test('wrong usage is said, and nothing is measured', async t => {
  for (const words of [['nonsense'], ['--nonsense'], ['--quick', '--write']]) {
    t.match(readWords(words), { status: 2, text: /^bench: / }, words.join(' '))
  }
})

t.test('a quick run keeps nothing unless it is told where', async t => {
  t.match(readWords(['--quick']), { quick: true, out: undefined, figures })
  t.match(readWords(['cold', '--quick', '--out', 'here']), { out: 'here', figures: [{ name: 'cold' }] })
  t.match(readWords([]), { quick: false, out: join(import.meta.dirname, 'bench/results') })
})

t.test('a ratio is taken round by round, and its spread is shown', async t => {
  t.strictSame(ratioOf([1, 20, 3], [2, 10, 3]), { median: 1, low: 0.5, high: 2 })
  t.strictSame(spreadOf([4, 1, 3, 2]), { median: 2.5, low: 1, high: 4 })
})

t.test('a goal is met at its limit and not beyond it', async t => {
  const goal = { what: '', unit: '', limit: 0.6, bound: 'at most' } as const
  t.ok(isMet({ ...goal, value: 0.6 }))
  t.notOk(isMet({ ...goal, value: 0.61 }))
  t.ok(isMet({ ...goal, bound: 'at least', value: 0.6 }))
  t.notOk(isMet({ ...goal, bound: 'at least', value: 0.59 }))
  t.notOk(isMet({ ...goal, value: Number.NaN }), 'what could not be measured is not met')
})

t.test('the documents are given the goals, met and missed, between their marks', async t => {
  const goal: Goal = { what: 'of theirs', unit: '×', value: 0.512_34, bound: 'at most', limit: 0.6 }
  const goals = [goal, { ...goal, what: 'of others', value: 1234.5 }]
  const table = goalsTable([{ name: 'x', title: 'A figure', at: '', machine: 'a machine', rows: [], goals }])
  t.match(table, '| A figure | of theirs | **0.512** × | at most 0.6 × |')
  t.match(table, '|  | of others | 1,235 × (missed) | at most 0.6 × |')
  t.match(table, 'Measured on: a machine.')
  const text = 'before\n<!-- bench: begin -->\nold\n<!-- bench: end -->\nafter\n'
  t.equal(
    between(text, 'bench', 'new'),
    'before\n<!-- bench: begin -->\n\nnew\n\n<!-- bench: end -->\nafter\n',
  )
  t.throws(() => between('no marks', 'bench', 'new'))
})

t.test('a table of a figure is Markdown', async t => {
  const lines = [['one', '1 µs']]
  t.equal(inMarkdown({ heading: ['step', 'user'], lines }), '| step | user |\n| --- | --- |\n| one | 1 µs |')
})

t.test('the documents have the marks that a run writes between', async t => {
  for (const file of ['README.md', 'docs/performance.md']) {
    const text = readFileSync(join(import.meta.dirname, '..', file), 'utf8')
    t.doesNotThrow(() => between(text, 'bench', ''), file)
    if (file !== 'README.md') t.doesNotThrow(() => between(text, 'ladder', ''), 'and those of the ladder')
  }
})

t.test('every plot that is kept belongs to a figure', async t => {
  const folder = join(import.meta.dirname, 'bench/results')
  for (const name of Object.keys(readResults(folder))) {
    t.ok(figures.some(figure => figure.name === name))
    t.ok(existsSync(join(folder, `${name}.svg`)))
  }
})
