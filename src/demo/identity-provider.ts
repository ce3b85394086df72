import { generateKeyPairSync, randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Configuration, interactionPolicy, JWK, Provider } from 'oidc-provider'
import { createServer } from '../engine/http.ts'
import { type Conditions, usualConditions } from './identity-conditions.ts'
import {
  authorities,
  consentForm,
  people,
  type Person,
  type PlayedAuthority,
  signInForm,
  troublePage,
} from './identity-pages.ts'
import { createIdentityStore, type IdentityStore } from './identity-store.ts'
import { type Scene, tokensOf } from './identity-tokens.ts'
import { DemoCannotStart } from './people.ts'

export interface IdentityProviderOptions {
  /** 0: any free one. */
  readonly port: number
  /** Where users are sent back to. */
  readonly redirectUri: string
  /** Its public origin, if that differs from its own port. */
  readonly origin?: string
  /** Who can sign in; the users of the demo if left out. */
  readonly people?: readonly Person[]
  /** Whether it has an endpoint that revokes tokens, which Entra ID has not. */
  readonly revocation?: boolean
}

/** The client that every authority of the demo knows. */
export const demoClient = { id: 'altgate-demo', secret: 'altgate-demo-secret' } as const

/** A running provider: one issuer for each authority that it plays. */
export interface IdentityProvider {
  readonly url: string
  /** By path: `msa`, `contoso`, `northwind`. */
  readonly issuers: ReadonlyMap<string, string>
  readonly conditions: Conditions
  /** How often the grants of a user were renewed, at all authorities. */
  readonly renewals: (email: string) => number
  /** How many refresh tokens a user has at all authorities. */
  readonly refreshTokens: (email: string) => number
  /** Ends the browser sessions and refresh tokens of a user at all authorities, as an administrator does. */
  readonly revoke: (email: string) => void
  readonly close: () => Promise<void>
}

/**
 * A real OpenID provider, oidc-provider, that plays Microsoft accounts and two Entra directories, with a form that
 * shows its passwords. For the demo and for tests. Throws `DemoCannotStart`.
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
  const scene: Scene = {
    redirectUri: options.redirectUri,
    people: options.people ?? people,
    revocation: options.revocation ?? true,
    conditions: usualConditions(),
    renewals: new Map(),
  }
  const { conditions, renewals } = scene
  const played: Played[] = []
  // One after the other: `quietly` must not run twice at the same time.
  for (const authority of authorities) played.push(await play(authority, url, scene))

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const one = played.find(({ base }) => request.url?.startsWith(`${base}/`))
    if (one === undefined) return sendPage(response, 404, troublePage('There is no such page.'))
    const inside = withConsent(request.url?.slice(one.base.length) ?? '', conditions)
    if (inside.startsWith('/interaction/')) return await interact(one, scene, request, response)
    if (inside === '/token' && conditions.tokens !== 'usual') return busy(response, conditions.tokens)
    // Tells the provider the path under which it is mounted.
    Object.assign(request, { originalUrl: one.base + inside, url: inside })
    await one.callback(request, response)
  }

  return {
    url,
    issuers: new Map(played.map(({ authority, issuer }) => [authority.path, issuer])),
    conditions,
    renewals: email => renewals.get(email) ?? 0,
    refreshTokens: email => played.reduce((sum, { kept }) => sum + kept.refreshTokens(email), 0),
    revoke(email) {
      for (const { kept } of played) kept.revoke(email)
    },
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
  readonly kept: IdentityStore
  /** Addresses of users who gave consent to offline access and the resource. */
  readonly consents: Set<string>
}

async function play(authority: PlayedAuthority, url: string, scene: Scene): Promise<Played> {
  const base = `/${authority.path}/v2.0`
  const issuer = url + base
  const kept = createIdentityStore(() => scene.conditions.usedRefreshTokens === 'work')
  const consents = new Set<string>()
  // It warns about things that a demo does on purpose.
  const provider = await quietly(async () => {
    const { Provider, interactionPolicy, errors } = await import('oidc-provider')
    const policy = policyOf(interactionPolicy)
    const configuration = configurationOf({ authority, base, kept, consents, scene }, policy)
    return new Provider(issuer, { ...configuration, ...tokensOf(authority, scene, errors) })
  })
  return { authority, base, issuer, provider, callback: provider.callback(), kept, consents }
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

/**
 * The default policy, with what Entra ID does: `prompt=select_account` lets a signed-in user switch to another account, and
 * users are asked for their consent once.
 */
function policyOf({ base, Prompt }: typeof interactionPolicy): interactionPolicy.DefaultPolicy {
  const policy = base()
  policy.add(new Prompt({ name: 'select_account', requestable: true }), 0)
  policy.get('consent')?.checks.remove('consent_prompt')
  return policy
}

/** oidc-provider gives offline access only with `prompt=consent`; Entra ID does not need it. */
function withConsent(inside: string, { offlineOnlyWithConsent }: Conditions): string {
  if (offlineOnlyWithConsent || !inside.startsWith('/auth?')) return inside
  const query = new URLSearchParams(inside.slice('/auth?'.length))
  if (!query.get('scope')?.split(' ').includes('offline_access')) return inside
  query.set('prompt', [...new Set([...(query.get('prompt')?.split(' ') ?? []), 'consent'])].join(' '))
  return `/auth?${query.toString()}`
}

/** Seconds in which a refresh token must be used: 90 days, as at Entra ID. */
const refreshTokenLife = 90 * 86_400

function configurationOf(
  {
    authority,
    base,
    kept,
    consents,
    scene,
  }: Pick<Played, 'authority' | 'base' | 'kept' | 'consents'> & { readonly scene: Scene },
  policy: interactionPolicy.DefaultPolicy,
): Configuration {
  const name = `_${authority.path}`
  return {
    adapter: kind => kept.of(kind),
    clients: [
      {
        client_id: demoClient.id,
        client_secret: demoClient.secret,
        redirect_uris: [scene.redirectUri],
        grant_types: ['authorization_code', 'refresh_token'],
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
      openid: ['sub', 'oid', 'tid', 'groups', '_claim_names'],
      profile: ['name', 'preferred_username'],
      email: ['email', 'email_verified'],
    },
    // Like Entra: the claims of the scopes are in the id token.
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    interactions: { policy, url: (_, { uid }) => `${base}/interaction/${uid}` },
    ttl: {
      AccessToken: () => scene.conditions.accessTokenSeconds,
      AuthorizationCode: 60,
      IdToken: 600,
      Interaction: 3600,
      Session: 86_400,
      Grant: refreshTokenLife,
      RefreshToken: refreshTokenLife,
    },
    // No consent for a sign-in alone: users come here to tell the gateway who they are.
    async loadExistingGrant({ oidc }) {
      const { client, session, provider, resourceServers = {} } = oidc
      if (client === undefined || session?.accountId === undefined) return undefined
      const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId })
      grant.addOIDCScope('openid profile email')
      if (consents.has(session.accountId)) {
        grant.addOIDCScope('offline_access')
        for (const [resource, { scope }] of Object.entries(resourceServers))
          grant.addResourceScope(resource, scope)
      }
      await grant.save()
      return grant
    },
    renderError(context) {
      context.type = 'html'
      context.body = troublePage('This address cannot start a sign-in.')
    },
  }
}

/** Shows the form of a step, and handles what it sends. */
async function interact(
  { authority, provider, consents }: Played,
  { people, conditions }: Scene,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const action = request.url ?? ''
  const { prompt, params, session } = await provider.interactionDetails(request, response)
  const byAdministrator = conditions.consent === 'administrator'
  const step = { authority, people, action, scopes: String(params['scope']), byAdministrator }
  const page = (wrong: boolean) => (prompt.name === 'consent' ? consentForm : signInForm)({ ...step, wrong })
  if (request.method !== 'POST') return sendPage(response, 200, page(false))

  const form = new URLSearchParams(await text(request))
  if (form.has('cancel')) return await finish({ error: 'access_denied' })
  if (prompt.name === 'consent') {
    if (byAdministrator) return sendPage(response, 403, page(true))
    if (session?.accountId !== undefined) consents.add(session.accountId)
    // Merged: otherwise `prompt=login` would ask for the password again.
    return await finish({ consent: {} }, true)
  }
  const login = form.get('login')?.trim().toLowerCase()
  const person = people.find(({ email, password }) => email === login && password === form.get('password'))
  if (person === undefined) return sendPage(response, 422, page(true))
  await finish({ login: { accountId: person.email }, select_account: {} })

  async function finish(result: Parameters<Provider['interactionFinished']>[2], merged = false) {
    await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: merged })
  }
}

function busy(response: ServerResponse, how: Exclude<Conditions['tokens'], 'usual'>): void {
  if (how === 'outage') response.writeHead(503).end()
  else response.writeHead(429, { 'retry-after': String(how.retryAfter) }).end()
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
