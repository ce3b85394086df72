import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import type { UpstreamFailed } from '../../src/gateway/decision.ts'
import type { SignInCause } from '../../src/gateway/delegation.ts'
import type { Outage } from '../../src/gateway/outage.ts'
import { createPublicServer, type PublicServerOptions } from '../../src/server/server.ts'
import type { Crowding } from '../../src/proxying/upstream-reports.ts'
import { identityHeaders } from '../../src/upstream-auth/credentials.ts'
import { aWorld, type World } from './world.ts'

/** A public server on a free port, and what it told its observer. */
export interface RunningServer {
  readonly app: FastifyInstance
  readonly port: number
  readonly url: string
  readonly world: World
  readonly failures: { readonly because: UpstreamFailed['because']; readonly cause: unknown }[]
  readonly bugs: unknown[]
  readonly outages: Outage[]
  /** Times in seconds after which the upstream began to answer. */
  readonly answered: number[]
  /** Why users have to sign in again whose token the upstream rejected. */
  readonly signIns: SignInCause[]
  /** What became of requests that found no connection free. */
  readonly crowded: Crowding[]
}

/** Anna's credential on every Microsoft account of these tests. */
export const anna = { username: 'anna@example.com', password: 'correct horse' } as const

/** What an upstream is told of her on `fabrikam`, of a request to `git.example.com` from this machine. */
export const toldOfAnna: Readonly<Record<string, string>> = {
  'X-Forwarded-User': anna.username,
  'X-Forwarded-For': '127.0.0.1',
  'X-Forwarded-Proto': 'http',
  'X-Forwarded-Host': 'git.example.com',
  'X-Altgate-Account': 'fabrikam',
  'X-Altgate-Scope': 'msa',
  'X-Altgate-Subject': 'subject-0',
  'X-TFS-FedAuthRedirect': 'Suppress',
}

/** The value of an Authorization header. */
export function basic({ username, password }: { username: string; password: string } = anna): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}

/** One account, `fabrikam`, with Anna's credential, in front of `upstream`. Everything can be put in its place. */
export async function runningServer(
  t: Test,
  {
    upstream,
    world = aWorld({ accounts: [{ name: 'fabrikam', upstream }], credentials: [anna] }),
    patience = {},
    refusedBodies = {},
    ...options
  }: {
    readonly upstream: string
    readonly world?: World
    readonly patience?: Partial<PublicServerOptions['upstream']>
    readonly refusedBodies?: Partial<PublicServerOptions['refusedBodies']>
  } & Partial<Omit<PublicServerOptions, 'upstream' | 'refusedBodies'>>,
): Promise<RunningServer> {
  const failures: RunningServer['failures'] = []
  const bugs: unknown[] = []
  const outages: Outage[] = []
  const answered: number[] = []
  const crowded: RunningServer['crowded'] = []
  const signIns: SignInCause[] = []
  const app = createPublicServer({
    gateway: world.gateway,
    witness: world.witness,
    naming: world.naming,
    publicUrl: 'https://git.example.com',
    trustedProxies: [],
    authorize: identityHeaders().authorize,
    upstream: {
      connectTimeoutSeconds: 5,
      headersTimeoutSeconds: 30,
      idleTimeoutSeconds: 30,
      connectionsPerOrigin: 64,
      connectionsPerUser: 'auto',
      keepAliveSeconds: 4,
      maxHeaderBytes: 65_536,
      ...patience,
    },
    refusedBodies: {
      maxBytes: 2 ** 30,
      maxSeconds: 300,
      maxAtOncePerAddress: 16,
      maxAtOnce: 128,
      ...refusedBodies,
    },
    networkOf: address => address,
    observer: {
      upstreamAnswered: seconds => void answered.push(seconds),
      upstreamFailed: ({ because }, cause) => void failures.push({ because, cause }),
      signInNeeded: cause => void signIns.push(cause),
      upstreamCrowded: how => void crowded.push(how),
      bug: error => void bugs.push(error),
      outage: outage => void outages.push(outage),
    },
    ...options,
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(async () => {
    app.server.closeAllConnections()
    await app.close()
  })
  const { port } = app.server.address() as AddressInfo // listening on TCP
  const scheme = options.tls === undefined ? 'http' : 'https'
  return {
    app,
    port,
    url: `${scheme}://127.0.0.1:${port}`,
    world,
    failures,
    bugs,
    outages,
    answered,
    crowded,
    signIns,
  }
}
