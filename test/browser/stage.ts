import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Test } from 'tap'
import { anna, contosoDirectory, northwindDirectory } from '../../src/demo/people.ts'
import { startAltgate, type Altgate } from '../support/altgate.ts'
import { ask } from '../support/ask.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { freePort } from '../support/ports.ts'

/** The gateway as `npm start` starts it, with its demo and the provider where people sign in. */
export interface Stage {
  readonly altgate: Pick<Altgate, 'cli' | 'must' | 'stop' | 'logs'>
  /** How people reach the gateway. */
  readonly url: string
  /** The origin of the provider. */
  readonly provider: string
  /** The address of an account's page. */
  page(account: string): string
  /** What northwind answers to Anna with this password. */
  opens(password: string): Promise<string>
  /** Makes everything that sessions remember so many minutes older. */
  pass(minutes: number): void
  /** Says that a generated password was used so many minutes from now, and ends so many days from now. */
  age(name: string, minutes: number, days: number): void
  /** Says that every credential was used just now from this address; the gateway itself says so once a minute. */
  use(from: string): void
}

/** Accounts of directories without a working sign-in: one has no setting, the provider of the other is down. */
export const broken = { notSetUp: 'adatum', unavailable: 'tailspin' } as const

const directories = {
  notSetUp: 'c0a70500-0000-4000-8000-000000000003',
  unavailable: 'c0a70500-0000-4000-8000-000000000004',
} as const

/**
 * Starts it. People reach it as `localhost` and the provider as `127.0.0.1`: different sites for a browser, as in
 * real life, so the way back from the provider is a cross-site one.
 */
export async function startStage(t: Test, settings: Readonly<Record<string, unknown>> = {}): Promise<Stage> {
  const [port, identityPort, closedPort] = [await freePort(), await freePort(), await freePort()]
  const url = `http://localhost:${port}`
  const provider = `http://127.0.0.1:${identityPort}`
  const client = { clientId: 'altgate-demo', clientSecret: 'altgate-demo-secret' }
  const at = (path: string) => ({ issuer: `${provider}/${path}/v2.0`, ...client })
  const altgate = await startAltgate(t, {
    settings: {
      ...settings,
      listen: { host: '127.0.0.1', port },
      publicUrl: url,
      demo: { upstreamPort: 0, identityPort, dataDirectory: join(temporaryDirectory(t), 'demo') },
      signIn: {
        msa: at('msa'),
        directories: {
          [contosoDirectory.id]: at('contoso'),
          [northwindDirectory.id]: at('northwind'),
          [directories.unavailable]: { issuer: `http://127.0.0.1:${closedPort}/v2.0`, ...client },
        },
      },
    },
  })
  return {
    altgate,
    url,
    provider,
    page: account => `${url}/_altgate/?account=${account}`,
    async opens(password) {
      const repository = `${url}/northwind/welcome.git/info/refs?service=git-upload-pack`
      return (await ask(repository, { as: [anna.username, password] })).outcome
    },
    pass: minutes => inStore(altgate, store => age(store, minutes)),
    age: (...password) => inStore(altgate, store => agePassword(store, ...password)),
    use: from => inStore(altgate, store => markUsed(store, from)),
  }
}

/** Adds the accounts that are `broken`. */
export async function addBroken({ altgate }: Stage): Promise<void> {
  await altgate.must(['directory', 'add', directories.notSetUp, '--name', 'Adatum'])
  await altgate.must(['directory', 'add', directories.unavailable, '--name', 'Tailspin'])
  const add = ['account', 'add', '--upstream', 'http://127.0.0.1:9', '--directory'] as const
  await altgate.must([...add, directories.notSetUp, broken.notSetUp])
  await altgate.must([...add, directories.unavailable, broken.unavailable])
}

function inStore({ directory }: Altgate, work: (store: DatabaseSync) => void): void {
  using store = new DatabaseSync(join(directory, 'altgate.db'), { timeout: 5000 })
  work(store)
}

/** No test can wait for an hour, and the clock of the real program cannot be set. */
function age(store: DatabaseSync, minutes: number): void {
  const rows = store.prepare('select id_hash, data, expires_at from sessions').all()
  const put = store.prepare('update sessions set data = ?, expires_at = ? where id_hash = ?')
  for (const { id_hash: name = null, data, expires_at: expires } of rows) {
    const older = String(data).replace(/"at":(\d+)/g, (_, at) => `"at":${Number(at) - minutes * 60_000}`)
    put.run(older, Number(expires) - minutes * 60_000, name)
  }
}

function agePassword(store: DatabaseSync, name: string, minutes: number, days: number): void {
  store
    .prepare(
      'update passwords set last_used_at = ?, last_used_from = ?, last_used_tool = ?, ends_at = ? where name = ?',
    )
    .run(
      Date.now() + minutes * 60_000,
      '2001:db8:1234:5678:9abc:def0:1234:5678',
      'git/2.47.1',
      Date.now() + days * 86_400_000,
      name,
    )
}

function markUsed(store: DatabaseSync, from: string): void {
  store.prepare('update credentials set last_used_at = ?, last_used_from = ?').run(Date.now(), from)
}
