import type { Secret } from '../gateway/secret.ts'
import { keptSecret, type SecretSource } from './kept-secret.ts'
import { keptToken } from './kept-token.ts'
import type { Method, MethodParts } from './method.ts'
import { bearerHeaders } from './swapped-credential.ts'

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
