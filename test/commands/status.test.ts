import { hostname } from 'node:os'
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { startAltgate } from '../support/altgate.ts'
import { ask } from '../support/ask.ts'
import { freePort } from '../support/ports.ts'
import { start } from '../support/program.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { until } from '../support/until.ts'
import { aDesk } from './desk.ts'
import { onTerminal } from './terminal.ts'

const anna = 'anna@example.com'
const directory = '5f0c2a9e-3b1d-4c66-9d0a-7a51c3e8f214'

t.test('one screen says how the gateway is, and what the store knows', async t => {
  const upstream = await recordingUpstream(t)
  const altgate = await startAltgate(t)
  await altgate.arrange({
    accounts: { fabrikam: upstream.url, broken: 'http://127.0.0.1:9', moved: upstream.url },
    passwords: { [anna]: 'canary-right' },
  })
  await altgate.must(['directory', 'add', directory, '--name', 'Contoso Ltd'])
  await altgate.must(['account', 'connect', 'moved', '--directory', directory])
  const send = (account: string, password: string) =>
    ask(`${altgate.url}/${account}/x`, { as: [anna, password] })
  await send('fabrikam', 'canary-right')
  await send('broken', 'canary-right')
  const { headers } = await send('fabrikam', 'canary-wrong')
  const reference = String(headers['x-request-id'])
  await until(async () => {
    const told = await altgate.tell('/status.json')
    return told.includes(reference) && told.includes('"perSecond":{"')
  })

  t.notMatch(await altgate.tell('/status.json'), /anna|fabrikam|moved|broken|Contoso|canary|mismatch|cli:/)

  const { code, stdout, stderr } = await altgate.cli(['status'])
  t.equal(code, 0)
  t.equal(stderr, '')
  t.match(stdout, new RegExp(`^Altgate \\S+ on ${hostname()}, ready: 1 of 1 worker listens, up `))
  t.match(stdout, /^Last \d+ s: cache hits \S+ %; hash queue 0 of \d+; hashes \S+\/s$/m)
  t.match(stdout, /^allow +\S+ +\S+$/m)
  t.match(stdout, /^store +up +since \d\d:\d\d:\d\d \(\d+ s\)$/m)
  t.match(stdout, /^upstreams +DOWN +since .*that of 1 account does not answer/m)
  t.match(stdout, new RegExp(`^${hostname()} .* ready, 1/1 workers, this one$`, 'm'))
  t.match(stdout, /^CERTIFICATES\nThe settings name none.$/m)
  t.match(stdout, /^\d+ s ago +moved +Contoso Ltd +cli:\S+$/m)
  t.match(stdout, new RegExp(`^\\d+ s ago +${reference}  refused +fabrikam  ${anna}  mismatch$`, 'm'))
  t.notMatch(stdout, 'canary')

  const json = JSON.parse(await altgate.must(['status', '--json']))
  t.match(json, {
    gateway: { state: 'ready', workers: { listening: 1, of: 1 } },
    last60s: { perSecond: {}, cacheHits: Number },
    hashing: { queue: 0 },
    parts: [
      { part: 'store', state: 'up' },
      { part: 'upstreams', state: 'down' },
    ],
    gateways: [{ self: true, ready: true }],
    moves: [{ account: 'moved', directory: 'Contoso Ltd' }],
    certificates: [],
    charts: { stepSeconds: 10 },
  })
  t.ok(
    json.refusals.some(
      (each: { reference: string; user?: string }) => each.reference === reference && each.user === anna,
    ),
  )

  // Without a terminal, a state is a line, and it goes on until it is stopped.
  const words = ['src/altgate.js', 'status', '--watch', '--json', '--config', altgate.config]
  const watching = start(t, words, process.env)
  await until(
    () =>
      watching
        .printed()
        .split('\n')
        .filter(line => line.startsWith('{')).length > 1,
  )
  t.equal(await watching.stop(), 0)
  for (const line of watching.printed().trim().split(/\n+/))
    t.match(JSON.parse(line), { gateway: { state: 'ready' } })

  // It is killed: the store still knows it.
  process.kill(altgate.pid, 'SIGKILL')
  await altgate.exit()
  const gone = await altgate.cli(['status'])
  t.equal(gone.code, 1)
  t.match(
    gone.stderr,
    /^altgate: No gateway answers on 127\.0\.0\.1:\d+ \(the operations port\): nothing listens there/,
  )
  t.match(gone.stderr, /Start it with altgate serve, or give the settings it runs with: --config FILE\.\n$/)
  t.match(gone.stdout, /^No gateway answers here\./)
  t.match(gone.stdout, new RegExp(`^${hostname()} `, 'm'))
  t.match(gone.stdout, reference)
  t.match(JSON.parse((await altgate.cli(['status', '--json'])).stdout), {
    gateway: { unknown: 'nothing listens there (connection refused)' },
    gateways: [{ self: false }],
  })
})

t.test('it says what it cannot find out, and why', async t => {
  const other = createServer((_, response) => void response.writeHead(404).end())
  await once(other.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => other.close())
  const { port } = other.address() as AddressInfo
  const desk = aDesk(t, { ALTGATE__OPERATIONS__PORT: String(port) }, { isMade: false })
  const { code, stdout, stderr } = await desk.run(['status'])
  t.equal(code, 1)
  t.match(stderr, /another program, or an older Altgate, is listening there/)
  t.match(stdout, /^GATEWAYS, MOVES AND REFUSALS\nunknown, because there is no store in /m)
  const any = aDesk(t, { ALTGATE__OPERATIONS__PORT: '0' })
  t.match((await any.run(['status'])).stderr, /operations.port is 0, so the gateway chose a port/)
})

t.test('on a terminal it is drawn in place, and the terminal is given back', async t => {
  const desk = aDesk(t, { ALTGATE__OPERATIONS__PORT: String(await freePort()) })
  const drawn = await onTerminal(t, desk, ['status', '--watch'], 'xterm')
  await drawn.type('No gateway answers here.', '\x03')
  const screen = await drawn.screen()
  t.match(screen, '\x1b[?1049h')
  t.ok(
    screen.indexOf('\x1b[?1049l') > screen.indexOf('No gateway answers here.'),
    'the shell has its screen again',
  )
  t.ok(screen.lastIndexOf('\x1b[?25h') > screen.lastIndexOf('\x1b[?25l'), 'and its cursor')
  t.match(screen, /code 0$/m)
  t.match(screen, / icanon .* echo /s)

  const blocks = await onTerminal(t, desk, ['status', '--watch'])
  await blocks.type('None is kept.', '')
  await blocks.type('None is kept.', '\x03')
  const printed = await blocks.screen()
  t.match(printed, /This terminal cannot be redrawn: one state follows the other. Ctrl-C ends it./)
  t.notMatch(printed, '\x1b[?')
  t.match(printed, /code 0$/m)
})
