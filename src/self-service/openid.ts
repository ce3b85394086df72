import { createHash } from 'node:crypto'
import {
  authorizationCodeGrant,
  AuthorizationResponseError,
  buildAuthorizationUrl,
  ClientError,
  enableNonRepudiationChecks,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
  type TokenEndpointResponse,
} from 'openid-client'
import type { Authority, Claims } from '../common/authorities.ts'
import { claimsParameter, declaresCapability } from '../common/claims-request.ts'
import { createDiscovery } from '../common/openid.ts'
import { Secret } from '../gateway/secret.ts'
import { causesOf, type Failing, ProviderFailed } from './context.ts'

/** What must be kept until the browser returns, looked up by `state`. */
export interface SignInRequest {
  readonly state: string
  readonly nonce: string
  readonly verifier: string
}

/**
 * What the provider must ask for: the password even if the user is signed in there, which account to use, or consent to
 * what was allowed before.
 */
export type Prompt = 'login' | 'select_account' | 'consent'

/** What a user has returned with. */
export interface Returned {
  readonly claims: Claims
  /** With which the gateway can act without the user; `undefined`: the provider gave no refresh token. */
  readonly tokens: Tokens | undefined
}

export interface Tokens {
  readonly refreshToken: Secret
  /** For the scopes that the sign-in asked for. Left out if it cannot be sent in a header, or its life is not known. */
  readonly access?: { readonly token: Secret; readonly lifeSeconds: number }
}

/** What a sign-in asks for beyond who the user is. */
export interface AskedFor {
  readonly prompt?: Prompt | undefined
  /** In addition to those of OpenID Connect. */
  readonly scopes: readonly string[]
  /** Whether the access token is for an upstream. */
  readonly forUpstream: boolean
  /** What a claims challenge demands of it. */
  readonly demand?: string | undefined
}

/** The authorization code flow with PKCE, state and nonce. Both throw `ProviderFailed`. */
export interface OpenId {
  /** The provider's address for the browser, and what to keep. */
  begin(authority: Authority, asked: AskedFor): Promise<SignInRequest & { readonly url: string }>
  /**
   * What the user returned with; `declined`: the user or the provider refused. A `ProviderFailed` that is returned: the
   * provider refuses what the gateway asks for, for every user.
   */
  finish(
    authority: Authority,
    pending: SignInRequest & Pick<AskedFor, 'forUpstream'>,
    query: string,
  ): Promise<Returned | 'declined' | ProviderFailed>
}

export interface OpenIdOptions {
  /** Where providers redirect the browser to afterwards. */
  readonly redirectUri: string
  /** Seconds that a provider may take for one answer. */
  readonly timeoutSeconds: number
  /** The greatest age of a sign-in at the provider, in seconds, before it asks the user again. */
  readonly maxAgeSeconds: number
}

export function createOpenId({ redirectUri, timeoutSeconds, maxAgeSeconds }: OpenIdOptions): OpenId {
  // TLS alone does not protect the token: a proxy or cache that terminates it must not be able to choose the user.
  const configurationOf = createDiscovery({ timeoutSeconds, execute: [enableNonRepudiationChecks] })

  return {
    async begin(authority, { prompt, scopes, forUpstream, demand }) {
      const claims = claimsFor(authority, forUpstream, demand)
      const configuration = await failing(() => configurationOf(authority.issuer, authority))
      const verifier = randomPKCECodeVerifier()
      const pending = { state: randomState(), nonce: randomNonce(), verifier }
      const url = buildAuthorizationUrl(configuration, {
        redirect_uri: redirectUri,
        scope: ['openid profile email', ...scopes].join(' '),
        state: pending.state,
        nonce: pending.nonce,
        code_challenge: challengeOf(verifier),
        code_challenge_method: 'S256',
        // With `max_age`, a provider must put the time of the sign-in into the token (OpenID Connect Core, 3.1.2.1).
        max_age: String(maxAgeSeconds),
        ...(prompt && { prompt }),
        ...(claims !== undefined && { claims }),
      })
      return { ...pending, url: url.href }
    },

    async finish(authority, { state, nonce, verifier, forUpstream }, query) {
      const declared = claimsFor(authority, forUpstream)
      return await failing(async () => {
        const checks = { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: verifier }
        const configuration = await configurationOf(authority.issuer, authority)
        const tokens = await authorizationCodeGrant(
          configuration,
          new URL(redirectUri + query),
          checks,
          declared === undefined ? {} : { claims: declared },
        ).catch(declined)
        if (tokens === 'declined' || tokens instanceof ProviderFailed) return tokens
        const claims = tokens.claims()
        // For login.microsoftonline.com the library accepts metadata of an issuer other than the requested one.
        if (claims === undefined || !isSame(claims.iss, authority.issuer))
          throw new ClientError('another issuer')
        return { claims, tokens: tokensIn(tokens) }
      })
    },
  }
}

/** Entra ID wants the capability with the code as well; what is demanded, with the request for the code only. */
function claimsFor(authority: Authority, forUpstream: boolean, demand?: string): string | undefined {
  if (!forUpstream) return undefined
  return claimsParameter(declaresCapability(authority.issuer, authority), demand)
}

function tokensIn({
  refresh_token,
  access_token,
  expires_in: life,
}: TokenEndpointResponse): Tokens | undefined {
  if (refresh_token === undefined || refresh_token === '') return undefined
  const usable = life !== undefined && life > 0 && /^[\x21-\x7e]+$/.test(access_token)
  return {
    refreshToken: new Secret(refresh_token),
    ...(usable && { access: { token: new Secret(access_token), lifeSeconds: life } }),
  }
}

/** RFC 7636, 4.2. Synchronous: in the thread pool, as the library does it, the job costs fifty times as much as the hash. */
function challengeOf(verifier: string): string {
  return createHash('sha256').update(verifier).digest('base64url')
}

function isSame(issuer: string, expected: string): boolean {
  return URL.parse(issuer)?.href === URL.parse(expected)?.href
}

function declined(error: unknown): 'declined' | ProviderFailed {
  if (!(error instanceof AuthorizationResponseError)) throw error
  return registrationErrors.has(error.error) ? new ProviderFailed('nonsense', error) : 'declined'
}

/** Errors by which the app registration is at fault, not the user (RFC 6749, 4.1.2.1; RFC 8707, 2; Entra ID). */
const registrationErrors: ReadonlySet<string> = new Set([
  'invalid_request',
  'invalid_resource',
  'invalid_scope',
  'invalid_target',
  'unauthorized_client',
  'unsupported_response_type',
])

/** Turns every failure of a provider into `ProviderFailed`: `cause` is for the log, `failing` for the page. */
async function failing<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    throw new ProviderFailed(kindOf(error), error)
  }
}

function kindOf(error: unknown): Failing {
  const causes = causesOf(error)
  if (causes.some(({ name }) => name === 'TimeoutError')) return 'slow'
  // What `fetch` throws when the host cannot be reached or the connection breaks.
  if (causes.some(each => each instanceof TypeError && each.cause !== undefined)) return 'unreachable'
  return 'nonsense'
}
