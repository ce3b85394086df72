import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Configuration, interactionPolicy, JWK, Provider } from 'oidc-provider'
import {
  authorities,
  claimsOf,
  people,
  type PlayedAuthority,
  signInForm,
  troublePage,
} from './identity-pages.ts'
import { DemoCannotStart } from './people.ts'

export interface IdentityProviderOptions {
  /** 0: any free one. */
  readonly port: number
  /** Where users are sent back to. */
  readonly redirectUri: string
  /** Its public origin, if that differs from its own port. */
  readonly origin?: string
}

/** The client that every authority of the demo knows. */
export const demoClient = { id: 'altgate-demo', secret: 'altgate-demo-secret' } as const

/** A running provider: one issuer for each authority that it plays. */
export interface IdentityProvider {
  readonly url: string
  /** By path: `msa`, `contoso`, `northwind`. */
  readonly issuers: ReadonlyMap<string, string>
  readonly close: () => Promise<void>
}

/**
 * A real OpenID provider, oidc-provider, that plays Microsoft accounts and two Entra directories, with a form that
 * shows its passwords. For the demo and for tests: its package is not in the image. Throws `DemoCannotStart`.
 */
export async function startIdentityProvider(options: IdentityProviderOptions): Promise<IdentityProvider> {
  // First, so that nothing is left listening if the package is missing.
  await quietly(() => import('oidc-provider'))
  const server = createServer((request, response) => {
    serve(request, response).catch(() => {
      if (response.headersSent) response.destroy()
      else sendPage(response, 400, troublePage('Go back to the page you came from and sign in again.'))
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = `The demo's sign-in needs port ${options.port}, which is already in use. Free it, or set another demo.identityPort.`
      reject(error.code === 'EADDRINUSE' ? new DemoCannotStart(taken) : error)
    })
    server.listen(options.port, '127.0.0.1', resolve)
  })
  // A TCP server: never a pipe's string.
  const url = options.origin ?? `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const played: Played[] = []
  // One after the other: `quietly` must not run twice at the same time.
  for (const authority of authorities) played.push(await play(authority, url, options.redirectUri))

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const one = played.find(({ base }) => request.url?.startsWith(`${base}/`))
    if (one === undefined) return sendPage(response, 404, troublePage('There is no such page.'))
    const inside = request.url?.slice(one.base.length) ?? ''
    if (inside.startsWith('/interaction/')) return await askWho(one, request, response)
    // Tells the provider the path under which it is mounted.
    Object.assign(request, { originalUrl: request.url, url: inside })
    await one.callback(request, response)
  }

  return {
    url,
    issuers: new Map(played.map(({ authority, issuer }) => [authority.path, issuer])),
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

interface Played {
  readonly authority: PlayedAuthority
  readonly base: string
  readonly issuer: string
  readonly provider: Provider
  readonly callback: ReturnType<Provider['callback']>
}

async function play(authority: PlayedAuthority, url: string, redirectUri: string): Promise<Played> {
  const base = `/${authority.path}/v2.0`
  const issuer = url + base
  // It warns about things that a demo does on purpose.
  const provider = await quietly(async () => {
    const { Provider, interactionPolicy } = await import('oidc-provider')
    const policy = policyOf(interactionPolicy)
    return new Provider(issuer, configurationOf(authority, base, redirectUri, policy))
  })
  return { authority, base, issuer, provider, callback: provider.callback() }
}

let made: JWK | undefined

/** Generated once: it takes a while, and Entra signs for all of its directories with the same keys, too. */
function signingKey(): JWK {
  made ??= {
    ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }),
    use: 'sig',
    alg: 'RS256',
  }
  return made
}

/** The default policy, and `prompt=select_account`, with which a signed-in user can switch to another account, as in Entra. */
function policyOf({ base, Prompt }: typeof interactionPolicy): interactionPolicy.DefaultPolicy {
  const policy = base()
  policy.add(new Prompt({ name: 'select_account', requestable: true }), 0)
  return policy
}

function configurationOf(
  authority: PlayedAuthority,
  base: string,
  redirectUri: string,
  policy: interactionPolicy.DefaultPolicy,
): Configuration {
  const name = `_${authority.path}`
  return {
    clients: [
      {
        client_id: demoClient.id,
        client_secret: demoClient.secret,
        redirect_uris: [redirectUri],
        token_endpoint_auth_method: 'client_secret_post',
      },
    ],
    jwks: { keys: [signingKey()] },
    // Three authorities share one host; equal cookie names would clash.
    cookies: {
      keys: [randomBytes(32).toString('base64url')],
      names: { session: `${name}_session`, interaction: `${name}_interaction`, resume: `${name}_resume` },
    },
    claims: {
      openid: ['sub', 'oid', 'tid'],
      profile: ['name', 'preferred_username'],
      email: ['email', 'email_verified'],
    },
    // Like Entra: the claims of the scopes are in the id token.
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    features: { devInteractions: { enabled: false } },
    interactions: { policy, url: (_, { uid }) => `${base}/interaction/${uid}` },
    ttl: {
      AccessToken: 600,
      AuthorizationCode: 60,
      IdToken: 600,
      Interaction: 3600,
      Session: 86_400,
      Grant: 86_400,
    },
    findAccount(_, accountId) {
      const person = people.find(({ email }) => email === accountId)
      return person && { accountId, claims: () => claimsOf(person, authority) }
    },
    // No consent prompt: users come here to tell the gateway who they are.
    async loadExistingGrant({ oidc }) {
      const { client, session, provider } = oidc
      if (client === undefined || session?.accountId === undefined) return undefined
      const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId })
      grant.addOIDCScope('openid profile email')
      await grant.save()
      return grant
    },
    renderError(context) {
      context.type = 'html'
      context.body = troublePage('This address cannot start a sign-in.')
    },
  }
}

/** Shows the form, and handles what it sends. */
async function askWho(
  { authority, provider }: Played,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const action = request.url ?? ''
  await provider.interactionDetails(request, response)
  if (request.method !== 'POST') return sendPage(response, 200, signInForm(authority, action, false))

  const form = new URLSearchParams(await text(request))
  const finish = (result: Parameters<Provider['interactionFinished']>[2]) =>
    provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false })
  if (form.has('cancel')) return await finish({ error: 'access_denied' })
  const login = form.get('login')?.trim().toLowerCase()
  const person = people.find(({ email, password }) => email === login && password === form.get('password'))
  if (person === undefined) return sendPage(response, 422, signInForm(authority, action, true))
  await finish({ login: { accountId: person.email }, select_account: {} })
}

function sendPage(response: ServerResponse, status: number, page: string): void {
  response
    .writeHead(status, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' })
    .end(page)
}

/** Runs `work` with a silent console: warnings of a library would hide what the demo prints. */
export async function quietly<T>(work: () => Promise<T>): Promise<T> {
  const { info, warn } = console
  Object.assign(console, { info() {}, warn() {} })
  try {
    return await work()
  } finally {
    Object.assign(console, { info, warn })
  }
}
