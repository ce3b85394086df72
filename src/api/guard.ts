import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { TokenKeeper } from '../administration/tokens.ts'
import type { ApiTokens, StoredToken, TokenScope } from '../gateway/api-token.ts'
import type { Instant } from '../gateway/names.ts'
import { Outage } from '../gateway/outage.ts'
import { createWindows, type Limit } from '../throttling/windows.ts'
import { Rejected } from './problems.ts'

/** Who sends a request, as far as can be determined. */
interface Sender {
  readonly from: string
  readonly secure: boolean
}

export interface GuardParts {
  readonly tokens: Pick<TokenKeeper, 'find'>
  readonly apiTokens: Pick<ApiTokens, 'used'>
  /** Learns what other processes have changed, such as keys. `undefined`: nothing. Throws `Outage`. */
  readonly catchUp: () => Promise<void> | undefined
  readonly senderOf: (request: FastifyRequest['raw']) => Sender
  /** What an address is counted under. */
  readonly networkOf: (address: string) => string
  /** Refuse plain http: `publicUrl` is https. */
  readonly httpsOnly: boolean
  readonly limits?: ApiLimits
  readonly now: () => Instant
  readonly steadyNow: () => Instant
}

/** What is counted, in each process: a machine with several workers allows that many times as much. */
export interface ApiLimits {
  /** Requests with one token. */
  readonly token: Limit
  /** Requests of one address without a valid token: each with one of the right form reads the store. */
  readonly rejected: Limit
}

export const usualLimits: ApiLimits = {
  token: { points: 600, seconds: 60 },
  rejected: { points: 60, seconds: 60 },
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The token of a request to the API. */
    token: StoredToken | null
    isSecure: boolean
  }
  interface FastifyContextConfig {
    /** What a token must permit. Left out: any valid one will do. */
    needs?: TokenScope
  }
}

/** Milliseconds between two records of a token's use. */
const recordedEvery = 60_000

/** Nothing is read of a request before its token is known. */
export function addGuard(app: FastifyInstance, parts: GuardParts): void {
  const { limits = usualLimits, steadyNow, now } = parts
  const requests = createWindows(limits.token, steadyNow)
  const rejections = createWindows(limits.rejected, steadyNow)
  app.decorateRequest('token', null)
  app.decorateRequest('isSecure', false)

  app.addHook('onRequest', async (request, reply) => {
    reply.headers({
      'x-request-id': request.id,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    })
    const { from, secure } = parts.senderOf(request.raw)
    if (parts.httpsOnly && !secure) throw new Rejected(403, 'plain-http', plainHttp)
    const network = parts.networkOf(from)
    // Before anything is looked up. Other clients of the network have to wait as well.
    rejections.insist(network)
    const text = tokenIn(request)
    // A key may have been retired, with which nothing may be made any more, or checked.
    if (text !== undefined) await parts.catchUp()
    const token = text === undefined ? undefined : await parts.tokens.find(text, now())
    if (token === undefined) {
      rejections.count(network)
      throw new Rejected(401, text === undefined ? 'no-token' : 'invalid-token', unknownToken)
    }
    requests.count(token.id)
    const { needs } = request.routeOptions.config
    if (needs === 'write' && token.scope !== 'write') throw new Rejected(403, 'insufficient-scope', readOnly)
    request.token = token
    request.isSecure = secure
    await recordUse(parts, token)
  })
}

/** The token of a request that has exactly one, in its header. */
function tokenIn({ raw }: FastifyRequest): string | undefined {
  const values: string[] = []
  for (let at = 0; at < raw.rawHeaders.length; at += 2)
    if (raw.rawHeaders[at]?.toLowerCase() === 'authorization') values.push(raw.rawHeaders[at + 1] ?? '')
  const [value] = values
  if (value === undefined) return undefined
  if (values.length > 1)
    throw new Rejected(400, 'two-authorizations', 'Send one Authorization header: this request has several.')
  return /^Bearer +([!-~]{1,200})$/i.exec(value)?.[1]
}

async function recordUse({ apiTokens, now }: GuardParts, { id, lastUsedAt = 0 }: StoredToken): Promise<void> {
  const at = now()
  if (at - lastUsedAt < recordedEvery) return
  await apiTokens.used(id, at).catch((error: unknown) => {
    // The request can be answered all the same, or meets the outage itself.
    if (!(error instanceof Outage)) throw error
  })
}

const plainHttp =
  'The API is served over https only. The token has travelled unprotected: let an operator revoke it and add another one, and send that over https.'
const unknownToken =
  'Send a token that is valid as "Authorization: Bearer aga_...", and nowhere else. This one is missing, unknown, revoked or past its end. Operators add tokens on the machine of the gateway, not by the API.'
const readOnly =
  'This token may only read. A change needs one with scope write: operators add them on the machine of the gateway, not by the API.'
