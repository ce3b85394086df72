import {
  allowInsecureRequests,
  clientCredentialsGrant,
  type Configuration,
  discovery,
  ResponseBodyError,
} from 'openid-client'
import { Secret } from '../gateway/secret.ts'
import type { EntraServicePrincipalOptions, FreshToken } from './entra.ts'

/** Seconds that the provider may take for one answer. */
const timeout = 10

/** Seconds that a token lives whose life is not told (RFC 6749, 5.1, asks for it but does not insist). */
const presumedLife = 300

/** Two questions an hour, the provider's addresses and the token: nothing is remembered that could grow old. */
export async function askForToken(
  options: EntraServicePrincipalOptions,
  clientSecret: Secret | undefined,
): Promise<FreshToken> {
  if (clientSecret === undefined) throw new Error('no client secret could be read yet')
  const provider = await discover(options, clientSecret)
  const answer = await clientCredentialsGrant(provider, { scope: options.scope }).catch(inWords)
  const { access_token: token, expires_in: life } = answer
  if (!/^[\x21-\x7e]+$/.test(token)) throw new Error('the token cannot be sent in a header')
  return { token: new Secret(token), lifeSeconds: life ?? presumedLife }
}

function discover(
  { issuer, clientId }: EntraServicePrincipalOptions,
  clientSecret: Secret,
): Promise<Configuration> {
  const url = new URL(issuer)
  // The settings let plain http in on this machine only.
  const execute = url.protocol === 'http:' ? [allowInsecureRequests] : []
  return discovery(url, clientId, clientSecret.reveal(), undefined, { timeout, execute })
}

/** The provider's code, and the number under which Microsoft explains it; never its text, which may repeat ours. */
function inWords(error: unknown): never {
  if (!(error instanceof ResponseBodyError)) throw error
  const number = /\bAADSTS\d+/.exec(error.error_description ?? '')?.[0]
  throw new Error(`the provider says ${[error.error, number].filter(Boolean).join(' ')}`, { cause: error })
}
