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
  // What speaks OpenID Connect is loaded where somebody presents tokens.
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
  /** Asks for a new token; whatever it throws counts as a failure. */
  readonly fetch: () => Promise<FreshToken>
  readonly now: () => number
  readonly warn: Warn
}

/** Part of a token's life after which another one is asked for, while this one goes on. */
const renewAfter = 0.8

/** Milliseconds before its end when a token counts as expired: requests take a while, and clocks differ. */
const margin = 30_000

/** Milliseconds between two questions that fail: doubled each time, from the first to the last. */
const pauses = { first: 1000, longest: 60_000 }

/**
 * The token in force, at once while there is one, else a promise. One question is under way at a time, whoever asks;
 * after a failure the next one waits. Rejects with `Outage` when there is no token and none can be had.
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
      warn('no token for the upstream could be had', error)
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
      asking.catch(() => {}) // told already; whoever waits for it is told as well
    }
    if (good !== undefined) return good.token
    return asking ?? Promise.reject(new Outage('upstream', failure))
  }
}
