import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startAltgate, type Altgate } from '../support/altgate.ts'
import { ask, summary } from '../support/ask.ts'
import { bareServer } from '../support/bare-server.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { freePort } from '../support/ports.ts'
import { isRunning, lanesOf, workersOf } from '../support/processes.ts'
import { serve } from '../support/program.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { until } from '../support/until.ts'

const anna = 'anna@example.com'
const right = 'the password of anna'

/** A gateway in front of an upstream that answers `/contoso/slow` never, and all else at once. */
async function world(t: Test, workers: number, env: Readonly<Record<string, string>> = {}) {
  let held = 0
  const upstream = await recordingUpstream(t, (request, response) => {
    if (request.url === '/contoso/slow') held++
    else response.end('ok')
  })
  const altgate = await startAltgate(t, {
    settings: { workers, stop: { drainSeconds: 0, graceSeconds: 600 } },
    env,
  })
  await altgate.arrange({ accounts: { contoso: upstream.url }, passwords: { [anna]: right } })
  const tries = (password: string) => ask(`${altgate.url}/contoso/x`, { as: [anna, password] })
  /** Sends a request that does not end; resolves when the upstream has it. */
  async function beginSlow(): Promise<void> {
    ask(`${altgate.url}/contoso/slow`, { as: [anna, right] }).catch(() => {}) // it is cut off, some time
    await until(() => held > 0)
  }
  return { altgate, tries, beginSlow }
}

t.test('a gateway whose Node is missing for a while', async t => {
  // As if Node were being updated: after one signal the primary looks for it where nothing is, and after the next one where it is.
  const preload = join(temporaryDirectory(t), 'missing.mjs')
  writeFileSync(
    preload,
    "const there = process.execPath; process.on('SIGWINCH', () => { process.execPath = process.execPath === there ? '/missing' : there })",
  )
  const { altgate, beginSlow } = await world(t, 1, { NODE_OPTIONS: `--import=${preload}` })

  await t.test('stays while a worker cannot be started, and has its workers again afterwards', async t => {
    altgate.signal('SIGWINCH')
    const [worker = 0] = workersOf(altgate.pid)
    process.kill(worker, 'SIGKILL')
    await until(() => altgate.logs().split('the replacement worker could not start').length > 2)
    t.ok(isRunning(altgate.pid))
    altgate.signal('SIGWINCH')
    await until(async () => (await ask(`${altgate.operationsUrl}/ready`)).status === 200)
    t.equal(workersOf(altgate.pid).length, 1)
  })

  await t.test('a second Ctrl-C ends the gateway at once', async t => {
    await beginSlow()
    const family = familyOf(altgate)
    altgate.signal('SIGINT')
    await until(() => altgate.logs().includes('stopping'))
    t.ok(family.every(isRunning), 'after the first all wait for the request under way')
    altgate.signal('SIGINT')
    t.equal(await altgate.exit(), 130)
    await until(() => !family.some(isRunning))
    t.pass('no worker and no lane is left')
  })
})

t.test('a process that is killed', async t => {
  const { altgate, tries } = await world(t, 2)

  await t.test('a worker is replaced, and requests go on', async t => {
    const [worker = 0, other = 0] = workersOf(altgate.pid)
    process.kill(worker, 'SIGKILL')
    // In this very moment nobody has noticed yet: who comes now is answered, or cut off, and does not wait for ever.
    await Promise.allSettled(Array.from({ length: 10 }, () => tries(right)))
    await until(() => altgate.logs().includes('a worker died and is being replaced'))
    t.equal(summary(await Promise.all(Array.from({ length: 10 }, () => tries(right)))), '200 allow')
    await until(async () => (await ask(`${altgate.operationsUrl}/ready`)).status === 200)
    const now = workersOf(altgate.pid)
    t.equal(now.length, 2)
    t.ok(now.includes(other))
    t.notOk(now.includes(worker))
  })

  await t.test('a hash lane is replaced, and the request that waited for it is answered', async t => {
    const [lane = 0] = lanesOf(altgate.pid)
    process.kill(lane, 'SIGSTOP') // so that it dies with its work undone
    const guess = tries('a password that nobody has seen')
    process.kill(lane, 'SIGKILL')
    t.equal(summary([await guess]), '401 refused')
    await until(() => lanesOf(altgate.pid).some(pid => pid !== lane))
    t.match(altgate.logs(), 'a hash lane died and is being replaced')
  })

  await t.test('no process survives the primary process', async t => {
    const family = familyOf(altgate)
    t.equal(family.length, 3)
    altgate.signal('SIGKILL')
    await until(() => !family.some(isRunning))
    t.pass('no worker and no lane is left')
  })
})

t.test('SIGTERM ends a gateway whose store has never answered', async t => {
  const { port } = await bareServer(t, () => {})
  const { gateway, operations } = await begin(t, { store: { url: `postgres://altgate@127.0.0.1:${port}/x` } })
  await until(async () => (await readiness(operations)).includes('store is unavailable'))
  t.equal(await gateway.stop(), 0)
})

t.test('a gateway that cannot start says why in a sentence', async t => {
  const { port } = await bareServer(t, () => {})
  const onTaken = { host: '127.0.0.1', port }
  function saysTaken(t: Test, printed: string): void {
    t.match(printed, /^altgate: .*another program is listening there/im)
    t.match(printed, `127.0.0.1:${port}`)
    t.notMatch(printed, /^ +at /m, 'no stack trace')
  }

  await t.test('the public port is taken', async t => {
    const { gateway } = await begin(t, { listen: onTaken })
    t.equal(await gateway.exit(), 1)
    saysTaken(t, gateway.printed())
  })
  await t.test('the operations port is taken', async t => {
    const { gateway } = await begin(t, { operations: onTaken })
    t.equal(await gateway.exit(), 1)
    saysTaken(t, gateway.printed())
  })
  await t.test('the settings are refused', async t => {
    const { gateway } = await begin(t, { workers: 'many', colour: 'blue' })
    t.equal(await gateway.exit(), 78)
    t.match(gateway.printed(), /^ {2}workers: must be "auto"/m)
    t.match(gateway.printed(), /^ {2}colour: /m, 'all complaints at once')
  })
})

/** Starts `altgate serve` without waiting for anything. */
async function begin(t: Test, settings: Readonly<Record<string, unknown>> = {}) {
  const directory = temporaryDirectory(t)
  const config = join(directory, 'altgate.yaml')
  const operations = await freePort()
  const all = {
    listen: { host: '127.0.0.1', port: await freePort() },
    operations: { host: '127.0.0.1', port: operations },
    store: { url: `sqlite:${join(directory, 'altgate.db')}` },
    workers: 1,
    hashing: { lanes: 1 },
    stop: { drainSeconds: 0 },
    ...settings,
  }
  writeFileSync(config, JSON.stringify(all)) // YAML as well
  return { gateway: serve(t, ['serve', '--config', config], process.env), operations }
}

async function readiness(operations: number): Promise<string> {
  try {
    return (await ask(`http://127.0.0.1:${operations}/ready`)).body
  } catch {
    return '' // not listening yet
  }
}

function familyOf({ pid }: Altgate): readonly number[] {
  return [...workersOf(pid), ...lanesOf(pid)]
}

t.test('signals that reach every process while the gateway starts do not end it', async t => {
  // Until Node or the program cares for them, the two end a process at once, and the third one opens a debugger a little earlier.
  for (const signals of [['SIGHUP', 'SIGUSR2'], ['SIGUSR1']] as const) {
    const { gateway, operations } = await begin(t)
    const children = () => [...lanesOf(gateway.pid), ...workersOf(gateway.pid)]
    const told = new Map<number, number>()
    // Twice each, the first time as soon as it is there: it is loading Node itself by then, or the program.
    await until(async () => {
      for (const pid of children()) {
        const times = told.get(pid) ?? 0
        for (const signal of signals)
          if (times < 2 && told.size < 8 && isRunning(pid)) process.kill(pid, signal)
        told.set(pid, times + 1)
      }
      return gateway.ended() || (await readiness(operations)).includes('"workers":"1 of 1 listen"')
    })
    t.notOk(gateway.ended(), `${signals.join(' and ')}: ${gateway.printed()}`)
    t.equal(await gateway.stop(), 0)
  }
})
