import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { startAltgate } from '../support/altgate.ts'
import { logWorld } from '../support/log-world.ts'
import { pipedOutput } from '../support/piped-output.ts'
import { freePort } from '../support/ports.ts'
import { altgate as command } from '../support/program.ts'
import { reset } from '../support/reset.ts'
import { until } from '../support/until.ts'

/** A syslog receiver over TCP: what it has read, and its going away. */
async function receiver(t: Test) {
  let read = ''
  const port = await freePort() // it comes back to the same one
  const sockets = new Set<Socket>()
  const make = () =>
    createServer(socket => {
      sockets.add(socket)
      socket.on('error', () => {}).setEncoding('utf8')
      socket.on('data', (chunk: string) => (read += chunk))
    })
  let server = make()
  const come = async () => {
    server = make().listen(port, '127.0.0.1')
    await once(server, 'listening')
  }
  const leave = () => {
    server.close()
    for (const socket of sockets) reset(socket)
    sockets.clear()
  }
  await come()
  t.teardown(leave)
  /** The values of a field, in order. */
  const values = (field: string) =>
    [...read.matchAll(new RegExp(`"${field}":"?([\\w.-]+)`, 'g'))].map(found => found[1])
  return { url: `tcp://127.0.0.1:${port}`, come, leave, values }
}

t.test('a syslog receiver that goes away: 503 if the settings say so, and no line is lost', async t => {
  const { url, come, leave, values } = await receiver(t)
  const settings = { audit: { syslog: { url }, onFailure: 'refuse' } }
  const { altgate, tries, dropped } = await logWorld(t, { settings })
  t.equal(await tries(50), '200 allow')
  leave()
  await until(async () => (await tries(50)) === '503 unavailable')
  const told = /"code":"ECONN(?:REFUSED|RESET)","msg":"audit lines cannot be written"/
  await until(() => told.test(altgate.logs()))
  await altgate.must(['account', 'add', 'fabrikam', '--upstream', 'http://127.0.0.1:1'])
  await come()
  await until(async () => (await tries(50)) === '200 allow')
  await until(() => values('action').includes('account-added') && values('account').includes('fabrikam'))
  t.equal(await altgate.stop(), 0)
  const numbers = values('revision').map(Number)
  t.strictSame(
    [...new Set(numbers)],
    numbers.map((_, at) => at + 1).slice(0, new Set(numbers).size),
    'every change, in order',
  )
  t.equal(await dropped('audit').catch(() => 0), 0)
})

t.test('a syslog receiver that was never there: requests go on, and what is lost is counted', async t => {
  const { url, leave } = await receiver(t)
  leave()
  const settings = { audit: { syslog: { url } }, log: { bufferKiB: 16 } }
  const { altgate, triesUntilDropped, isWhole } = await logWorld(t, { settings })
  t.equal(await triesUntilDropped('audit'), '200 allow')
  t.ok(isWhole(), 'no worker has died')
  t.equal(await altgate.stop(), 0)
})

t.test(
  'standard output whose reader has left: 503 if the settings say so, until another one comes',
  async t => {
    const output = pipedOutput(t)
    const settings = { audit: { onFailure: 'refuse' }, log: {} }
    const { altgate, tries, isWhole } = await logWorld(t, { within: output.within, settings })
    t.equal(await tries(50), '200 allow')
    await output.leave()
    await until(async () => (await tries(50)) === '503 unavailable')
    output.comeBack()
    await until(async () => (await tries(50)) === '200 allow')
    t.ok(isWhole(), 'no worker has died')
    t.equal(await altgate.stop(), 0)
    output.comeBack() // one to end: the former has seen the end of the pipe
  },
)

t.test('a receiver whose address says nothing is refused at the start', async t => {
  const unnamed = /audit\.syslog\.url: must be udp:\/\/host:port/
  await t.rejects(startAltgate(t, { settings: { audit: { syslog: { url: 'logs.example.com' } } } }), {
    message: unnamed,
  })
  /** What every command says of such settings. */
  const said = async (audit: Readonly<Record<string, unknown>>) => {
    const env = { ...process.env, ALTGATE__AUDIT: JSON.stringify(audit) }
    const { code, stderr } = await command(['settings'], env)
    return `${code} ${stderr}`
  }
  t.match(await said({ syslog: { url: 'logs.example.com' } }), unnamed, 'as at the start')
  for (const url of ['http://logs.example.com', 'tcp://', 'unix:relative'])
    t.match(await said({ syslog: { url } }), unnamed, url)
  t.match(
    await said({ file: 'a', syslog: { url: 'udp://a:1' } }),
    /^78 .*audit: must have at most one of file and syslog/s,
  )
})
