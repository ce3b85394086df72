import {
  type Configuration,
  type CustomFetch,
  refreshTokenGrant,
  ResponseBodyError,
  tokenRevocation,
  WWWAuthenticateChallengeError,
} from 'openid-client'
import { claimsParameter, declaresCapability } from '../common/claims-request.ts'
import { createDiscovery } from '../common/openid.ts'
import {
  type Fault,
  errorCode,
  errorNumber,
  faultOf,
  judge,
  type ProviderClient,
  type Providers,
  type Renewal,
} from './provider.ts'

/** Bytes of the longest answer that is read: an endless one must not fill memory. */
const mostBytes = 1024 * 1024

interface ProvidersOptions {
  /** Milliseconds since 1970 by the system clock, for times that a provider has written. */
  readonly wallNow: () => number
  /** Seconds that a provider may take for one answer. */
  readonly timeoutSeconds: number
}

/**
 * The signatures of id tokens are not checked here, as OpenID Connect Core, 3.1.3.7 allows: the provider's keys may be out
 * of reach at that moment, and with the answer the next refresh token would be lost.
 */
export function createProviders({ wallNow, timeoutSeconds }: ProvidersOptions): Providers {
  const configurationOf = createDiscovery({ timeoutSeconds, fetch: boundedFetch })

  return {
    async at({ issuer }, client) {
      try {
        const isCapable = declaresCapability(issuer, client)
        return clientOn(await configurationOf(issuer, client), { wallNow, isCapable })
      } catch (error) {
        return asFault(failureOf(error))
      }
    },
  }
}

interface ClientOptions extends Pick<ProvidersOptions, 'wallNow'> {
  /** Whether the provider is told that claims challenges are understood. */
  readonly isCapable: boolean
}

function clientOn(configuration: Configuration, { wallNow, isCapable }: ClientOptions): ProviderClient {
  return {
    async renew(grant, refreshToken, { upstreamScope, demand }) {
      const claims = upstreamScope === undefined ? undefined : claimsParameter(isCapable, demand)
      try {
        const answer = await refreshTokenGrant(configuration, refreshToken.reveal(), {
          scope: ['openid', 'profile', 'offline_access', upstreamScope].filter(Boolean).join(' '),
          ...(claims !== undefined && { claims }),
        })
        return judge(answer, answer.claims(), { grant, refreshToken, upstreamScope, wallNow: wallNow() })
      } catch (error) {
        const failure = failureOf(error)
        return demand === undefined ? failure : unmet(demand, failure)
      }
    },
    async revoke(refreshToken) {
      if (configuration.serverMetadata().revocation_endpoint === undefined) return 'no-endpoint'
      const hint = { token_type_hint: 'refresh_token' }
      return await tokenRevocation(configuration, refreshToken.reveal(), hint).then(
        () => 'revoked',
        () => 'failed',
      )
    },
  }
}

/** What a failure means if a claims challenge had to be met. */
function unmet(demand: string, failure: Renewal): Renewal {
  if (failure.result === 'refused') return { demand, ...failure }
  // The provider cannot read what the upstream demands: no reason to leave it alone, nor to repeat it at the sign-in.
  if (failure.result === 'misconfigured' && failure.why.startsWith('invalid_request'))
    return { result: 'refused', why: failure.why, isOfUser: false }
  return failure
}

/** A status by which a provider declines to answer now. */
class Declined extends Error {
  readonly status: number
  readonly retryAfterSeconds: number | undefined

  constructor(status: number, retryAfterSeconds: number | undefined) {
    super(`status ${status}`)
    this.status = status
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** The status counts before the body, because such answers have any body, and `Retry-After` is in their head. */
export const boundedFetch: CustomFetch = async (url, options) => {
  const response = await fetch(url, { ...options, body: options.body ?? null })
  const { status, headers } = response
  if (status === 429 || status >= 500) {
    await response.body?.cancel()
    throw new Declined(status, secondsOf(headers.get('retry-after'), headers.get('date')))
  }
  const bytes: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body ?? []) {
    length += chunk.length
    if (length > mostBytes) throw new Error('the answer is too long')
    bytes.push(chunk)
  }
  return new Response(length === 0 ? null : Buffer.concat(bytes), { status, headers })
}

/** `Retry-After` in seconds (RFC 9110, 10.2.3). A date is compared with the provider's own clock. */
export function secondsOf(retryAfter: string | null, date: string | null): number | undefined {
  if (retryAfter === null) return undefined
  if (/^\d+$/.test(retryAfter.trim())) return Number(retryAfter)
  if (!/^[a-z]/i.test(retryAfter)) return undefined // `Date.parse` takes nearly anything for a date
  const seconds = (Date.parse(retryAfter) - (date === null ? Date.now() : Date.parse(date))) / 1000
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined
}

function asFault(renewal: Renewal): Fault {
  return 'why' in renewal && renewal.result !== 'refused'
    ? renewal
    : { result: 'nonsense', why: 'it refused to show its metadata' }
}

/** The error code of a provider, and Microsoft's number, if it answered with one. */
export function codeIn(error: unknown): { readonly code?: string; readonly number?: string } {
  for (let each = error; each instanceof Error; each = each.cause) {
    if (each instanceof WWWAuthenticateChallengeError) return { code: 'invalid_client' }
    if (!(each instanceof ResponseBodyError)) continue
    const number = errorNumber(each.error_description)
    return { code: errorCode(each.error), ...(number !== undefined && { number }) }
  }
  return {}
}

/** What an error of the library means. */
export function failureOf(error: unknown): Renewal {
  for (let each = error; each instanceof Error; each = each.cause) {
    if (each instanceof Declined) {
      const { status, retryAfterSeconds, message: why } = each
      const isThrottled = status === 429 || retryAfterSeconds !== undefined
      const time = retryAfterSeconds === undefined ? {} : { retryAfterSeconds }
      return { result: isThrottled ? 'throttled' : 'server-error', why, ...time }
    }
    if (each instanceof ResponseBodyError)
      return faultOf(each.error, each.error_description, each.cause['claims'])
    if (each instanceof WWWAuthenticateChallengeError)
      return { result: 'misconfigured', why: `status ${each.status}` }
    if (each.name === 'TimeoutError') return { result: 'slow', why: 'no answer in time' }
    // What `fetch` throws when the host cannot be reached or the connection breaks.
    if (each instanceof TypeError && each.cause !== undefined)
      return { result: 'unreachable', why: codeOf(each.cause, 'no connection') }
  }
  return { result: 'nonsense', why: `the answer cannot be used (${codeOf(error, 'no code')})` }
}

/** Codes are from closed lists: those of the library, of Node and of undici. */
function codeOf(error: unknown, otherwise: string): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : otherwise
}
