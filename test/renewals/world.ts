import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { decodeJwt } from 'jose'
import type { Test } from 'tap'
import type { Tools } from '../../src/commands/tools.ts'
import { openGrants } from '../../src/delegation/index.ts'
import { authorities, claimsOf, type Person } from '../../src/demo/identity-pages.ts'
import { demoClient, type IdentityProvider, startIdentityProvider } from '../../src/demo/identity-provider.ts'
import { northwindDirectory, scopes } from '../../src/demo/people.ts'
import { type AccountName, foldUsername, type Owner } from '../../src/gateway/names.ts'
import type { Problem } from '../../src/gateway/registry.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { loadSettings } from '../../src/settings/load.ts'
import { openTools } from '../../src/tools.ts'
import { startLine } from '../faults/line.ts'
import { cheapHashing, type Altgate, startAltgate } from '../support/altgate.ts'
import { tokenReader } from '../support/azure-devops-tokens.ts'
import { freePort } from '../support/ports.ts'
import { startPostgres } from '../support/postgres.ts'
import { lanesOf, workersOf } from '../support/processes.ts'
import { checkout } from '../support/program.ts'
import { redirectUri, tokensFrom } from '../support/provider-tokens.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import type { Ledger } from './ledger.ts'

export const account = 'northwind'
export const password = 'the password of the user'

/** Milliseconds that an answer of the provider is under way. */
const providerDistance = 100

/** A person with a credential, who has signed in. */
export interface Member extends Person {
  /** Object id in the directory. */
  readonly owner: Owner
}

/** A gateway that can be killed, and started again on the same port. */
export interface MortalGateway {
  readonly name: string
  readonly url: string
  /** SIGKILL for all of its processes at once, as when its host loses power. */
  kill(): Promise<void>
  start(): Promise<void>
  logs(): string
}

export interface RenewalsWorld {
  readonly members: readonly Member[]
  /** Seconds that access tokens live. */
  readonly lifeSeconds: number
  readonly gateways: readonly [MortalGateway, MortalGateway]
  readonly redis: TestRedis
  readonly identity: IdentityProvider
  /** What arrived at the upstream and should not have: each in words. */
  readonly wrong: readonly string[]
  /** A person signs in, as on the page. */
  signIn(member: Member): Promise<void>
  /** These sign in, for a run that this ledger counts: from now on it is told of their tokens. */
  begin(run: RunOfMembers, progress: (text: string) => void): Promise<void>
}

export interface WorldOptions {
  readonly people: number
  /** Seconds that access tokens live. */
  readonly lifeSeconds: number
}

interface RunOfMembers {
  readonly members: readonly Member[]
  readonly ledger: Ledger
  /** Whether a refresh token works again after its first use, as at Entra ID; otherwise its second use ends the grant. */
  readonly reuse: boolean
}

/** Sign-ins at a time, when the run is prepared. */
const signInsAtOnce = 10

/** Two gateways, PostgreSQL, Redis, a provider, and an upstream that takes its tokens. All of it ends with `t`. */
export async function startRenewalsWorld(
  t: Pick<Test, 'teardown'>,
  { people, lifeSeconds }: WorldOptions,
): Promise<RenewalsWorld> {
  const members = Array.from({ length: people }, (_, at) => memberNumber(at))
  const [database, redis] = await Promise.all([startPostgres(t), startRedis(t)])
  const identity = await distantProvider(t, members)
  identity.conditions.accessTokenSeconds = lifeSeconds
  const issuer = identity.issuers.get(account) ?? ''
  let seen: Ledger['see'] = () => {}
  const upstream = await startTokenUpstream(t, issuer, id => seen(id))

  const sealingKey = { id: 'first', key: randomBytes(32).toString('base64') }
  const client = { issuer, clientId: demoClient.id, clientSecret: demoClient.secret }
  const settings = {
    store: { url: database.url },
    redis: { url: redis.url, leaseMs: 1000 },
    hashing,
    secrets: { sealingKeys: [sealingKey] },
    upstreamAuth: { method: 'delegated' },
    signIn: { directories: { [northwindDirectory.id]: client } },
  }
  const first = await mortalGateway(t, 'first gateway', settings)
  const gateways = [first, await mortalGateway(t, 'second gateway', settings)] as const
  const operator = await openOperator(t, first.config())
  await prepare(operator, members, upstream.url)

  async function signIn(member: Member): Promise<void> {
    const { body } = await tokensFrom(identity, account, { as: member })
    const { grants } = operator.store
    await openGrants({
      authorities: { directories: {} },
      sealingKeys: [{ id: sealingKey.id, key: new Secret(sealingKey.key) }],
      grants,
      registry: operator.registry,
    }).give('page:test', {
      scope,
      owner: member.owner,
      issuer,
      clientId: demoClient.id,
      refreshToken: new Secret(String(body['refresh_token'])),
    })
  }

  const begin: RenewalsWorld['begin'] = async ({ members, ledger, reuse }, progress) => {
    const owners = new Set<string>(members.map(({ owner }) => owner))
    identity.conditions.usedRefreshTokens = reuse ? 'work' : 'end'
    identity.conditions.claims = ({ oid, jti }) => {
      if (owners.has(String(oid))) ledger.issue(String(oid), String(jti))
    }
    seen = id => ledger.see(id)
    const waiting = members.values()
    let done = 0
    await Promise.all(
      Array.from({ length: signInsAtOnce }, async () => {
        for (const member of waiting) {
          await ledger.signIn(member.owner, () => signIn(member))
          progress(`${(done += 1)} of ${members.length} have signed in`)
        }
      }),
    )
  }
  return { members, lifeSeconds, gateways, redis, identity, wrong: upstream.wrong, signIn, begin }
}

const scope = scopes.northwind

/** The least that the settings allow: how dear a hash is, is not what this is about. */
const hashing = { ...cheapHashing, queueLimit: 1000 }

function memberNumber(number: number): Member {
  const authority = authorities.find(({ path }) => path === account)
  if (authority === undefined) throw new Error(`there is no authority ${account}`)
  const person = {
    email: `person-${number}@example.com`,
    name: `Person ${number}`,
    password: `person-${number}`,
    at: [account],
  }
  return { ...person, owner: claimsOf(person, authority).oid as Owner }
}

/** A provider whose answers take a while, in which a gateway can die that has not got them yet. */
async function distantProvider(
  t: Pick<Test, 'teardown'>,
  people: readonly Person[],
): Promise<IdentityProvider> {
  const port = await freePort()
  const line = await startLine(t, port)
  line.set({ kind: 'slow', milliseconds: providerDistance })
  const identity = await startIdentityProvider({
    port,
    origin: `http://127.0.0.1:${line.port}`,
    redirectUri,
    people,
  })
  t.teardown(identity.close)
  return identity
}

/** Takes requests whose token is of the person that the path names, and has not expired. */
async function startTokenUpstream(t: Pick<Test, 'teardown'>, issuer: string, see: Ledger['see']) {
  const read = tokenReader(new Map([[northwindDirectory.id as string, issuer]]))
  const known = new Map<string, ReturnType<typeof accept>>()
  const wrong: string[] = []

  async function accept(token: string) {
    const user = await read(token, northwindDirectory.id)
    return typeof user === 'string' ? undefined : { ...decodeJwt(token), oid: user.oid }
  }

  async function flawIn(url: string, authorization: string): Promise<string | undefined> {
    const token = authorization.replace(/^Bearer /, '')
    const accepted = known.get(token) ?? accept(token)
    known.set(token, accepted)
    const claims = await accepted
    if (claims === undefined) return 'a token that is none'
    if (!url.endsWith(`/${claims.oid}`)) return 'the token of another person'
    // The end is in whole seconds, rounded down.
    if ((claims.exp ?? 0) * 1000 + 1000 < Date.now()) return 'a token that has expired'
    see(String(claims.jti))
    return undefined
  }

  const server = createServer((request, response) => {
    void flawIn(request.url ?? '', request.headers.authorization ?? '').then(flaw => {
      if (flaw !== undefined) wrong.push(flaw)
      response.writeHead(flaw === undefined ? 200 : 401).end('done')
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, wrong } // listening on TCP
}

async function mortalGateway(
  t: Pick<Test, 'teardown'>,
  name: string,
  settings: Readonly<Record<string, unknown>>,
): Promise<MortalGateway & { config(): string }> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const start = () =>
    startAltgate(t, { settings: { ...settings, publicUrl: url, listen: { host: '127.0.0.1', port } } })
  let altgate: Altgate = await start()
  return {
    name,
    url,
    async kill() {
      const { pid } = altgate
      for (const each of [pid, ...workersOf(pid), ...lanesOf(pid)]) process.kill(each, 'SIGKILL')
      await altgate.exit()
    },
    start: async () => void (altgate = await start()),
    logs: () => altgate.logs(),
    config: () => altgate.config,
  }
}

async function openOperator(t: Pick<Test, 'teardown'>, config: string): Promise<Tools> {
  const loaded = loadSettings({ file: config, env: {}, cwd: checkout })
  if ('complaints' in loaded) throw new Error('the settings of a gateway are refused')
  const operator = await openTools(loaded.settings)
  t.teardown(() => operator.close())
  return operator
}

/** An account of the directory, and a credential for each person, all with one password. */
async function prepare(operator: Tools, members: readonly Member[], upstream: string): Promise<void> {
  const { registry, hasher } = operator
  const { id: directoryId } = northwindDirectory
  await done(registry.addDirectory('cli:test', northwindDirectory))
  await done(registry.addAccount('cli:test', { name: account as AccountName, upstream, directoryId }))
  const hash = await hasher.hash(new Secret(password))
  if (hash === 'busy') throw new Error('the hasher is busy')
  const credentials = members.map(({ email, owner }) => ({ username: foldUsername(email), owner, hash }))
  await done(registry.importCredentials('cli:test', scope, credentials, () => {}))
}

async function done(change: Promise<Problem | undefined>): Promise<void> {
  const problem = await change
  if (problem !== undefined) throw new Error(`the store refused: ${problem.problem}`)
}
