import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { quietly } from '../../src/demo/identity-provider.ts'

/** Seconds that its tokens live. */
export const tokenLife = 3600

export const client = {
  id: '11111111-2222-4333-8444-555555555555',
  secret: 'canary-client-secret-9d2f',
  scope: '499b84ac-1321-427f-aa17-267ca6975798/.default',
} as const

/** A real provider that plays Entra ID for one service principal. */
export interface TokenProvider {
  readonly issuer: string
  /** How often it was asked for a token. */
  readonly asked: () => number
  /** While it is `false` every question is answered 503. */
  works: boolean
  /** Every question for a token waits for it. */
  hold: Promise<void>
  /** What it knows of a token that it gave: `undefined` if it did not. */
  readonly scopeOf: (token: string) => Promise<string | undefined>
}

export async function tokenProvider(t: Test): Promise<TokenProvider> {
  let asked = 0
  let handle: ReturnType<import('oidc-provider').Provider['callback']>
  const server = createServer((request, response) => {
    const answer = () => (state.works ? void handle(request, response) : void response.writeHead(503).end())
    if (request.url !== '/token') return answer()
    asked++
    void state.hold.then(answer)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}` // listening on TCP
  const provider = await quietly(async () => {
    const { Provider } = await import('oidc-provider')
    return new Provider(issuer, {
      clients: [
        {
          client_id: client.id,
          client_secret: client.secret,
          grant_types: ['client_credentials'],
          response_types: [],
          redirect_uris: [],
          token_endpoint_auth_method: 'client_secret_post',
        },
      ],
      scopes: [client.scope],
      features: { clientCredentials: { enabled: true }, devInteractions: { enabled: false } },
      ttl: { ClientCredentials: tokenLife },
    })
  })
  handle = provider.callback()
  const state: TokenProvider = {
    issuer,
    asked: () => asked,
    works: true,
    hold: Promise.resolve(),
    scopeOf: async token => (await provider.ClientCredentials.find(token))?.scope,
  }
  return state
}
