import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import t from 'tap'
import { startAltgate } from '../support/altgate.ts'
import { ask, summary } from '../support/ask.ts'
import { metric } from '../support/metrics.ts'
import { workersOf } from '../support/processes.ts'
import { checkout } from '../support/program.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { run, succeeded } from '../support/run.ts'
import { until } from '../support/until.ts'

const anna = 'anna@example.com'
const right = 'the password of anna'

t.test(
  '1,500 idle connections from one address do not affect other clients, at a limit of 1,024 files',
  async t => {
    const upstream = await recordingUpstream(t)
    const within = ['prlimit', '--nofile=1024:1024']
    const altgate = await startAltgate(t, { within })
    const checked = await run(
      'prlimit',
      [...within.slice(1), process.execPath, 'src/altgate.js', 'check', '--config', altgate.config],
      { cwd: checkout },
    )
    t.match(
      checked.stdout,
      /^ok {6}limits {6}1024 open files: each worker takes 448 connections, 112 from one address$/m,
    )
    await altgate.arrange({ accounts: { contoso: upstream.url }, passwords: { [anna]: right } })

    const sockets: Socket[] = []
    t.teardown(() => sockets.forEach(socket => socket.destroy()))
    for (let at = 0; at < 1500; at++) {
      const socket = connect({ port: altgate.port, host: '127.0.0.1', localAddress: '127.0.0.2' })
      sockets.push(socket.on('error', () => {}))
      await once(socket, 'connect')
    }
    const tries = (count: number) =>
      Promise.all(Array.from({ length: count }, () => ask(`${altgate.url}/contoso/x`, { as: [anna, right] })))
    t.equal(summary(await tries(50)), '200 allow')
    await until(
      async () => (await metric(altgate, 'altgate_connections_closed_total', { reason: 'gave-way' })) > 1300,
    )
    t.ok((await metric(altgate, 'altgate_connections')) < 200)
    t.match(
      altgate.logs(),
      /"because":"gave-way","from":"127.0.0.2","msg":"connections of callers are being closed"/,
    )
    t.equal(altgate.logs().match(/connections of callers are being closed/g)?.length, 1, 'told once')
    t.match(JSON.parse(await altgate.tell('/ready')), { ready: true })
    t.notMatch(altgate.logs(), /EMFILE|upstream failed/)

    for (const socket of sockets) socket.destroy()
    await until(async () => (await metric(altgate, 'altgate_connections')) < 5)
    t.equal(summary(await tries(50)), '200 allow')
  },
)

t.test('a gateway that has no descriptor left for an upstream blames itself, not the upstream', async t => {
  const upstream = await recordingUpstream(t)
  const altgate = await startAltgate(t)
  await altgate.arrange({ accounts: { contoso: upstream.url }, passwords: { [anna]: right } })
  t.equal(summary([await ask(`${altgate.url}/contoso/x`, { as: [anna, right] })]), '200 allow')
  await until(() => upstream.open() === 0)

  const [worker = 0] = workersOf(altgate.pid)
  const caller = connect({ port: altgate.port, host: '127.0.0.1' })
  t.teardown(() => caller.destroy())
  let text = ''
  caller.on('data', chunk => (text += chunk))
  await once(caller, 'connect')
  await until(async () => (await metric(altgate, 'altgate_connections')) === 1)
  const open = readdirSync(`/proc/${worker}/fd`).map(Number)
  succeeded('prlimit', await run('prlimit', [`--pid=${worker}`, `--nofile=${Math.max(...open) + 1}:`]))
  // What is free below the limit is taken by others first.
  const authorization = Buffer.from(`${anna}:${right}`).toString('base64')
  const gaps = Math.max(...open) + 1 - open.length
  const others = Array.from({ length: gaps }, () => connect({ port: altgate.port, host: '127.0.0.1' }))
  t.teardown(() => others.forEach(socket => socket.destroy()))
  await until(() => readdirSync(`/proc/${worker}/fd`).length >= Math.max(...open) + 1)
  caller.write(
    `GET /contoso/x HTTP/1.1\r\nHost: ${new URL(altgate.url).host}\r\nAuthorization: Basic ${authorization}\r\n\r\n`,
  )
  await until(() => text.includes('\r\n\r\n'))
  t.match(text, /^HTTP\/1\.1 503 [^]*X-Altgate-Outcome: unavailable/)
  succeeded('prlimit', await run('prlimit', [`--pid=${worker}`, '--nofile=1024:']))
  t.equal(summary([await ask(`${altgate.url}/contoso/x`, { as: [anna, right] })]), '200 allow', 'and goes on')
})
