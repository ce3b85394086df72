import { Outage } from '../gateway/outage.ts'
import type { Secret } from '../gateway/secret.ts'
import { bearerHeaders } from './credentials.ts'
import { keptSecret, type SecretSource } from './kept-secret.ts'
import type { Method, MethodParts, Warn } from './method.ts'

export interface EntraServicePrincipalOptions {
  readonly method: 'entra-service-principal'
  /** `https://login.microsoftonline.com/DIRECTORY-ID/v2.0` */
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: SecretSource
  readonly scope: string
}

/** A token of the gateway's own service principal, by the client credentials grant (RFC 6749, 4.4). */
export function entraServicePrincipal(
  options: EntraServicePrincipalOptions,
  { now, steadyNow = now, warn }: MethodParts,
): Method {
  const readClientSecret = keptSecret(options.clientSecret, now, warn)
  // The OpenID Connect client is loaded only where a token is needed.
  const fetch = async () => (await import('./entra-token.ts')).askForToken(options, readClientSecret())
  const readToken = keptToken({ fetch, now: steadyNow, warn })
  let written: Secret | undefined
  let headers: readonly string[] = []

  function headersOf(token: Secret): readonly string[] {
    if (token !== written) {
      written = token
      headers = bearerHeaders(token)
    }
    return headers
  }

  return {
    authorize() {
      const token = readToken()
      return token instanceof Promise ? token.then(headersOf) : headersOf(token)
    },
  }
}

/** An access token and how many seconds it lives. */
export interface FreshToken {
  readonly token: Secret
  readonly lifeSeconds: number
}

interface KeptTokenOptions {
  /** Asks for a new token; any error counts as a failure. */
  readonly fetch: () => Promise<FreshToken>
  readonly now: () => number
  readonly warn: Warn
}

/** Part of a token's lifetime after which the next one is requested, while this one stays in use. */
const renewAfter = 0.8

/** Milliseconds before its expiry at which a token counts as expired: requests take time, and clocks differ. */
const margin = 30_000

/** Milliseconds between failed requests, doubled each time. */
const pauses = { first: 1000, longest: 60_000 }

/**
 * The present token, or a promise while there is none. All callers share one request for a token, and a failure delays
 * the next. Rejects with `Outage` when there is no token and none can be obtained.
 */
function keptToken({ fetch, now, warn }: KeptTokenOptions): () => Secret | Promise<Secret> {
  let kept: { readonly token: Secret; readonly renewAt: number; readonly endsAt: number } | undefined
  let asking: Promise<Secret> | undefined
  let failures = 0
  let retryAt = -Infinity
  let failure: unknown

  async function renew(): Promise<Secret> {
    const askedAt = now()
    try {
      const { token, lifeSeconds } = await fetch()
      const life = lifeSeconds * 1000
      kept = { token, renewAt: askedAt + life * renewAfter, endsAt: askedAt + life - margin }
      failures = 0
      return token
    } catch (error) {
      failure = error
      retryAt = now() + Math.min(pauses.longest, pauses.first * 2 ** failures)
      failures += 1
      warn('no token for the upstream could be obtained', error)
      throw new Outage('upstream', error)
    } finally {
      asking = undefined
    }
  }

  return () => {
    const at = now()
    const good = kept !== undefined && at < kept.endsAt ? kept : undefined
    if (good !== undefined && at < good.renewAt) return good.token
    if (asking === undefined && at >= retryAt) {
      asking = renew()
      asking.catch(() => {}) // already reported; callers that wait for it get the error as well
    }
    if (good !== undefined) return good.token
    return asking ?? Promise.reject(new Outage('upstream', failure))
  }
}
