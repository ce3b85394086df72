import { clientCredentialsGrant, ResponseBodyError } from 'openid-client'
import { discover } from '../common/openid.ts'
import { Secret } from '../gateway/secret.ts'
import type { EntraServicePrincipalOptions, FreshToken } from './entra.ts'

/** Seconds that the provider may take for one response. */
const timeoutSeconds = 10

/** Lifetime in seconds of a token without `expires_in`, which RFC 6749, 5.1, only recommends. */
const presumedLife = 300

/** Asks for the provider's metadata each time: at two requests an hour, nothing cached could become outdated. */
export async function askForToken(
  options: EntraServicePrincipalOptions,
  clientSecret: Secret | undefined,
): Promise<FreshToken> {
  if (clientSecret === undefined) throw new Error('the client secret has not been read yet')
  const { issuer, clientId } = options
  const provider = await discover(issuer, { clientId, clientSecret }, { timeoutSeconds })
  const answer = await clientCredentialsGrant(provider, { scope: options.scope }).catch(describe)
  const { access_token: token, expires_in: life } = answer
  if (!/^[\x21-\x7e]+$/.test(token)) throw new Error('the token cannot be sent in a header')
  return { token: new Secret(token), lifeSeconds: life ?? presumedLife }
}

/** The provider's error code and Microsoft's error number, but never its text, which may repeat the request. */
function describe(error: unknown): never {
  if (!(error instanceof ResponseBodyError)) throw error
  const number = /\bAADSTS\d+/.exec(error.error_description ?? '')?.[0]
  throw new Error(`the provider returned ${[error.error, number].filter(Boolean).join(' ')}`, {
    cause: error,
  })
}
