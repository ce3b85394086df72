import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { startAltgate } from '../support/altgate.ts'
import { freePort } from '../support/ports.ts'
import { connectionsHeld, listenersOn, workersOf } from '../support/processes.ts'
import { serve } from '../support/program.ts'
import { until } from '../support/until.ts'

/** With this many, chance leaves a worker with less than a fifth once in a hundred million times. */
const many = 100

const altgate = await startAltgate(t, { settings: { workers: 2 } })

t.test('connections are shared between the workers', async t => {
  t.equal(listenersOn(altgate.port), 2, 'each worker listens for itself')

  const sockets = Array.from({ length: many }, () => connect(altgate.port, '127.0.0.1'))
  t.teardown(() => sockets.forEach(socket => socket.destroy()))
  await Promise.all(sockets.map(socket => once(socket, 'connect')))
  const ports = new Set(sockets.map(({ localPort = 0 }) => localPort))
  const heldBy = (pid: number) => connectionsHeld(pid, altgate.port, ports)
  await until(() => workersOf(altgate.pid).reduce((sum, pid) => sum + heldBy(pid), 0) === many)
  for (const pid of workersOf(altgate.pid)) t.ok(heldBy(pid) > many / 5, 'neither has nearly all')
})

t.test('but not with another gateway: a port that is in use is reported in one sentence', async t => {
  const operationsPort = Number(new URL(altgate.operationsUrl).port)
  const other = async (variable: string) => {
    const env = { ...process.env, [variable]: String(await freePort()) }
    const program = serve(t, ['serve', '--config', altgate.config], env)
    t.equal(await program.exit(), 1)
    return program.printed()
  }
  const sentence = (port: number) => `Cannot listen on 127.0.0.1:${port}: another program is listening there.`
  t.match(await other('ALTGATE__OPERATIONS__PORT'), sentence(altgate.port))
  t.match(await other('ALTGATE__LISTEN__PORT'), sentence(operationsPort))
  t.equal(listenersOn(altgate.port), 2)
})

t.test('where any free port will do, all workers find the same one, and the log says which', async t => {
  const settings = { workers: 2, listen: { host: '127.0.0.1', port: 0 } }
  const altgate = await startAltgate(t, { settings })
  const line = () =>
    altgate
      .logs()
      .split('\n')
      .find(each => each.includes('"listening"'))
  await until(() => line() !== undefined)
  const { port, operations } = JSON.parse(line() ?? '{}')
  t.equal(operations, altgate.operationsUrl)
  t.equal(listenersOn(port), 2)
  t.equal((await fetch(`http://127.0.0.1:${port}/nobody/x`)).status, 401)
})
