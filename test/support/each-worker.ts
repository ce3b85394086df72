import type { Agent } from 'node:http'
import type { Test } from 'tap'
import type { Altgate } from './altgate.ts'
import { ask, oneConnection, type AskOptions, type Answered } from './ask.ts'
import { holdsConnection, workersOf } from './processes.ts'

/** Asks every worker of a gateway, each on a connection of its own. */
export type AskEachWorker = (
  path: string,
  options?: Omit<AskOptions, 'agent'>,
) => Promise<readonly Answered[]>

/** Opens connections until each worker holds one; they end with the test. */
export async function toEachWorker(t: Test, altgate: Altgate): Promise<AskEachWorker> {
  const agents = new Map<number, Agent>()
  const workers = workersOf(altgate.pid)
  while (agents.size < workers.length) {
    const agent = oneConnection()
    t.teardown(() => agent.destroy())
    const { clientPort } = await ask(`${altgate.url}/nobody`, { agent })
    const worker = workers.find(pid => holdsConnection(pid, altgate.port, clientPort))
    if (worker === undefined) throw new Error('no worker holds the connection')
    agents.set(worker, agent)
  }
  return (path, options) =>
    Promise.all([...agents.values()].map(agent => ask(altgate.url + path, { ...options, agent })))
}
