import { Outage } from '../gateway/outage.ts'
import type { Secret } from '../gateway/secret.ts'
import { identityOf } from '../gateway/upstream-auth.ts'
import { keptSecret, type SecretSource } from './kept-secret.ts'
import { type Method, type MethodParts, noSignInPage } from './method.ts'

export interface IdentityHeadersOptions {
  readonly method: 'identity-headers'
}

/** Sends the identity in headers. The upstream must accept them only from the gateway. */
export function identityHeaders(): Method {
  return { authorize: ({ allowed }) => [...identityOf(allowed), ...noSignInPage] }
}

export interface PassThroughOptions {
  readonly method: 'pass-through'
}

/** The upstream gets the user's own name and password, which the gateway has verified. */
export function passThrough(): Method {
  return {
    authorize: ({ ask }) => [
      // Requests with two of them have been refused.
      ...ask.authorization.flatMap(header => ['Authorization', header.reveal()]),
      ...noSignInPage,
    ],
  }
}

export interface StripOptions {
  readonly method: 'strip'
}

/** The upstream learns nothing about the user, only that the gateway admitted the request. */
export function strip(): Method {
  return { authorize: () => noSignInPage }
}

export interface SwappedCredentialOptions {
  readonly method: 'swapped-credential'
  readonly scheme: 'basic' | 'bearer'
  /** Only for `basic`; may be empty, which Azure DevOps accepts with a personal access token. */
  readonly user: string
  readonly credential: SecretSource
}

/** Replaces the user's credential with one of the gateway's, such as a personal access token. */
export function swappedCredential(
  { scheme, user, credential }: SwappedCredentialOptions,
  { now, warn }: MethodParts,
): Method {
  const read = keptSecret(credential, now, warn)
  let written: Secret | undefined
  let headers: readonly string[] = []

  return {
    authorize() {
      const secret = read()
      if (secret === undefined)
        return Promise.reject(new Outage('upstream', 'the credential has not been read yet'))
      if (secret !== written) {
        written = secret
        headers = scheme === 'basic' ? basicHeaders(user, secret) : bearerHeaders(secret)
      }
      return headers
    },
  }
}

function basicHeaders(user: string, password: Secret): readonly string[] {
  const pair = Buffer.from(`${user}:${password.reveal()}`).toString('base64')
  return ['Authorization', `Basic ${pair}`, ...noSignInPage]
}

/** A token of the gateway's own (RFC 6750). */
export function bearerHeaders(token: Secret): readonly string[] {
  return ['Authorization', `Bearer ${token.reveal()}`]
}
