import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { Agent } from 'node:http'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { connect } from 'node:tls'
import t, { type Test } from 'tap'
import { parse, stringify } from 'yaml'
import { startAltgate, type Altgate } from '../support/altgate.ts'
import { ask, summary } from '../support/ask.ts'
import { makeCertificate } from '../support/certificate.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { freePort } from '../support/ports.ts'
import { workersOf } from '../support/processes.ts'
import { checkout } from '../support/program.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { until } from '../support/until.ts'

const anna = ['anna@example.com', 'the password of anna'] as const

/** Changes groups of the settings file. */
function edit(altgate: Altgate, groups: Readonly<Record<string, unknown>>): void {
  writeFileSync(altgate.config, stringify({ ...parse(readFileSync(altgate.config, 'utf8')), ...groups }))
}

/** The lines of the log with this message. */
function linesOf(altgate: Altgate, message: string): readonly Record<string, unknown>[] {
  return altgate
    .logs()
    .split('\n')
    .flatMap(line => (line.includes(`"msg":"${message}"`) ? [JSON.parse(line)] : []))
}

async function world(t: Test, options: Parameters<typeof startAltgate>[1] = {}) {
  const upstream = await recordingUpstream(t)
  const altgate = await startAltgate(t, { ...options, settings: { workers: 2, ...options.settings } })
  await altgate.arrange({ accounts: { contoso: upstream.url }, passwords: { [anna[0]]: anna[1] } })
  const hup = async () => {
    const before = linesOf(altgate, 'settings reloaded').length
    altgate.signal('SIGHUP')
    await until(() => linesOf(altgate, 'settings reloaded').length > before)
  }
  return { upstream, altgate, hup, url: `${altgate.url}/contoso/x` }
}

/** One gateway for all tests that leave it as it was. */
const shared = await world(t)
const original = readFileSync(shared.altgate.config, 'utf8')

async function restore(): Promise<void> {
  writeFileSync(shared.altgate.config, original)
  await shared.altgate.must(['reload'])
}

t.test('SIGHUP puts settings into force in every worker, on connections that are open', async t => {
  const { altgate, upstream, hup, url } = shared
  const workers = String(workersOf(altgate.pid))
  const agents = Array.from({ length: 8 }, () => new Agent({ keepAlive: true, maxSockets: 1 }))
  t.teardown(() => agents.forEach(each => each.destroy()))
  const all = async () => summary(await Promise.all(agents.map(agent => ask(url, { as: anna, agent }))))
  t.equal(await all(), '200 allow')
  const sent = () => upstream.requests.at(-1)?.values('authorization')[0]
  t.equal(sent(), undefined)

  edit(altgate, {
    upstreamAuth: { method: 'swapped-credential', scheme: 'bearer', credential: 'a-token' },
    trustedProxies: ['127.0.0.1'],
    log: { ...parse(readFileSync(altgate.config, 'utf8')).log, level: 'warn' },
  })
  altgate.signal('SIGHUP')
  // No line says when it is done, at this level of the log, and one worker may be later than the other.
  await until(async () => {
    const before = upstream.requests.length
    const answered = await all()
    const tokens = upstream.requests.slice(before).map(each => each.values('authorization')[0])
    return answered === '200 allow' && tokens.every(each => each === 'Bearer a-token')
  })
  const seen = new Set<unknown>()
  const before = upstream.requests.length
  t.equal(await all(), '200 allow')
  for (const each of upstream.requests.slice(before)) seen.add(each.values('authorization')[0])
  t.strictSame([...seen], ['Bearer a-token'], 'no worker uses the former settings')
  t.equal(String(workersOf(altgate.pid)), workers, 'the same processes')
  const lines = linesOf(altgate, 'allow').length
  await all()
  t.equal(linesOf(altgate, 'allow').length, lines, 'the log level is in force')

  edit(altgate, { log: { ...parse(readFileSync(altgate.config, 'utf8')).log, level: 'info' } })
  await hup()
  t.match(linesOf(altgate, 'settings reloaded').at(-1), { changed: ['log.level'] })

  const see = async (path: string, headers = {}) => await ask(`${altgate.url}${path}`, { headers })
  t.equal((await see('/_altgate/logo')).status, 404)
  const logo = join(temporaryDirectory(t), 'logo.svg')
  writeFileSync(logo, '<svg xmlns="http://www.w3.org/2000/svg"/>')
  edit(altgate, { page: { name: 'Contoso Git', logo, support: 'help@example.com', text: 'For staff only.' } })
  await hup()
  for (let at = 0; at < 8; at += 1) {
    const { body } = await see('/_altgate/')
    for (const part of [
      '– Contoso Git</title>',
      '/_altgate/logo',
      'Help: help@example.com',
      'For staff only.',
    ])
      t.match(body, part, 'each worker has the page of the settings')
  }
  t.equal((await see('/_altgate/logo')).status, 200)
  const asBrowser = { accept: 'text/html', 'sec-fetch-mode': 'navigate' }
  t.match((await see('/nothing', asBrowser)).body, '<span>Contoso Git</span>', 'and answers to browsers')
  writeFileSync(logo, '<svg xmlns="http://www.w3.org/2000/svg"><g/></svg>')
  edit(altgate, { page: { logo } })
  await hup()
  t.match((await see('/_altgate/logo')).body, '<g/>', 'the logo was read again')
  t.match((await see('/_altgate/')).body, '– Altgate</title>', 'what was taken out is gone')
  await restore()
})

t.test('what cannot change is named and keeps its value', async t => {
  const { altgate, url } = shared
  edit(altgate, {
    workers: 1,
    hashing: { lanes: 2 },
    store: { url: 'sqlite:elsewhere.db' },
    listen: { host: '127.0.0.1', port: altgate.port, tls: { certFile: 'a', keyFile: 'b' } },
    publicUrl: 'http://other.example.com',
  })
  const wrong = await altgate.cli(['reload'])
  t.equal(wrong.code, 78, 'the TLS files do not exist')
  edit(altgate, { listen: { host: '127.0.0.1', port: altgate.port + 1 } })
  t.equal(
    await altgate.must(['reload']),
    'Reloaded: publicUrl.\nKept until a restart: listen.port, workers, store.url, hashing.lanes.\n',
  )
  const kept = () => linesOf(altgate, 'these settings keep their values until a restart')
  await until(() => kept().length > 0) // written after the command has its answer, on a busy machine
  t.match(kept(), [{ kept: ['listen.port', 'workers', 'store.url', 'hashing.lanes'] }])
  t.equal((await ask(url, { as: anna })).outcome, 'allow')
  t.match((await ask(url)).body, 'http://other.example.com')
  await restore()
})

t.test('wrong settings change nothing, and every complaint is in the log', async t => {
  const { altgate, url } = shared
  const allRefusals = () => linesOf(altgate, 'the settings are refused: nothing has changed')
  const before = allRefusals().length
  const refusals = () => allRefusals().slice(before)
  edit(altgate, { publicUrl: 'not an address', plainHttp: 'maybe', nonsense: 1 })
  altgate.signal('SIGHUP')
  await until(() => refusals().length > 0)
  t.match(refusals(), [{ complaints: [/^publicUrl: /, /^plainHttp: /, /^nonsense: unknown setting/] }])
  t.equal((await ask(url, { as: anna })).outcome, 'allow')
  const { code, stderr } = await altgate.cli(['reload'])
  t.equal(code, 78)
  t.match(stderr, 'publicUrl: must be an http or https address')

  writeFileSync(altgate.config, 'listen: [')
  altgate.signal('SIGHUP')
  await until(() => refusals().length > 1)
  renameSync(altgate.config, `${altgate.config}.away`)
  altgate.signal('SIGHUP')
  await until(() => refusals().length > 2)
  writeFileSync(altgate.config, original)
  t.equal(await altgate.must(['reload']), 'Reloaded; no setting has changed.\n')
  t.equal((await ask(url, { as: anna })).outcome, 'allow')
})

t.test('no request fails while SIGHUP comes again and again', async t => {
  const { altgate, url } = shared
  const kept = new Agent({ keepAlive: true, maxSockets: 20 })
  t.teardown(() => kept.destroy())
  await ask(url, { as: anna })
  const reloads = () => linesOf(altgate, 'settings reloaded').length
  const before = reloads()
  let going = true
  let signals = 0
  const signalling = setInterval(() => {
    altgate.signal('SIGHUP')
    signals += 1
  }, 50)
  t.teardown(() => clearInterval(signalling))
  const outcomes = new Map<string, number>()
  const client = async (agent?: Agent) => {
    while (going) {
      const outcome = await ask(url, { as: anna, ...(agent && { agent }) }).then(
        ({ status, outcome }) => `${status} ${outcome}`,
        error => String(error),
      )
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
      await delay(15) // the gateway reloads on the same machine
    }
  }
  const clients = Promise.all([
    ...Array.from({ length: 6 }, () => client(kept)),
    ...Array.from({ length: 2 }, () => client()),
  ])
  await until(() => reloads() >= before + 6, 50)
  going = false
  clearInterval(signalling)
  await clients
  t.strictSame([...outcomes.keys()], ['200 allow'], JSON.stringify([...outcomes]))
  t.comment(`${outcomes.get('200 allow')} requests, ${signals} signals, ${reloads() - before} reloads`)
  await restore() // whatever was begun has ended
})

/** The serial number of the certificate that the port presents. */
async function presented({ port }: Altgate): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().serialNumber)
      socket.destroy()
    }).on('error', reject)
  })
}

t.test('a renewed certificate is presented when its files change, and at a reload', async t => {
  const tls = await makeCertificate(temporaryDirectory(t))
  const { altgate } = await world(t, { tls })
  const first = await presented(altgate)
  const renewed = await makeCertificate(temporaryDirectory(t))
  copyFileSync(renewed.certFile, tls.certFile)
  await until(
    () =>
      linesOf(altgate, 'the TLS files have changed and cannot be used: the former ones stay in use').length >
      0,
  )
  t.equal(await presented(altgate), first, 'a certificate without its key is not used')
  copyFileSync(renewed.keyFile, tls.keyFile)
  await until(async () => (await presented(altgate)) !== first)
  await until(() => linesOf(altgate, 'the TLS files have changed and are in use').length > 0)

  const second = await presented(altgate)
  const others = await makeCertificate(temporaryDirectory(t))
  edit(altgate, { listen: { host: '127.0.0.1', port: altgate.port, tls: others } })
  t.equal(await altgate.must(['reload']), 'Reloaded: listen.tls.certFile, listen.tls.keyFile.\n')
  for (let look = 0; look < 6; look++) t.not(await presented(altgate), second, 'in every worker')
})

t.test('SIGUSR1 and reload reopen the log files, and SIGUSR2 does nothing', async t => {
  const { altgate, url } = shared
  const file = join(altgate.directory, 'altgate.log')
  for (const [signal, act] of [
    ['SIGUSR1', async () => altgate.signal('SIGUSR1')],
    ['SIGHUP', async () => altgate.signal('SIGHUP')],
    ['reload', async () => void (await altgate.must(['reload']))],
  ] as const) {
    renameSync(file, `${file}.${signal}`)
    await act()
    await until(async () => {
      await ask(url, { as: anna })
      return existsSync(file)
    })
  }
  altgate.signal('SIGUSR2')
  for (const pid of [altgate.pid, ...workersOf(altgate.pid)]) process.kill(pid, 'SIGUSR1')
  t.equal((await ask(url, { as: anna })).outcome, 'allow')
  // `ss` and /proc: a debugger would listen on 9229, or on another port of this process.
  const sockets = execFileSync('ss', ['-ltnpH'], { encoding: 'utf8' })
  const own = sockets.split('\n').filter(line => line.includes(`pid=${altgate.pid},`))
  t.equal(own.length, 1, `only the operations port: ${own.join('\n')}`)
  t.notMatch(altgate.logs(), 'Debugger listening')
})

t.test('the operations port reloads for this machine alone, and not for web pages', async t => {
  const { altgate } = shared
  const url = `${altgate.operationsUrl}/reload`
  t.equal((await fetch(url, { method: 'POST' })).status, 403)
  t.equal((await fetch(url)).status, 404)
  t.equal((await fetch(url, { method: 'OPTIONS' })).status, 404)
})

t.test('reload without a gateway says what to do', async t => {
  const { altgate } = shared
  t.equal(await altgate.stop(), 0)
  const { code, stderr } = await altgate.cli(['reload'])
  t.equal(code, 1)
  t.match(stderr, /^altgate: No gateway was reloaded: .*nothing listens there.*SIGHUP/)
})

t.test('SIGTERM to npm ends the gateway that it has started', async t => {
  const directory = temporaryDirectory(t)
  const [port, operationsPort, upstreamPort, identityPort] = await Promise.all([
    freePort(),
    freePort(),
    freePort(),
    freePort(),
  ])
  const npm = spawn('npm', ['start'], {
    cwd: checkout,
    stdio: 'ignore',
    env: {
      ...process.env,
      ALTGATE__LISTEN__PORT: String(port),
      ALTGATE__OPERATIONS__PORT: String(operationsPort),
      ALTGATE__STORE__URL: `sqlite:${join(directory, 'altgate.db')}`,
      ALTGATE__LOG__FILE: join(directory, 'altgate.log'),
      ALTGATE__DEMO: JSON.stringify({ upstreamPort, identityPort, dataDirectory: join(directory, 'demo') }),
      ALTGATE__STOP__DRAINSECONDS: '0',
    },
  })
  const isLive = () =>
    fetch(`http://127.0.0.1:${operationsPort}/ready`).then(
      ({ status }) => status === 200,
      () => false,
    )
  t.teardown(() => npm.kill('SIGKILL'))
  const gone = once(npm, 'exit')
  await until(isLive)
  npm.kill('SIGTERM')
  await gone
  t.notOk(await isLive(), 'nothing of it is left')
})
