import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { authorities, claimsOf, people } from '../../src/demo/identity-pages.ts'
import {
  demoClient,
  type IdentityProvider,
  type IdentityProviderOptions,
  startIdentityProvider,
} from '../../src/demo/identity-provider.ts'
import { contosoDirectory, northwindDirectory } from '../../src/demo/people.ts'
import { type Altgate, startAltgate } from './altgate.ts'
import { temporaryDirectory } from './directory.ts'
import { type FakeAzureDevOps, startFakeAzureDevOps } from './fake-azure-devops.ts'
import { freePort } from './ports.ts'

/** A gateway whose requests act as their users, the provider that gives the tokens, and an Azure DevOps that takes them. */
export interface DelegatedWorld {
  readonly altgate: Altgate
  readonly identity: IdentityProvider
  /** Its organisation `northwind` has a repository `welcome`, and is on Microsoft accounts. */
  readonly azure: FakeAzureDevOps
  /** How users reach the gateway. */
  readonly url: string
  /** The address of an account's page. */
  page(account: string): string
  /** All that the store has written, byte by byte. */
  stored(): string
  /** Connects account and organisation to the directory Northwind. */
  move(): Promise<void>
  /** Starts one more gateway with the same store and keys. */
  another(): Promise<Altgate>
}

interface WorldOptions {
  readonly settings?: Readonly<Record<string, unknown>>
  readonly identity?: Partial<IdentityProviderOptions>
}

/** `localhost` for users, `127.0.0.1` for the provider: different sites for a browser, as in real life. */
export async function startDelegatedWorld(t: Test, options: WorldOptions = {}): Promise<DelegatedWorld> {
  const port = await freePort()
  const url = `http://localhost:${port}`
  const identity = await startIdentityProvider({
    port: 0,
    redirectUri: `${url}/_altgate/callback`,
    ...options.identity,
  })
  t.teardown(identity.close)
  const at = (path: string) => ({
    issuer: identity.issuers.get(path) ?? '',
    clientId: demoClient.id,
    clientSecret: demoClient.secret,
  })
  const issuers = new Map([
    [contosoDirectory.id as string, at('contoso').issuer],
    [northwindDirectory.id as string, at('northwind').issuer],
  ])
  const azure = await startFakeAzureDevOps(t, { repositories: ['northwind'], issuers })
  azure.put('northwind', { connection: 'msa' })
  const directory = temporaryDirectory(t)
  const settings = {
    publicUrl: url,
    store: { url: `sqlite:${join(directory, 'altgate.db')}` },
    secrets: { sealingKeys: [{ id: 'first', key: randomBytes(32).toString('base64') }] },
    upstreamAuth: { method: 'delegated' },
    signIn: {
      msa: at('msa'),
      directories: { [contosoDirectory.id]: at('contoso'), [northwindDirectory.id]: at('northwind') },
    },
    ...options.settings,
  }
  const listen = { host: '127.0.0.1', port }
  const altgate = await startAltgate(t, { settings: { ...settings, listen } })
  await altgate.must(['account', 'add', 'northwind', '--upstream', azure.url])
  return {
    altgate,
    identity,
    azure,
    url,
    page: account => `${url}/_altgate/?account=${account}`,
    stored: () =>
      readdirSync(directory)
        .map(name => readFileSync(join(directory, name), 'latin1'))
        .join('\n'),
    async move() {
      azure.put('northwind', { connection: northwindDirectory.id })
      await altgate.must(['directory', 'add', northwindDirectory.id, '--name', northwindDirectory.name])
      await altgate.must(['account', 'connect', 'northwind', '--directory', northwindDirectory.id])
    },
    another: () => startAltgate(t, { settings }),
  }
}

/** The object id by which the directory Northwind knows a user of the demo. */
export function oidAtNorthwind(email: string): string {
  const person = people.find(each => each.email === email)
  const authority = authorities.find(({ path }) => path === 'northwind')
  if (person === undefined || authority === undefined) throw new Error(`nobody is called ${email}`)
  return claimsOf(person, authority).oid
}
