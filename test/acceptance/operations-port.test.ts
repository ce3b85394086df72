import { userInfo } from 'node:os'
import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { startAltgate } from '../support/altgate.ts'
import { ask, summary } from '../support/ask.ts'
import { metric } from '../support/metrics.ts'
import { freePort } from '../support/ports.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'

const anna = 'anna@example.com'
const right = 'the password of anna'
const directory = '5f0c2a9e-3b1d-4c66-9d0a-7a51c3e8f214'

/** Every metric of ours with the labels that it has, and the values that they may take. */
const labels: Readonly<Record<string, Readonly<Record<string, RegExp>>>> = {
  altgate_decisions_total: { outcome: /^[a-z-]+$/, via: /^(l1|l2|store|none)$/ },
  altgate_decision_seconds: { via: /^(l1|l2|store|none)$/ },
  altgate_undelivered_changes: { to: /^(?:audit|webhook)$/ },
  altgate_password_hashes_total: { result: /^(match|mismatch|decoy|made)$/ },
  altgate_hash_queue_depth: {},
  altgate_upstream_seconds: {},
  altgate_upstream_crowded_total: { result: /^(waits|turned-away)$/ },
  altgate_outages_total: { part: /^(store|redis|hashing|upstream|gateway)$/ },
  altgate_revocation_seconds: {},
  altgate_connections: {},
  altgate_connections_closed_total: { reason: /^[a-z-]+$/ },
  altgate_log_lines_dropped_total: { log: /^(log|audit)$/ },
}

/** An audit line, as far as it is looked at here. */
interface Line {
  readonly audit: string
  readonly outcome?: string
  readonly request?: string
  readonly action?: string
  readonly actor?: string
}

t.test('what operators see of a gateway', async t => {
  const [upstream, redis] = await Promise.all([recordingUpstream(t), startRedis(t)])
  const altgate = await startAltgate(t, { settings: { workers: 2, redis: { url: redis.url } } })
  const address = `${altgate.url}/contoso/x`

  await altgate.must(['account', 'add', 'contoso', '--upstream', upstream.url])
  await altgate.must(['account', 'add', 'broken', '--upstream', `http://127.0.0.1:${await freePort()}`])
  await altgate.must(['credential', 'set', '--scope', 'msa', '--user', anna, '--secondary', 'anna'], {
    stdin: `${right}\n`,
  })
  const answers = [
    await ask(address),
    await ask(address, { as: [anna, right] }),
    await ask(address, { as: ['anna', right] }),
    await ask(address, { as: [anna, 'a wrong password'] }),
    await ask(address, { as: ['nobody@example.com', 'a wrong password'] }),
    await ask(address, { headers: { authorization: 'Bearer x' } }),
    await ask(`${altgate.url}/nobody/x`, { as: [anna, right] }),
    await ask(`${altgate.url}/contoso/../x`),
    await ask(`${altgate.url}/broken/x`, { as: [anna, right] }),
  ]
  await altgate.must(['directory', 'add', directory, '--name', 'Contoso Ltd'])
  await altgate.must(['account', 'connect', 'contoso', '--directory', directory])
  answers.push(await ask(address, { as: [anna, right] }))

  await t.test('/live, /ready and /metrics are on the operations port', async t => {
    t.equal(await altgate.tell('/live'), 'ok\n')
    t.equal(JSON.parse(await altgate.tell('/ready')).ready, true)
    // On a busy machine a part may be late for once.
    await until(async () => {
      const { parts } = JSON.parse(await altgate.tell('/ready'))
      return isDeepStrictEqual(parts, { workers: '2 of 2 listen', store: 'ok', redis: 'ok' })
    })
  })

  await t.test('none of them is on the public port', async t => {
    for (const path of ['/live', '/ready', '/metrics']) {
      const { outcome, body } = await ask(altgate.url + path)
      t.equal(outcome, 'challenge', `${path} is an account like any other`)
      t.notMatch(body, /altgate_|workers/)
    }
  })

  await t.test('the metrics have their names and labels, and contain no user names', async t => {
    const text = await altgate.tell('/metrics')
    for (const name of Object.keys(labels)) t.match(text, new RegExp(`^# TYPE ${name} `, 'm'), name)
    t.match(text, /^process_cpu_seconds_total /m)
    t.match(text, /^nodejs_eventloop_lag_seconds /m)
    t.notMatch(text, /anna|contoso|broken|nobody|example|5f0c2a9e/i)
    const strange = labelsIn(text).filter(([name, label, value]) => !labels[name]?.[label]?.test(value))
    t.strictSame(strange, [])
  })

  await t.test('the metrics count what happened, in whichever process', async t => {
    const decisions = (outcome: string, via: string) =>
      metric(altgate, 'altgate_decisions_total', { outcome, via })
    t.equal(await decisions('challenge', 'none'), 4)
    // Once for each of her names, because the other account has the same scope. If Redis was late, once more in the other worker.
    const fromStore = await decisions('allow', 'store')
    t.ok(fromStore === 2 || fromStore === 3, `allowed from the store: ${fromStore}`)
    t.equal(await metric(altgate, 'altgate_decisions_total', { outcome: 'allow' }), 3)
    t.equal(await decisions('refused', 'store'), 2)
    t.equal(await decisions('reset-needed', 'store'), 1)
    t.equal(await metric(altgate, 'altgate_password_hashes_total', { result: 'decoy' }), 1)
    t.equal(await metric(altgate, 'altgate_outages_total', { part: 'upstream' }), 1)
    t.equal(await metric(altgate, 'altgate_upstream_seconds_count'), 2)
    t.equal(await metric(altgate, 'altgate_decision_seconds_count'), 13)
  })

  await t.test('one audit line for each decision', async t => {
    const lines = linesIn(altgate.logs()).filter(({ audit }) => audit === 'decision')
    for (const { outcome, headers } of answers) {
      const id = headers['x-request-id']
      if (outcome === 'allow') continue
      const decision = outcome === 'upstream-failed' ? 'allow' : outcome
      const its = lines.filter(({ request }) => request === id)
      t.match(its, [{ outcome: decision }], `${outcome}: ${its.length}`)
      t.equal(its.length, 1)
    }
    t.equal(lines.length, 13, 'and no others')
    t.equal(summary(answers).split(', ').length, 8, 'eight kinds of answers')
  })

  await t.test('one audit line for each change, though another process made it', async t => {
    const changes = () => linesIn(altgate.logs()).filter(({ audit }) => audit === 'change')
    await until(() => changes().length === 5)
    const actor = `cli:${userInfo().username}`
    t.match(changes(), [
      { action: 'account-added', actor, account: 'contoso' },
      { action: 'account-added', actor, account: 'broken' },
      { action: 'credential-set', actor, scope: 'msa', users: [anna, 'anna'] },
      { action: 'directory-added', actor },
      { action: 'account-connected', actor, account: 'contoso' },
    ])
  })
})

/** Name, label and value, for every label of ours but a histogram's `le`. */
function labelsIn(text: string): readonly (readonly [name: string, label: string, value: string])[] {
  return [...text.matchAll(/^(altgate_\w+)\{(.*)\} /gm)].flatMap(([, name = '', list = '']) =>
    [...list.matchAll(/(\w+)="([^"]*)"/g)]
      .map(([, label = '', value = '']) => [name.replace(/_(bucket|sum|count)$/, ''), label, value] as const)
      .filter(([, label]) => label !== 'le'),
  )
}

function linesIn(log: string): readonly Line[] {
  return log
    .split('\n')
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(line))
}
