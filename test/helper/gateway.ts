import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, request as forward, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'
import { startUpstream } from '../support/upstream.ts'

/** What an endpoint answers: JSON, other text with its status and headers, or whatever a function writes. */
export type Reply =
  | { readonly status?: number; readonly json: Readonly<Record<string, unknown>> }
  | { readonly status?: number; readonly headers?: Readonly<Record<string, string>>; readonly text: string }
  | ((response: ServerResponse) => void)

/** A request to an endpoint of OAuth. */
export interface Asked {
  /** What follows `/_altgate/oauth/`. */
  readonly path: string
  readonly form: Readonly<Record<string, string>>
}

/**
 * Plays a gateway with the endpoints of OAuth, in front of real repositories that ask for the passwords it has given. Each
 * endpoint can be given other answers, which come first.
 */
export interface PlayedGateway {
  readonly url: string
  readonly asked: readonly Asked[]
  /** The passwords that open the repositories. */
  readonly passwords: Set<string>
  /** The refresh tokens that can be used. */
  readonly refreshTokens: Set<string>
  /** Answers for the next requests of an endpoint, before what it says by itself. */
  readonly next: Readonly<Record<Endpoint, Reply[]>>
  /** The user enters the code that was given out last. */
  approve(): void
  /** Seconds that a password is good for. */
  life: number
  /** Seconds between two polls, as told. */
  interval: number
}

export type Endpoint = 'device_authorization' | 'token' | 'revoke'

export const anna = 'anna@example.com'

export async function playGateway(
  t: Test,
  accounts: readonly string[] = ['contoso'],
  tls?: { readonly cert: Buffer; readonly key: Buffer },
): Promise<PlayedGateway> {
  const upstream = await startUpstream(t, accounts)
  const asked: Asked[] = []
  const approved = new Set<string>()
  const used = new Set<string>()
  let lastCode = ''
  const played = {
    url: '',
    asked,
    passwords: new Set<string>(),
    refreshTokens: new Set<string>(),
    next: { device_authorization: [], token: [], revoke: [] } as Record<Endpoint, Reply[]>,
    approve: () => void approved.add(lastCode),
    life: 90 * 86_400,
    interval: 1,
  }

  const tokens = (): Reply => {
    const json = {
      access_token: `agp_${randomBytes(16).toString('hex')}`,
      token_type: 'Bearer',
      expires_in: played.life,
      refresh_token: randomBytes(32).toString('base64url'),
      username: anna,
    }
    played.passwords.add(json.access_token)
    played.refreshTokens.add(json.refresh_token)
    return { json }
  }

  const error = (code: string): Reply => ({ status: 400, json: { error: code } })

  const own: Record<Endpoint, (form: Asked['form']) => Reply> = {
    device_authorization() {
      lastCode = randomBytes(32).toString('base64url')
      const uri = `${played.url}/_altgate/device`
      const json = {
        device_code: lastCode,
        user_code: 'BCDF-GHJK',
        verification_uri: uri,
        verification_uri_complete: `${uri}?user_code=BCDF-GHJK`,
        expires_in: 600,
        interval: played.interval,
      }
      return { json }
    },
    token(form) {
      const { grant_type: kind, device_code: code = '', refresh_token: refresh = '' } = form
      if (kind === 'refresh_token')
        return played.refreshTokens.delete(refresh) ? tokens() : error('invalid_grant')
      if (!approved.has(code)) return error('authorization_pending')
      if (used.has(code)) return error('invalid_grant')
      used.add(code)
      return tokens()
    },
    revoke({ token = '' }) {
      played.refreshTokens.delete(token)
      played.passwords.clear()
      return { text: '' }
    },
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = /^\/_altgate\/oauth\/(.+)$/.exec(request.url ?? '')?.[1]
    if (path === undefined) return pass(request, response)
    const form = Object.fromEntries(new URLSearchParams(await text(request)))
    asked.push({ path, form })
    const endpoint = path.split('/')[0] as Endpoint
    const reply = played.next[endpoint].shift() ?? own[endpoint](form)
    if (typeof reply === 'function') return reply(response)
    const body = 'json' in reply ? JSON.stringify(reply.json) : reply.text
    const headers = 'json' in reply ? { 'content-type': 'application/json' } : reply.headers
    response.writeHead(reply.status ?? 200, headers).end(body)
  }

  /** To the repositories, with a password that was given out. */
  function pass(request: IncomingMessage, response: ServerResponse): void {
    const [, password = ''] = Buffer.from(request.headers.authorization?.slice(6) ?? '', 'base64')
      .toString()
      .split(':')
    if (!played.passwords.has(password)) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="contoso"' }).end('refused\n')
      return
    }
    const { method, headers } = request
    const on = forward(upstream.url + request.url, { method, headers }, answer => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    request.pipe(on)
    on.on('error', () => response.destroy())
  }

  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    serve(request, response).catch(() => response.destroy())
  }
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo // listening on TCP
  played.url = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`
  return played
}
