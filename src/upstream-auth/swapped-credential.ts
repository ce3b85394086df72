import { Outage } from '../gateway/outage.ts'
import type { Secret } from '../gateway/secret.ts'
import { keptSecret, type SecretSource } from './kept-secret.ts'
import { noSignInPage, type Method, type MethodParts } from './method.ts'

export interface SwappedCredentialOptions {
  readonly method: 'swapped-credential'
  readonly scheme: 'basic' | 'bearer'
  /** Only for `basic`; may be empty, which Azure DevOps takes with a personal access token. */
  readonly user: string
  readonly credential: SecretSource
}

/** A credential of the gateway's own, such as a personal access token, in the place of the user's. */
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
        return Promise.reject(new Outage('upstream', 'no credential could be read yet'))
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
