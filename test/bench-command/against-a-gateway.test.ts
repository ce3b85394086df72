import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Report } from '../../src/bench/report.ts'
import { startAltgate } from '../support/altgate.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { aBenchFolder } from './settings-file.ts'

const directory = '5f0c2a9e-3b1d-4c66-9d0a-7a51c3e8f214'
const anna = 'anna@example.com'
const canary = 'canary-right-password'
const laneSecret = 'canary-lane-secret-of-16'

t.test('a load test of a real gateway', async t => {
  const upstream = await recordingUpstream(t)
  const altgate = await startAltgate(t)
  const { url } = upstream
  await altgate.arrange({ accounts: { fabrikam: url, contoso: url }, passwords: { [anna]: canary } })
  await altgate.must(['directory', 'add', directory, '--name', 'Contoso'])
  await altgate.must(['account', 'connect', 'contoso', '--directory', directory])

  const password = { env: 'BENCH_PASSWORD' }
  const env = { BENCH_PASSWORD: canary, LANE: laneSecret }
  const callers = {
    good: { kind: 'good', weight: 5, user: anna, password, path: 'fabrikam/welcome' },
    moved: { kind: 'good', weight: 2, user: anna, password, expect: 'reset-needed', path: 'contoso/' },
    wrong: { kind: 'wrong', user: anna, path: 'fabrikam/' },
    unknown: { kind: 'unknown', path: 'fabrikam/' },
    anonymous: { kind: 'anonymous', path: 'fabrikam/' },
  }
  const load = { ratesPerSecond: [20, 30], arrivals: 'uniform', requestsInFlight: 50 }
  const target = { loadTestSecret: { env: 'LANE' } }
  const bench = aBenchFolder(t, { url: `${altgate.url}/`, callers, load, target, env })
  const [json, html] = [join(bench.directory, 'r.json'), join(bench.directory, 'r.html')]

  await t.test('each kind of caller meets its outcome, and the command is content', async t => {
    const { code, stdout, stderr } = await bench.run(['here', '--json', json, '--html', html])
    t.equal(code, 0, stdout + stderr)
    const report = JSON.parse(readFileSync(json, 'utf8')) as Report // just written
    t.match(
      report.callers.map(({ name, due, outcomes }) => [name, due, outcomes]),
      [
        ['good', 25, [{ outcome: 'allow', status: 200, count: 25 }]],
        ['moved', 10, [{ outcome: 'reset-needed', status: 401, count: 10 }]],
        ['wrong', 5, [{ outcome: 'refused', status: 401, count: 5 }]],
        ['unknown', 5, [{ outcome: 'refused', status: 401, count: 5 }]],
        ['anonymous', 5, [{ outcome: 'challenge', status: 401, count: 5 }]],
      ],
    )
    t.match(report.steps, [
      { ratePerSecond: 20, due: 20 },
      { ratePerSecond: 30, due: 30 },
    ])
    t.equal(upstream.requests.length, 25)
    t.equal(upstream.last().url, '/fabrikam/welcome')
    t.match(stdout, /^good +good +25 /m)
    t.match(stdout, /^moved +reset-needed 401 +10$/m)
    t.match(stderr, /^\d+0 % · \d of 2 s · \d+ requests$/m, 'progress goes to standard error')
  })

  await t.test('neither password nor lane secret is in anything that it prints or writes', async t => {
    const { stdout, stderr } = await bench.run(['--json', '-'])
    const basic = Buffer.from(`${anna}:${canary}`).toString('base64')
    const everything = [stdout, stderr, readFileSync(json, 'utf8'), readFileSync(html, 'utf8')]
    for (const text of everything) {
      t.notMatch(text, 'canary')
      t.notMatch(text, basic)
    }
  })

  await t.test('--json - prints JSON alone, and --quiet nothing beside it', async t => {
    const { code, stdout, stderr } = await bench.run(['--json', '-', '--quiet', '--rate', '10'])
    t.equal(code, 0)
    t.equal(stderr, '')
    t.match(JSON.parse(stdout), { target: { name: 'here' }, load: { ratesPerSecond: [10] }, failures: [] })
  })

  await t.test('a good caller that is refused is a defect: exit code 1, and a sentence', async t => {
    const wrongly = aBenchFolder(t, {
      url: altgate.url,
      callers: { anna: { kind: 'good', user: anna, password: 'canary-outdated', path: 'fabrikam/' } },
      load: { ratesPerSecond: [5], arrivals: 'uniform' },
    })
    const { code, stdout, stderr } = await wrongly.run(['--quiet'])
    t.equal(code, 1)
    t.match(stdout, /^anna +refused 401 +5$/m)
    t.equal(stderr, 'altgate: anna (good) got a wrong decision 5 times.\n')
  })

  await t.test('a threshold that is missed fails it, too', async t => {
    const impatient = aBenchFolder(t, {
      url: altgate.url,
      callers: { anna: { kind: 'good', user: anna, password: canary, path: 'fabrikam/slow' } },
      load: { ratesPerSecond: [5], arrivals: 'uniform' },
      thresholds: { p99Ms: 1, errorPercent: 0 },
    })
    const { code, stderr } = await impatient.run(['--quiet'])
    t.equal(code, 1)
    t.match(stderr, /^altgate: anna \(good\) had a p99 of [\d.]+ ms, more than 1 ms\.\n$/)
  })
})
