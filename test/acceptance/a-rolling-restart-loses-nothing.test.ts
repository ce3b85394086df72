import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { startAltgate, type Altgate } from '../support/altgate.ts'
import { ask } from '../support/ask.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { metric } from '../support/metrics.ts'
import { freePort } from '../support/ports.ts'
import { lanesOf, workersOf } from '../support/processes.ts'
import { serve } from '../support/program.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { until } from '../support/until.ts'

const anna = 'anna@example.com'
const right = 'the password of anna'

async function gateway(
  t: Test,
  upstream: string,
  settings: Readonly<Record<string, unknown>>,
): Promise<Altgate> {
  const altgate = await startAltgate(t, { settings })
  await altgate.arrange({ accounts: { contoso: upstream }, passwords: { [anna]: right } })
  return altgate
}

/** Starts one that has stopped, on its settings, ports and store. */
async function startAgain(t: Test, { config, operationsUrl }: Altgate): Promise<void> {
  serve(t, ['serve', '--config', config], process.env)
  await until(async () => (await ask(`${operationsUrl}/ready`).catch(() => ({ status: 0 }))).status === 200)
}

/** HAProxy in front of these gateways, which asks for `/ready` twice a second. */
async function haproxy(t: Test, gateways: readonly Altgate[]): Promise<string> {
  const port = await freePort()
  const servers = gateways.map(
    ({ port, operationsUrl }, at) =>
      `  server s${at} 127.0.0.1:${port} check port ${new URL(operationsUrl).port} inter 500ms fall 2 rise 1`,
  )
  const config = join(temporaryDirectory(t), 'haproxy.cfg')
  const lines = [
    'defaults',
    '  mode http',
    '  timeout connect 2s',
    '  timeout client 30s',
    '  timeout server 30s',
    'listen altgate',
    `  bind 127.0.0.1:${port}`,
    '  option httpchk GET /ready',
    '  http-reuse always',
    '  retries 0',
    ...servers,
    '',
  ]
  writeFileSync(config, lines.join('\n'))
  const child = spawn('haproxy', ['-f', config, '-db'], { stdio: 'ignore' })
  t.teardown(async () => {
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  return `http://127.0.0.1:${port}`
}

/**
 * Eight callers until they are told to end, and how often which status came; 0: no answer. They rest between two requests:
 * HAProxy and the gateways that end and start need the machine as well.
 */
function keepCalling(tries: () => Promise<{ readonly status: number }>) {
  const statuses = new Map<number, number>()
  let going = true
  const callers = Array.from({ length: 8 }, async () => {
    while (going) {
      const { status } = await tries().catch(() => ({ status: 0 }))
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      await delay(40)
    }
  })
  return {
    statuses,
    async end() {
      going = false
      await Promise.all(callers)
    },
  }
}

t.test('both gateways behind HAProxy are restarted in turn under load, and no request is lost', async t => {
  const upstream = await recordingUpstream(t)
  const stop = { drainSeconds: 3, graceSeconds: 10 }
  const gateways = [
    await gateway(t, upstream.url, { stop }),
    await gateway(t, upstream.url, { stop }),
  ] as const
  const url = await haproxy(t, gateways)
  const { host } = new URL(gateways[0].url)
  const tries = () => ask(`${url}/contoso/x`, { as: [anna, right], headers: { host } })
  const serves = async (each: Altgate) =>
    (await metric(each, 'altgate_decisions_total', { outcome: 'allow' })) > 0
  await until(async () => {
    await tries().catch(() => undefined)
    return (await Promise.all(gateways.map(serves))).every(served => served)
  })

  const calls = keepCalling(tries)
  for (const each of gateways) {
    t.equal(await each.stop(), 0)
    const before = calls.statuses.get(200) ?? 0
    await until(() => (calls.statuses.get(200) ?? 0) > before + 100)
    t.pass('the other one serves alone')
    await startAgain(t, each)
    await until(() => serves(each))
  }
  await calls.end()
  t.strictSame(
    [...calls.statuses.keys()],
    [200],
    `${calls.statuses.get(200)} requests, and nothing but their answers`,
  )
})

t.test('between SIGTERM and the end, new callers are served, and their connections closed', async t => {
  const upstream = await recordingUpstream(t)
  const altgate = await gateway(t, upstream.url, { stop: { drainSeconds: 3, graceSeconds: 10 } })
  const kept = connect({ port: altgate.port, host: '127.0.0.1' })
  t.teardown(() => kept.destroy())
  let text = ''
  kept.on('data', chunk => (text += chunk))
  const get = `GET /contoso/x HTTP/1.1\r\nHost: ${new URL(altgate.url).host}\r\n\r\n`
  kept.write(get)
  await until(() => text.includes('challenge'))
  t.notMatch(text, /connection: close/i)
  const stopped = altgate.stop()
  await until(async () => (await fetch(`${altgate.operationsUrl}/ready`)).status === 503)
  await until(
    async () =>
      (await ask(`${altgate.url}/contoso/x`, { as: [anna, right] })).headers['connection'] === 'close',
  )
  text = ''
  kept.write(get)
  await once(kept, 'close')
  t.match(text, /^HTTP\/1\.1 401 [^]*connection: close/i)
  t.equal(await stopped, 0)
})

t.test('signals without a meaning do no harm, and Ctrl-C does not wait for load balancers', async t => {
  const upstream = await recordingUpstream(t)
  const altgate = await gateway(t, upstream.url, { stop: { drainSeconds: 600, graceSeconds: 600 } })
  const family = () => [altgate.pid, ...workersOf(altgate.pid), ...lanesOf(altgate.pid)]
  const before = family()
  for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const)
    for (const pid of before) process.kill(pid, signal)
  // What a signal does comes before what is asked after it.
  for (let times = 0; times < 20; times++)
    t.equal((await ask(`${altgate.url}/contoso/x`, { as: [anna, right] })).status, 200)
  t.strictSame(family(), before)
  t.notMatch(altgate.logs(), /Debugger listening/)
  altgate.signal('SIGINT')
  t.equal(await altgate.exit(), 0)
})
