import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Test } from 'tap'
import { stringify } from 'yaml'
import { consoleOf, createAdminApi } from '../../src/app.ts'
import { networkOf } from '../../src/common/addresses.ts'
import { people } from '../../src/demo/identity-pages.ts'
import {
  demoClient,
  type IdentityProvider,
  type IdentityProviderOptions,
  startIdentityProvider,
} from '../../src/demo/identity-provider.ts'
import { contosoDirectory, northwindDirectory } from '../../src/demo/people.ts'
import { readPassword } from '../../src/gateway/credential.ts'
import type { Change } from '../../src/gateway/history.ts'
import {
  type AccountName,
  foldUsername,
  readAccountName,
  type Revision,
  type Scope,
} from '../../src/gateway/names.ts'
import type { Outage } from '../../src/gateway/outage.ts'
import type { PasswordHash } from '../../src/gateway/ports.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { createArgon2id } from '../../src/hashing/argon2id.ts'
import { issuerOf } from '../../src/oauth/metadata.ts'
import { createClientReader } from '../../src/requests/client.ts'
import type { ProviderFailed, SelfServiceParts } from '../../src/self-service/context.ts'
import { createSelfService } from '../../src/self-service/plugin.ts'
import type { CredentialChange } from '../../src/self-service/webhook.ts'
import { createPublicServer } from '../../src/server/server.ts'
import { openServices, type Services } from '../../src/services.ts'
import { loadSettings } from '../../src/settings/load.ts'
import { openStore } from '../../src/store/store.ts'
import { delegatedUpstreams } from '../../src/upstream-auth/index.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { recordingUpstream, type RecordingUpstream } from '../support/recording-upstream.ts'
import { Browser, type Seen } from './browser.ts'

export const contoso = contosoDirectory.id as string as Scope
export const northwind = northwindDirectory.id as string as Scope

/** The whole gateway with the page, a real store and a real identity provider, on ports of their own. */
export interface Lab {
  readonly url: string
  readonly services: Services
  /** Starts one more gateway of the same store, which knows nothing of what this one remembers; gives its address. */
  another(): Promise<string>
  readonly upstream: RecordingUpstream
  readonly identity: IdentityProvider
  readonly notices: readonly CredentialChange[]
  readonly failures: readonly ProviderFailed[]
  /** What the log is told of sign-ins that gave nothing, and of grants that were not revoked. */
  readonly told: readonly ('not connected' | 'not revoked')[]
  readonly outages: readonly Outage[]
  readonly bugs: readonly unknown[]
  /** Moves the page's clock by minutes; the store's stays. */
  pass(minutes: number): void
  /** Makes what the authorization server keeps so many minutes older. */
  ageOAuth(minutes: number): void
  /** Takes a table away from the store while `work` runs. */
  without<T>(table: string, work: () => Promise<T>): Promise<T>
  /** The address of an account's page. */
  page(account: string): string
  /** The status of a request with these credentials. */
  opens(account: string, username: string, password: string): Promise<number>
  hash(password: string): Promise<PasswordHash>
  /** The bytes of the store's files. */
  storeFile(): Buffer
  /** The log of changes, oldest first. */
  changes(): Promise<readonly Change[]>
}

export interface LabOptions
  extends Partial<Pick<SelfServiceParts, 'limits' | 'providerTimeoutSeconds' | 'httpsOnly'>> {
  /** In the place of what the settings of the lab say. */
  readonly signIn?: Partial<SelfServiceParts['signIn']>
  readonly publicUrl?: string
  /** Groups of settings for what is behind the page. */
  readonly settings?: Readonly<Record<string, unknown>>
  readonly identity?: Partial<IdentityProviderOptions>
  readonly trustedProxies?: readonly string[]
  /** Puts something in the place of what the services give. */
  readonly change?: (parts: SelfServiceParts) => Partial<SelfServiceParts>
}

export const client = { clientId: demoClient.id, clientSecret: new Secret(demoClient.secret) }

export async function aLab(t: Test, options: LabOptions = {}): Promise<Lab> {
  const { port, release } = await keptPort()
  const url = `http://127.0.0.1:${port}`
  const publicUrl = options.publicUrl ?? url
  const upstream = await recordingUpstream(t)
  const redirectUri = `${publicUrl}/_altgate/callback`
  const identity = await startIdentityProvider({ port: 0, redirectUri, ...options.identity })
  t.teardown(() => identity.close())
  const hasher = await createArgon2id({ cost: { memoryKiB: 64, passes: 1, parallelism: 1 }, onFlaw() {} })
  const notices: CredentialChange[] = []
  const notice = { credentialChanged: (change: CredentialChange) => void notices.push(change) }
  const outages: Outage[] = []
  const directory = temporaryDirectory(t)
  const settings = settingsIn(directory, identity, { publicUrl, ...options.settings })
  if (options.settings?.['store'] === undefined) await putStore(join(directory, 'altgate.db'))
  else await (await openStore(settings.store)).close() // as the primary process does
  const services = await openServices(settings, {
    hasher,
    peerWorkers: { tell() {}, onTold() {} },
    outage: outage => void outages.push(outage),
    upgradeFailed() {},
    provedInPart() {},
    upstreamAuthWarning() {},
    revoked() {},
    asked() {},
    notice,
  })
  t.teardown(() => services.close())
  await fill(services, upstream.url)

  let passed = 0
  const failures: ProviderFailed[] = []
  const bugs: unknown[] = []
  const told: Lab['told'][number][] = []
  const parts: SelfServiceParts = {
    ...services,
    delegated: delegatedUpstreams({
      standard: settings.upstreamAuth,
      byAccount: settings.upstreamAuthByAccount,
      byName: settings.upstreamAuthByName,
    }),
    hasher,
    notice,
    observer: {
      providerFailed: failure => void failures.push(failure),
      notConnected: () => void told.push('not connected'),
      notRevoked: () => void told.push('not revoked'),
      outage: outage => void outages.push(outage),
      bug: error => void bugs.push(error),
    },
    publicUrl,
    naming: { by: 'path' },
    signIn: { ...signInAt(identity), ...options.signIn },
    passwords: settings.passwords,
    httpsOnly: options.httpsOnly ?? true,
    senderOf: createClientReader(options.trustedProxies ?? []),
    networkOf: address => networkOf(address, 64),
    providerTimeoutSeconds: options.providerTimeoutSeconds ?? 5,
    now: () => Date.now() + passed,
    console: consoleOf(settings, services),
    ...(options.limits && { limits: options.limits }),
  }
  const gatewayAt = async (at: number): Promise<string> => {
    const app = createPublicServer({
      gateway: services.gateway,
      witness: { saw() {} },
      naming: { by: 'path' },
      publicUrl,
      trustedProxies: options.trustedProxies ?? [],
      upstream: {
        connectTimeoutSeconds: 5,
        headersTimeoutSeconds: 30,
        idleTimeoutSeconds: 30,
        connectionsPerOrigin: 8,
        connectionsPerUser: 'auto',
        keepAliveSeconds: 4,
        maxHeaderBytes: 65_536,
      },
      refusedBodies: { maxBytes: 2 ** 26, maxSeconds: 60, maxAtOncePerAddress: 16, maxAtOnce: 128 },
      networkOf: address => address,
      authorize: services.upstreamAuth.authorize,
      delegation: services.delegation,
      observer: {
        upstreamAnswered() {},
        upstreamFailed() {},
        upstreamCrowded() {},
        signInNeeded() {},
        outage: outage => void outages.push(outage),
        bug: error => void bugs.push(error),
      },
      metadataAt: issuerOf(publicUrl, { by: 'path' }).metadata,
      selfService: createSelfService({ ...parts, ...options.change?.(parts) }),
      api: createAdminApi({
        settings,
        services,
        outage: outage => void outages.push(outage),
        log: { error: (facts: unknown) => void bugs.push(facts) },
      }),
    })
    const listening = await app.listen({ port: at, host: '127.0.0.1' })
    t.teardown(async () => {
      app.server.closeAllConnections()
      await app.close()
    })
    return listening
  }
  await release()
  await gatewayAt(port)

  return {
    url,
    services,
    another: () => gatewayAt(0),
    upstream,
    identity,
    notices,
    failures,
    told,
    outages,
    bugs,
    pass: minutes => void (passed += minutes * 60_000),
    ageOAuth(minutes) {
      using store = new DatabaseSync(join(directory, 'altgate.db'), { timeout: 5000 })
      store.prepare('update oauth set expires_at = expires_at - ?').run(minutes * 60_000)
      const rows = store.prepare(`select key, data from oauth where data like '%"exp":%'`).all()
      for (const { key = null, data } of rows) {
        const older = String(data).replace(/"exp":(\d+)/, (_, exp) => `"exp":${Number(exp) - minutes * 60}`)
        store.prepare('update oauth set data = ? where key = ?').run(older, key)
      }
    },
    async without(table, work) {
      using store = new DatabaseSync(join(directory, 'altgate.db'), { timeout: 5000 })
      store.exec(`alter table ${table} rename to ${table}_gone`)
      try {
        return await work()
      } finally {
        store.exec(`alter table ${table}_gone rename to ${table}`)
      }
    },
    page: account => `${url}/_altgate/?account=${account}`,
    async opens(account, username, password) {
      const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
      const answer = await fetch(`${url}/${account}/x`, { headers: { authorization } })
      await answer.text()
      return answer.status
    },
    storeFile: () => Buffer.concat(readdirSync(directory).map(name => readFileSync(join(directory, name)))),
    async changes() {
      await using store = { ...(await openStore(settings.store)), [Symbol.asyncDispose]: () => store.close() }
      const changes = await store.changes.since(0 as Revision) // before the first
      return changes === 'gap' ? [] : changes
    },
    async hash(password) {
      const hash = await hasher.hash(readPassword(password))
      if (hash === 'busy') throw new Error('busy')
      return hash
    },
  }
}

let opened: Buffer | undefined

/** Puts a store there as the primary process leaves it. Making its tables takes longer than copying them. */
async function putStore(path: string): Promise<void> {
  if (opened === undefined) {
    await (await openStore({ url: new Secret(`sqlite:${path}`) })).close()
    opened = readFileSync(path)
  } else writeFileSync(path, opened, { mode: 0o600 })
}

/** A port that is reserved until it is released: the provider must know the address before the gateway listens. */
async function keptPort(): Promise<{ readonly port: number; readonly release: () => Promise<void> }> {
  const keeper = createServer().listen(0, '127.0.0.1')
  await once(keeper, 'listening')
  return {
    port: (keeper.address() as AddressInfo).port, // listening on TCP
    async release() {
      keeper.close()
      await once(keeper, 'close')
    },
  }
}

/** What the lab's provider is to the gateway. */
export function signInAt({ issuers }: IdentityProvider): SelfServiceParts['signIn'] {
  const at = (path: string) => ({ ...client, issuer: issuers.get(path) ?? '' })
  return {
    msa: at('msa'),
    directories: { [contoso]: at('contoso'), [northwind]: at('northwind') },
    freshMinutes: 15,
    sessionMinutes: 60,
  }
}

function settingsIn(directory: string, { issuers }: IdentityProvider, groups: LabOptions['settings']) {
  const file = join(directory, 'altgate.yaml')
  const at = (path: string) => ({
    issuer: issuers.get(path),
    clientId: demoClient.id,
    clientSecret: demoClient.secret,
  })
  const signIn = {
    msa: at('msa'),
    directories: { [contoso]: at('contoso'), [northwind]: at('northwind') },
  }
  const store = { url: `sqlite:${join(directory, 'altgate.db')}` }
  writeFileSync(file, stringify({ plainHttp: 'allow', store, signIn, ...groups }))
  const loaded = loadSettings({ file, env: {}, cwd: directory })
  if ('settings' in loaded) return loaded.settings
  throw new Error(JSON.stringify(loaded.complaints))
}

/** `fabrikam` on Microsoft accounts, `contoso` and `contoso-labs` on one directory, `northwind` on another. */
async function fill({ registry }: Services, upstream: string): Promise<void> {
  await registry.addDirectory('test', contosoDirectory)
  await registry.addDirectory('test', northwindDirectory)
  await registry.addAccount('test', { name: named('fabrikam'), upstream })
  for (const name of ['contoso', 'contoso-labs'])
    await registry.addAccount('test', { name: named(name), upstream, directoryId: contosoDirectory.id })
  await registry.addAccount('test', {
    name: named('northwind'),
    upstream,
    directoryId: northwindDirectory.id,
  })
}

export function named(name: string): AccountName {
  const account = readAccountName(name)
  if (account === undefined) throw new Error(`${name} is no account name`)
  return account
}

/** Creates a credential as an operator does, without an owner. */
export async function operatorSets(
  lab: Lab,
  scope: Scope,
  username: string,
  password: string,
): Promise<void> {
  const hash = await lab.hash(password)
  await lab.services.registry.setCredential('cli:root', scope, { username: foldUsername(username), hash })
}

/** Begins a sign-in and stops at the provider's form. */
export async function toTheForm(lab: Lab, browser: Browser, account: string, ask = ''): Promise<Seen> {
  return await browser.go(`${lab.url}/_altgate/sign-in?account=${account}${ask}`)
}

/** Fills in the provider's form; gives what the gateway then shows. */
export async function fillIn(browser: Browser, form: Seen, who = 'anna'): Promise<Seen> {
  const login = `${who}@example.com`
  const password = people.find(({ email }) => email === login)?.password ?? ''
  return await browser.send(form, '/interaction/', { login, password })
}

/** Signs a user in; returns the account's page. */
export async function signIn(lab: Lab, browser: Browser, account: string, who = 'anna'): Promise<Seen> {
  const seen = await toTheForm(lab, browser, account)
  return seen.url.startsWith(lab.url) ? seen : await fillIn(browser, seen, who)
}

/** Signs in for one more account from a page, and keeps that page's sign-in; gives the account's page. */
export async function signInToo(
  lab: Lab,
  browser: Browser,
  page: Seen,
  account: string,
  who = 'anna',
): Promise<Seen> {
  const on = await browser.send(page, '/sign-in-too', { also: account })
  const link = /class="button" href="([^"]+)"/.exec(on.text)?.[1]?.replaceAll('&amp;', '&')
  if (link === undefined) throw new Error(`nothing leads on: ${on.text}`)
  const seen = await browser.go(link)
  return seen.url.startsWith(lab.url) ? seen : await fillIn(browser, seen, who)
}

/** A signed-in user, and the page they see. */
export async function visitor(
  lab: Lab,
  account: string,
  who = 'anna',
): Promise<{ readonly browser: Browser; readonly page: Seen }> {
  const browser = new Browser()
  return { browser, page: await signIn(lab, browser, account, who) }
}

export const generate = { how: 'generate', secondary: '', password: '', again: '' } as const

export function choose(password: string, again = password) {
  return { how: 'choose', secondary: '', password, again } as const
}
