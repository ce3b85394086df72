import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { bench } from '../../src/bench/bench.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { freePort } from '../support/ports.ts'
import { altgate, checkout } from '../support/program.ts'
import { recordingUpstream, type Respond } from '../support/recording-upstream.ts'
import { run } from '../support/run.ts'
import { until } from '../support/until.ts'
import { onTerminal } from '../commands/terminal.ts'
import { aDesk } from '../commands/desk.ts'
import { anna, load } from './callers.ts'
import { aBenchFolder } from './settings-file.ts'

const callers = { anna: { kind: 'good', user: 'anna', password: 'canary' } }

/** Speaks as the gateway does: a challenge for whoever presents nothing, everything for everybody else. */
const marked: Respond = (request, response) => {
  request.resume()
  if (request.headers.authorization !== undefined) return response.end('ok')
  response.writeHead(401, { 'X-Altgate-Outcome': 'challenge' }).end()
}

t.test('a server that is no Altgate gets one request, without a password, and no load', async t => {
  const stranger = await recordingUpstream(t)
  const { code, stdout, stderr } = await aBenchFolder(t, { url: stranger.url, callers }).run(['--quiet'])
  t.equal(code, 1)
  t.equal(stdout, '')
  t.match(stderr, 'answered 200 without X-Altgate-Outcome, so it is not an Altgate gateway')
  t.match(stderr, 'No load and no password were sent.')
  t.equal(stranger.requests.length, 1)
  t.strictSame(stranger.last().values('authorization'), [])
})

t.test('an X-Altgate-Outcome that no gateway sends is not taken for one', async t => {
  const stranger = await recordingUpstream(t, (_, response) =>
    response.writeHead(401, { 'X-Altgate-Outcome': 'welcome' }).end(),
  )
  const { code } = await aBenchFolder(t, { url: stranger.url, callers }).run(['--quiet'])
  t.equal(code, 1)
  t.equal(stranger.requests.length, 1)
})

t.test('a target that does not answer is named, with the reason', async t => {
  const url = `http://127.0.0.1:${await freePort()}/`
  const { code, stderr } = await aBenchFolder(t, { url, callers }).run(['--quiet'])
  t.equal(code, 1)
  t.match(stderr, `The target here, ${url}, does not answer (ECONNREFUSED).`)
})

t.test('what the file does not name cannot be a target, and what was given is not repeated', async t => {
  const other = await recordingUpstream(t, marked)
  const folder = aBenchFolder(t, { url: other.url, callers })
  const { code, stdout, stderr } = await folder.run([`http://root:canary@127.0.0.1:${other.port}/`])
  t.equal(code, 2)
  t.equal(stdout, '')
  t.match(
    stderr,
    /^altgate: TARGET must be in the settings file. Targets in .*bench\.yaml: here\nSee: altgate bench/,
  )
  t.notMatch(stderr, 'canary')
  t.equal(other.requests.length, 0)
})

t.test('settings that are refused: exit code 78, every complaint with its path', async t => {
  const folder = aBenchFolder(t, { url: 'http://there.example/', callers, load: { arrivals: 'soon' } })
  const { code, stderr } = await folder.run([])
  t.equal(code, 78)
  t.match(stderr, /^ {2}targets\.here\.url: must be https or an address of this machine/m)
  t.match(stderr, /^ {2}load\.arrivals: must be "poisson" or "uniform", but is "soon"$/m)
})

t.test('a report that cannot be written is said before anything is sent', async t => {
  const target = await recordingUpstream(t, marked)
  const folder = aBenchFolder(t, { url: target.url, callers })
  const { code, stderr } = await folder.run(['--html', join(folder.directory, 'none', 'r.html')])
  t.equal(code, 1)
  t.match(stderr, /r\.html cannot be written \(ENOENT\)\. Nothing was done\.$/m)
  t.equal(target.requests.length, 0)
})

t.test('without a file it says how to get one, and that one works with the demo', async t => {
  const cwd = temporaryDirectory(t)
  const program = join(checkout, 'src/altgate.js')
  const inFolder = (...words: string[]) => run(process.execPath, [program, 'bench', ...words], { cwd })
  const missing = await inFolder()
  t.equal(missing.code, 78)
  t.match(missing.stderr, 'bench.yaml: cannot be read: there is no such file; altgate bench --init writes')

  t.equal((await inFolder('--init')).code, 0)
  const written = readFileSync(join(cwd, 'bench.yaml'), 'utf8')
  t.match(await inFolder('--init'), { code: 1, stderr: /bench.yaml already exists/ })
  t.equal(readFileSync(join(cwd, 'bench.yaml'), 'utf8'), written)
  t.match(
    (await inFolder('demo', '--rate', '0')).stderr,
    '--rate <N,...>: It must be a whole number from 1 to 100000.',
  )
})

t.test('Ctrl-C ends it early, with a report of what was measured so far', async t => {
  const target = await recordingUpstream(t, marked)
  const folder = aBenchFolder(t, { url: target.url, callers, load: { durationSeconds: 600 } })
  const [json, html] = [join(folder.directory, 'r.json'), join(folder.directory, 'r.html')]
  const running = folder.start(['--json', json, '--html', html])
  await until(() => target.requests.length > 20)
  running.signal('SIGINT')
  t.equal(await running.exit(), 0)
  t.match(running.printed(), /^anna +allow 200 +\d+$/m)
  t.match(running.printed(), /^The test was ended early\./m)
  t.match(JSON.parse(readFileSync(json, 'utf8')), { endedEarly: true, failures: [] })
  t.ok(existsSync(html))
})

t.test('on a terminal a bar shows how far it is', async t => {
  const target = await recordingUpstream(t, marked)
  const { file } = aBenchFolder(t, { url: target.url, callers })
  const screen = await (await onTerminal(t, aDesk(t), ['bench', '--config', file])).screen()
  t.match(screen, /[█░]{10}.* of 1 s · \d+ requests · Ctrl-C/)
  t.match(screen, /anna +allow 200 +\d+/)
  t.match(screen, 'code 0')
})

t.test('what waits behind a stalled target is measured from when it was due', async t => {
  const report = await measured(t, holdingBack(40))
  // A closed loop would wait for the first answer, and the 40th request would never come. The first was due 390 ms
  // before it, the second 380 ms, and so on: of 100 requests, 10 have waited 300 ms or more, however fast we are.
  t.equal(report.callers[0]?.due, 100)
  t.equal(report.callers[0]?.expected, 100)
  const { p90 = 0, max = 0 } = report.callers[0]?.latencyMs ?? {}
  t.ok(p90 >= 289, `p90 ${p90} ms`)
  t.ok(max >= 389, `max ${max} ms`)
})

t.test('a target that hangs is a timeout, and holds up the end only so long', async t => {
  const report = await measured(t, (request, response) => {
    if (request.headers.authorization === undefined) marked(request, response)
  })
  t.match(report.callers[0]?.outcomes, [{ outcome: 'timeout', count: 100 }])
  t.match(report.failures, [])
})

t.test('every guess is another one', async t => {
  const target = await recordingUpstream(t, marked)
  const guessing = {
    wrong: { kind: 'wrong', user: 'anna' },
    unknown: { kind: 'unknown' },
    anonymous: { kind: 'anonymous' },
  }
  const folder = aBenchFolder(t, { url: target.url, callers: guessing, load: { ratesPerSecond: [90] } })
  await folder.run(['--quiet'])
  const presented = target.requests.flatMap(each => each.values('authorization')).map(decoded)
  t.ok(presented.length > 20)
  t.equal(new Set(presented.map(each => each.password)).size, presented.length)
  const names = presented.map(each => each.user)
  const strangers = names.filter(each => each !== 'anna')
  t.equal(new Set(strangers).size, strangers.length)
  t.ok(strangers.length > 5 && strangers.length < names.length)
})

t.test(
  'the secret of the load-test lane travels with every request of the load, not with the first probe',
  async t => {
    const target = await recordingUpstream(t, marked)
    const secret = 'canary-canary-canary'
    const folder = aBenchFolder(t, { url: target.url, callers, target: { loadTestSecret: secret } })
    await folder.run(['--quiet'])
    const [probe, ...rest] = target.requests.map(each => each.values('x-altgate-load-test'))
    t.strictSame(probe, [])
    t.ok(rest.length > 5)
    t.ok(rest.every(values => values.join() === secret))
  },
)

t.test('it has a help text, and every exit is documented there', async t => {
  const { stdout } = await altgate(['bench', '--help'], process.env)
  t.match(stdout, '\nExamples:\n  altgate bench')
  t.match(stdout, 'altgate bench --init writes a bench.yaml')
})

/** Answers nobody until so many are waiting. */
function holdingBack(many: number): Respond {
  const held: (() => void)[] = []
  return (request, response) => {
    if (request.headers.authorization === undefined || held.length >= many) return marked(request, response)
    held.push(() => marked(request, response))
    if (held.length === many) for (const answer of held) answer()
  }
}

/** The report on one second with 100 requests a second, each given up after two seconds. */
async function measured(t: Test, respond: Respond) {
  const target = await recordingUpstream(t, respond)
  const benched = await bench(
    {
      target: { name: 'here', url: target.url },
      callers: [anna],
      load: { ...load, durationSeconds: 1, timeoutSeconds: 2 },
      thresholds: {},
    },
    { stop: new AbortController().signal, progress() {} },
  )
  if ('refused' in benched) throw new Error('the target was taken for a stranger')
  return benched.report
}

function decoded(header: string): { readonly user: string; readonly password: string } {
  const [user = '', password = ''] = Buffer.from(header.replace('Basic ', ''), 'base64').toString().split(':')
  return { user, password }
}
