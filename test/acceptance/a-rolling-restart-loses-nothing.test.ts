import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { parse, stringify } from 'yaml'
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

async function gateway(t: Test, upstream: string): Promise<Altgate> {
  const altgate = await startAltgate(t, { settings: { stop: { drainSeconds: 3, graceSeconds: 10 } } })
  await altgate.arrange({ accounts: { contoso: upstream }, passwords: { [anna]: right } })
  return altgate
}

/** Starts one that has stopped, on its ports and store, with so many seconds for load balancers when it stops again. */
async function startAgain(t: Test, altgate: Altgate, drainSeconds: number): Promise<Altgate> {
  const { config, operationsUrl } = altgate
  const settings = { ...parse(readFileSync(config, 'utf8')), stop: { drainSeconds, graceSeconds: 600 } }
  writeFileSync(config, stringify(settings))
  const { pid, signal, exit, stop, printed } = serve(t, ['serve', '--config', config], process.env)
  await until(async () => (await ask(`${operationsUrl}/ready`).catch(() => ({ status: 0 }))).status === 200)
  return { ...altgate, pid, signal, exit, stop, logs: printed }
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
 * Four callers until they are told to end, and how often which status came; 0: no answer. They rest between two requests:
 * HAProxy and the gateways that end and start need the machine as well.
 */
function keepCalling(tries: () => Promise<{ readonly status: number }>) {
  const statuses = new Map<number, number>()
  let going = true
  const callers = Array.from({ length: 4 }, async () => {
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

t.test('two gateways behind HAProxy', async all => {
  const upstream = await recordingUpstream(all)
  const gateways = [await gateway(all, upstream.url), await gateway(all, upstream.url)] as const
  const url = await haproxy(all, gateways)
  const again: Altgate[] = []

  await all.test('both are restarted in turn under load, and no request is lost', async t => {
    const { host } = new URL(gateways[0].url)
    const tries = () => ask(`${url}/contoso/x`, { as: [anna, right], headers: { host } })
    const serves = async (each: Altgate) =>
      (await metric(each, 'altgate_decisions_total', { outcome: 'allow' })) > 0
    await until(async () => {
      await tries().catch(() => undefined)
      return (await Promise.all(gateways.map(serves))).every(served => served)
    })

    const calls = keepCalling(tries)
    for (const [each, drainSeconds] of [
      [gateways[0], 3],
      [gateways[1], 600],
    ] as const) {
      t.equal(await each.stop(), 0)
      const before = calls.statuses.get(200) ?? 0
      await until(() => (calls.statuses.get(200) ?? 0) > before + 100)
      t.pass('the other one serves alone')
      again.push(await startAgain(all, each, drainSeconds))
      await until(() => serves(each))
    }
    await calls.end()
    t.strictSame(
      [...calls.statuses.keys()],
      [200],
      `${calls.statuses.get(200)} requests, and nothing but their answers`,
    )
  })
  const [first, second] = again
  if (first === undefined || second === undefined) return // the test above says why

  await all.test('between SIGTERM and the end, callers are served, and their connections closed', async t => {
    const kept = connect({ port: first.port, host: '127.0.0.1' })
    t.teardown(() => kept.destroy())
    let text = ''
    kept.on('data', chunk => (text += chunk))
    const get = `GET /contoso/x HTTP/1.1\r\nHost: ${new URL(first.url).host}\r\n\r\n`
    kept.write(get)
    await until(() => text.includes('challenge'))
    t.notMatch(text, /connection: close/i)
    const stopped = first.stop()
    await until(async () => (await ask(`${first.operationsUrl}/ready`)).status === 503)
    await until(
      async () =>
        (await ask(`${first.url}/contoso/x`, { as: [anna, right] })).headers['connection'] === 'close',
    )
    text = ''
    kept.write(get)
    await once(kept, 'close')
    t.match(text, /^HTTP\/1\.1 401 [^]*connection: close/i)
    t.equal(await stopped, 0)
  })

  await all.test(
    'signals without a meaning do no harm, and Ctrl-C does not wait for load balancers',
    async t => {
      const family = () => [second.pid, ...workersOf(second.pid), ...lanesOf(second.pid)]
      const before = family()
      for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const)
        for (const pid of before) process.kill(pid, signal)
      // What a signal does comes before what is asked after it.
      for (let times = 0; times < 20; times++)
        t.equal((await ask(`${second.url}/contoso/x`, { as: [anna, right] })).status, 200)
      t.strictSame(family(), before)
      t.notMatch(second.logs(), /Debugger listening/)
      second.signal('SIGINT')
      t.equal(await Promise.race([second.exit(), delay(30_000, 'it waits', { ref: false })]), 0)
    },
  )
})
