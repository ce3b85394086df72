import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import {
  allowInsecureRequests,
  authorizationCodeGrant,
  AuthorizationResponseError,
  buildAuthorizationUrl,
  ClientError,
  clockTolerance,
  type Configuration,
  discovery,
  enableNonRepudiationChecks,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from 'openid-client'
import { isLoopback } from '../common/addresses.ts'
import type { Authority, Claims } from './authority.ts'
import { causesOf, type Failing, ProviderFailed } from './context.ts'

/** What must be remembered until the person comes back; `state` is the name to find it by. */
export interface SignInRequest {
  readonly state: string
  readonly nonce: string
  readonly verifier: string
}

/** How the provider is to ask: for a password even if it knows the person, or which account is meant. */
export type Prompt = 'login' | 'select_account'

/** The authorization code flow with PKCE, state and nonce. Both throw `ProviderFailed`. */
export interface OpenId {
  /** Where to send the browser, and what to remember. */
  begin(authority: Authority, prompt: Prompt | undefined): Promise<SignInRequest & { readonly url: string }>
  /** What the provider says of the person who came back; `declined`: the person or the provider said no. */
  finish(authority: Authority, pending: SignInRequest, query: string): Promise<Claims | 'declined'>
}

export interface OpenIdOptions {
  /** Where providers send people back to. */
  readonly redirectUri: string
  /** Seconds that a provider may take for one answer. */
  readonly timeoutSeconds: number
  /** How old a sign-in at the provider may be, in seconds, before it asks the person again. */
  readonly maxAgeSeconds: number
}

/** Seconds by which our clock and a provider's may differ: five minutes, and what a sign-in takes. */
const skewSeconds = 330

/** Milliseconds that a provider's metadata are believed; its keys are fetched anew when an unknown one turns up. */
const metadataLife = 60 * 60 * 1000

export function createOpenId({ redirectUri, timeoutSeconds, maxAgeSeconds }: OpenIdOptions): OpenId {
  const known = new LRUCache<string, Promise<Configuration>>({ max: 1000, ttl: metadataLife })

  /** Failures are not remembered: the provider may be back in a second. */
  function configurationOf(authority: Authority): Promise<Configuration> {
    const name = JSON.stringify([authority.issuer, authority.clientId])
    const found = known.get(name)
    if (found !== undefined) return found
    const asked = discover(authority, timeoutSeconds)
    known.set(name, asked)
    asked.catch(() => known.delete(name))
    return asked
  }

  return {
    async begin(authority, prompt) {
      const configuration = await failing(() => configurationOf(authority))
      const verifier = randomPKCECodeVerifier()
      const pending = { state: randomState(), nonce: randomNonce(), verifier }
      const url = buildAuthorizationUrl(configuration, {
        redirect_uri: redirectUri,
        scope: 'openid profile email',
        state: pending.state,
        nonce: pending.nonce,
        code_challenge: challengeOf(verifier),
        code_challenge_method: 'S256',
        // Asked for an age, a provider must say in the token when the person signed in (OpenID Connect Core, 3.1.2.1).
        max_age: String(maxAgeSeconds),
        ...(prompt && { prompt }),
      })
      return { ...pending, url: url.href }
    },

    async finish(authority, { state, nonce, verifier }, query) {
      return await failing(async () => {
        const checks = { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: verifier }
        const configuration = await configurationOf(authority)
        const tokens = await authorizationCodeGrant(
          configuration,
          new URL(redirectUri + query),
          checks,
        ).catch(declined)
        if (tokens === 'declined') return 'declined'
        const claims = tokens.claims()
        // For login.microsoftonline.com the library takes metadata that name another issuer than was asked for.
        if (claims === undefined || !isSame(claims.iss, authority.issuer))
          throw new ClientError('another issuer')
        return claims
      })
    },
  }
}

/** RFC 7636, 4.2. At once: through the thread pool, as the library does it, a job costs fifty times as much as the hash. */
function challengeOf(verifier: string): string {
  return createHash('sha256').update(verifier).digest('base64url')
}

function discover({ issuer, clientId, clientSecret }: Authority, timeout: number): Promise<Configuration> {
  const url = new URL(issuer)
  const plain = url.protocol === 'http:' && isLoopback(url.hostname)
  // A token from the token endpoint came over TLS; whoever sits behind that (a proxy, a cache) must not be able to name people.
  const execute = [enableNonRepudiationChecks, ...(plain ? [allowInsecureRequests] : [])]
  const client = { client_secret: clientSecret.reveal(), [clockTolerance]: skewSeconds }
  return discovery(url, clientId, client, undefined, { timeout, execute })
}

function isSame(issuer: string, expected: string): boolean {
  return URL.parse(issuer)?.href === URL.parse(expected)?.href
}

function declined(error: unknown): 'declined' {
  if (error instanceof AuthorizationResponseError) return 'declined'
  throw error
}

/** Whatever goes wrong between us and a provider, `cause` says it to the log and `failing` to people. */
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
  // What `fetch` throws when nobody is there or the line breaks.
  if (causes.some(each => each instanceof TypeError && each.cause !== undefined)) return 'unreachable'
  return 'nonsense'
}
