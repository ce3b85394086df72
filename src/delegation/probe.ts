import { clientCredentialsGrant, type Configuration, refreshTokenGrant } from 'openid-client'
import type { Client } from '../common/authorities.ts'
import { discover } from '../common/openid.ts'
import { boundedFetch, codeIn, failureOf } from './openid.ts'

/** What can be found out about an app registration without a user. */
export interface Probed {
  readonly ok: boolean
  readonly sentence: string
}

/** Asks a provider. Throws what is wrong with it, as a sentence. `upstreamScope`: what requests act with, if they do. */
export async function probeProvider(
  issuer: string,
  client: Client,
  {
    upstreamScope,
    timeoutSeconds,
  }: { readonly upstreamScope: string | undefined; readonly timeoutSeconds: number },
): Promise<Probed> {
  const how = { timeoutSeconds, fetch: boundedFetch }
  const provider = await discover(issuer, client, how).catch((error: unknown) => {
    const { result, why } = { why: 'no usable metadata', ...failureOf(error) }
    throw new Error(`${issuer}: ${result}: ${why}`, { cause: error })
  })
  const secret = await askWithSecret(provider, upstreamScope ?? `${client.clientId}/.default`)
  const facts = [scopesText(provider, upstreamScope), secret.fact]
  return { ok: secret.ok, sentence: `${issuer} answers; ${facts.join('; ')}` }
}

/** Metadata may leave scopes out that are supported (RFC 8414, 2), and Entra ID lists no scope of a resource. */
function scopesText(provider: Configuration, upstreamScope: string | undefined): string {
  const { scopes_supported: listed } = provider.serverMetadata()
  if (listed === undefined) return 'it lists no scopes'
  const offline = listed.includes('offline_access')
    ? 'it lists offline_access'
    : 'it does not list offline_access, without which there may be no refresh tokens'
  return upstreamScope !== undefined && listed.includes(upstreamScope)
    ? `${offline} and ${upstreamScope}`
    : offline
}

/**
 * A provider authenticates the client before it looks at the grant (RFC 6749, 3.2.1). Entra ID looks at a refresh token
 * first, so it is asked for a token of the gateway itself, which is thrown away.
 */
async function askWithSecret(
  provider: Configuration,
  scope: string,
): Promise<{ readonly ok: boolean; readonly fact: string }> {
  const { grant_types_supported: grants } = provider.serverMetadata()
  const ownToken = grants === undefined || grants.includes('client_credentials')
  try {
    await (ownToken ? clientCredentialsGrant(provider, { scope }) : refreshTokenGrant(provider, noToken))
    return { ok: true, fact: accepted }
  } catch (error) {
    const { code, number } = codeIn(error)
    const told = [code, number].filter(Boolean).join(' ')
    if (number === 'AADSTS500011' || code === 'invalid_resource')
      return { ok: false, fact: `it does not know the resource of ${scope} (${told})` }
    if (code === 'invalid_client' || number === 'AADSTS700016')
      return { ok: false, fact: `it does not accept the client id or the client secret (${told})` }
    if (code !== undefined && afterAuthentication.has(code)) return { ok: true, fact: accepted }
    if (code !== undefined)
      return { ok: true, fact: `whether it accepts the client secret cannot be told (${told})` }
    const failure = failureOf(error)
    const why = 'why' in failure ? failure.why : failure.result
    return { ok: false, fact: `its token endpoint cannot be used (${failure.result}: ${why})` }
  }
}

const accepted = 'it accepts the client secret'

/** No provider gave this. */
const noToken = 'altgate-check'

/** Errors that only a client meets whose secret was right (RFC 6749, 5.2). */
const afterAuthentication = new Set(['invalid_grant', 'unauthorized_client', 'unsupported_grant_type'])
