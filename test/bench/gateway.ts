import { join } from 'node:path'
import { startAltgate } from '../support/altgate.ts'
import { metric } from '../support/metrics.ts'
import { account } from './people.ts'
import type { Server } from './server.ts'
import type { Stage } from './stage.ts'
import { fillStore, type SignedIn } from './fill-store.ts'
import type { Upstream } from './upstream.ts'

export interface GatewayOptions {
  readonly upstream: Upstream
  /** As many as cores if left out, which is the default of all servers here; one in a quick run. */
  readonly workers?: number | 'auto'
  /** So many credentials besides Anna's, all with her password; `userNumber` gives their names. */
  readonly users?: number
  /** Accounts besides the one that is asked for. */
  readonly accounts?: number
  /** What Anna's sign-in gave, if she has signed in. */
  readonly signedIn?: SignedIn
  /** Groups of settings that take the place of the usual ones. */
  readonly settings?: Readonly<Record<string, unknown>>
  readonly name?: string
  readonly env?: Readonly<Record<string, string>>
}

/** Altgate as a server under measurement. */
export interface Gateway extends Server {
  /** Address of its store. */
  readonly store: string
  /** How many password hashes it has computed so far. */
  readonly hashes: () => Promise<number>
  /** How many connections its callers have now. */
  readonly connections: () => Promise<number>
}

/** Starts Altgate as its users do, as a process of its own, with its log in a file, one account and credentials. */
export async function startGateway(stage: Stage, options: GatewayOptions): Promise<Gateway> {
  const {
    upstream,
    workers = stage.quick ? 1 : 'auto',
    users = 0,
    accounts = 0,
    signedIn,
    settings = {},
    name = 'Altgate',
    env = {},
  } = options
  stage.say(`starting ${name}`)
  stage.stop.throwIfAborted()
  const store = `sqlite:${join(stage.folder(), 'altgate.db')}`
  await fillStore(store, { upstream: upstream.url, users, accounts, ...(signedIn && { signedIn }) })
  const altgate = await startAltgate(stage, {
    settings: {
      workers,
      store: { url: store },
      hashing: stage.quick ? { lanes: 1 } : {},
      stop: { graceSeconds: 1 },
      ...settings,
    },
    env,
  })
  stage.teardown(() => altgate.stop())
  return {
    name,
    url: `${altgate.url}/${account}/hello`,
    pid: altgate.pid,
    headers: {},
    guarded: true,
    slow: false,
    store,
    hashes: () => metric(altgate, 'altgate_password_hashes_total'),
    connections: () => metric(altgate, 'altgate_connections'),
  }
}
