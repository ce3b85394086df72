import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import type { Adapter, AdapterPayload } from 'oidc-provider'
import { quietly } from '../../src/demo/identity-provider.ts'

export const directory = 'aaaaaaaa-0000-4000-8000-000000000001'
export const client = { id: 'altgate', secret: 'canary-client-secret-1f7a' } as const
const resourceId = '499b84ac-1321-427f-aa17-267ca6975798'
export const upstreamScope = `${resourceId}/.default`
const resource = `urn:resource:${resourceId}`

/** Answers a question for a token; `usual` lets the provider answer. */
export type Answering = (response: ServerResponse, usual: () => void, request: IncomingMessage) => void

/** A real provider that plays the directory: refresh tokens of users without a browser, and all that can go wrong. */
export interface RefreshProvider {
  readonly issuer: string
  /** A new refresh token of the user with this object id, as after a sign-in. */
  signIn(owner: string): Promise<string>
  /** How many questions for tokens it got, and how many at a time. */
  readonly asked: () => number
  readonly atOnce: () => number
  /** How many refresh tokens it was told to revoke. */
  readonly revoked: () => number
  /** The parameter `claims` of each question for tokens that it answered by itself. */
  readonly claimsAsked: readonly unknown[]
  /** Every token that it ever gave. */
  readonly tokens: readonly string[]
  /** Whether a refresh token is good for one use only. */
  rotates: boolean
  /** Seconds. */
  life: number
  /** Every question waits for it. */
  hold: Promise<unknown>
  /** In the place of its answers to questions for tokens. */
  answering: Answering | undefined
  /** Changes the claims of access tokens. */
  claims: (claims: Record<string, unknown>) => void
  stop(): Promise<void>
  start(): Promise<void>
}

export async function refreshProvider(
  t: Test,
  { revocation = true }: { readonly revocation?: boolean } = {},
): Promise<RefreshProvider> {
  let asked = 0
  let now = 0
  let atOnce = 0
  let revoked = 0
  const tokens: string[] = []
  const claimsAsked: unknown[] = []
  /** Keeps the tokens of an answer. */
  function note(text: string): void {
    for (const [, token = ''] of text.matchAll(/"(?:access|refresh|id)_token":"([^"]+)"/g)) tokens.push(token)
  }
  let handle: ReturnType<import('oidc-provider').Provider['callback']>
  const server = createServer((request, response) => {
    const usual = () => void handle(request, response)
    if (request.url === '/token/revocation') revoked += 1
    if (request.url !== '/token') return usual()
    asked += 1
    now += 1
    atOnce = Math.max(atOnce, now)
    response.on('close', () => (now -= 1))
    const end = response.end.bind(response)
    Object.assign(response, {
      end(...given: Parameters<typeof end>) {
        note(String(given[0] ?? ''))
        return end(...given)
      },
    })
    void state.hold.then(() => (state.answering ? state.answering(response, usual, request) : usual()))
  })
  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return (server.address() as AddressInfo).port // listening on TCP
  }
  const port = await listen(0)
  const stop = async () => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }
  t.teardown(stop)
  const issuer = `http://127.0.0.1:${port}`
  const provider = await quietly(async () => {
    const { Provider } = await import('oidc-provider')
    return new Provider(issuer, {
      adapter: keepEverything(),
      clients: [
        {
          client_id: client.id,
          client_secret: client.secret,
          grant_types: ['refresh_token', 'authorization_code'],
          redirect_uris: ['http://127.0.0.1/callback'],
          token_endpoint_auth_method: 'client_secret_post',
        },
      ],
      scopes: ['openid', 'profile', 'email', 'offline_access', upstreamScope],
      claims: { openid: ['sub', 'oid', 'tid'], profile: ['name'] },
      conformIdTokenClaims: false,
      findAccount: (_, accountId) => ({
        accountId,
        claims: () => ({ sub: accountId, oid: accountId, tid: directory, name: 'Anna' }),
      }),
      ttl: { Grant: 86_400, RefreshToken: 86_400, AccessToken: () => state.life, IdToken: 3600 },
      rotateRefreshToken: () => state.rotates,
      extraTokenClaims({ oidc }, token) {
        claimsAsked.push((oidc.body as Record<string, unknown> | undefined)?.['claims'])
        return { oid: 'accountId' in token ? token.accountId : undefined, tid: directory }
      },
      formats: { customizers: { jwt: (_, __, { payload }) => state.claims(payload) } },
      features: {
        devInteractions: { enabled: false },
        revocation: { enabled: revocation },
        resourceIndicators: {
          enabled: true,
          defaultResource: () => resource,
          useGrantedResource: () => true,
          getResourceServerInfo: () => ({
            scope: upstreamScope,
            audience: resourceId,
            accessTokenFormat: 'jwt',
            accessTokenTTL: state.life,
            jwt: { sign: { alg: 'RS256' } },
          }),
        },
      },
    })
  })
  handle = provider.callback()
  const state: RefreshProvider = {
    issuer,
    async signIn(accountId) {
      const grant = new provider.Grant({ accountId, clientId: client.id })
      grant.addOIDCScope('openid profile offline_access')
      grant.addResourceScope(resource, upstreamScope)
      const grantId = await grant.save()
      const itsClient = await provider.Client.find(client.id)
      if (itsClient === undefined) throw new Error('it does not know its client')
      const token = new provider.RefreshToken({
        accountId,
        client: itsClient,
        grantId,
        gty: 'authorization_code',
        resource,
        scope: `openid profile offline_access ${upstreamScope}`,
      } as unknown as ConstructorParameters<typeof provider.RefreshToken>[0])
      const saved = await token.save()
      tokens.push(saved)
      return saved
    },
    asked: () => asked,
    atOnce: () => atOnce,
    revoked: () => revoked,
    claimsAsked,
    tokens,
    rotates: true,
    life: 3600,
    hold: Promise.resolve(),
    answering: undefined,
    claims: () => {},
    stop,
    start: async () => void (await listen(port)),
  }
  return state
}

/** The store that comes with oidc-provider drops the oldest of a thousand entries, and with them the sign-ins of users. */
function keepEverything(): (kind: string) => Adapter {
  const entries = new Map<string, AdapterPayload>()
  return kind => ({
    upsert: async (id, payload) => void entries.set(`${kind} ${id}`, payload),
    find: async id => entries.get(`${kind} ${id}`),
    findByUid: async () => undefined,
    findByUserCode: async () => undefined,
    destroy: async id => void entries.delete(`${kind} ${id}`),
    async consume(id) {
      const payload = entries.get(`${kind} ${id}`)
      if (payload !== undefined) payload.consumed = Math.floor(Date.now() / 1000)
    },
    async revokeByGrantId(grantId) {
      for (const [name, payload] of entries) if (payload.grantId === grantId) entries.delete(name)
    },
  })
}
