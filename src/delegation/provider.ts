import { type Claims, type Client, ownerIn, skewSeconds } from '../common/authorities.ts'
import { demandIn } from '../common/claims-request.ts'
import type { Grant, Revocation, SignedIn } from '../gateway/delegation.ts'
import { guid, msaScope } from '../gateway/names.ts'
import { Secret } from '../gateway/secret.ts'

/** Seconds that a provider may take for one answer. */
export const timeoutSeconds = 5

/** What a provider said to a refresh token. */
export type Renewal =
  | Tokens
  /**
   * The user has to sign in again. `why`: the codes of the provider, for the log. `isOfUser`: what the user gave is not
   * valid any more; otherwise the provider only wants to see the user, or a consent. `demand`: what the sign-in has to ask
   * for, if the provider said so.
   */
  | { readonly result: 'refused'; readonly why: string; readonly isOfUser: boolean; readonly demand?: string }
  /** The answer is for another user. */
  | { readonly result: 'other-person' }
  | Fault

/** No usable token, for a reason that is not the user's. */
export interface Fault {
  readonly result:
    | 'unreachable'
    | 'slow'
    /** 429, or 503 with a time. */
    | 'throttled'
    | 'server-error'
    /** The provider does not accept the gateway: its secret, or what the gateway asks for. */
    | 'misconfigured'
    | 'nonsense'
    | 'wrong-audience'
    | 'expired'
  /** For the log; never what the provider wrote. */
  readonly why: string
  /** How long the provider wants to be left alone. */
  readonly retryAfterSeconds?: number
  /** The next refresh token, if there was one: the previous one may be of no use any more. */
  readonly refreshToken?: Secret
}

/** A provider whose metadata is known, as a client of it. None of this throws. */
export interface ProviderClient {
  renew(grant: Grant, refreshToken: Secret, asked: AskedFor): Promise<Renewal>
  revoke(refreshToken: Secret): Promise<Revocation>
}

/** What a renewal asks for. */
export interface AskedFor {
  /** The access token; left out: only whether the grant is still valid. */
  readonly upstreamScope?: string | undefined
  /** What a claims challenge demands of it. */
  readonly demand?: string | undefined
}

/** Identity providers, as they are asked with refresh tokens. */
export interface Providers {
  /** Reads the metadata of the provider if it is not cached. */
  at(grant: Pick<Grant, 'issuer'>, client: Client): Promise<ProviderClient | Fault>
}

/** Whether a provider could not be asked. */
export function isFault(value: ProviderClient | Fault): value is Fault {
  return 'result' in value
}

/** Tokens that can be used. */
export interface Tokens {
  readonly result: 'renewed'
  readonly accessToken: Secret
  readonly lifeSeconds: number
  /** The next one, or the same one if the provider does not replace them. */
  readonly refreshToken: Secret
}

/** What a token endpoint answers (RFC 6749, 5.1). */
interface Answer {
  readonly access_token: string
  readonly refresh_token?: string | undefined
  readonly expires_in?: number | undefined
}

interface Asked {
  readonly grant: Pick<Grant, 'scope' | 'owner'>
  readonly refreshToken: Secret
  readonly upstreamScope: string | undefined
  /** Milliseconds since 1970 by the system clock. */
  readonly wallNow: number
}

/** Lifetime in seconds of a token that does not tell its own. */
const presumedLife = 300

/** Seconds: longer lives are not believed, so that a user who leaves is noticed within a day. */
const longestLife = 86_400

/** Characters of the longest token that is used: upstreams refuse longer headers. */
const longestToken = 16_384

/** Whether the answer is for this user and this upstream, and can be used. `claims`: of the id token, if there was one. */
export function judge(answer: Answer, claims: Claims | undefined, asked: Asked): Renewal {
  const { access_token: token, refresh_token: next, expires_in: expiresIn } = answer
  const about = claimsIn(token)
  if (isOfAnother(claims, about, asked.grant)) return { result: 'other-person' }

  const refreshToken = next === undefined || next === '' ? asked.refreshToken : new Secret(next)
  if (!/^[\x21-\x7e]+$/.test(token) || token.length > longestToken)
    return { result: 'nonsense', why: 'the token cannot be sent in a header', refreshToken }
  if (asked.upstreamScope !== undefined && !isFor(asked.upstreamScope, about?.['aud']))
    return { result: 'wrong-audience', why: 'the token is for another audience', refreshToken }

  const lifeSeconds = lifeOf(expiresIn, about)
  const { exp } = about ?? {}
  const isOver = typeof exp === 'number' && exp + skewSeconds <= asked.wallNow / 1000
  if (isOver || lifeSeconds <= 0) return { result: 'expired', why: 'the token has expired', refreshToken }
  return { result: 'renewed', accessToken: new Secret(token), lifeSeconds, refreshToken }
}

/**
 * The access token that a sign-in gave, if it can be used; without it, the first request renews. `other-person`: it is
 * not for the user that the id token names.
 */
export function judgeFirst(
  { token, of, lifeSeconds: life }: NonNullable<SignedIn['access']>,
  grant: Asked['grant'],
  wallNow: number,
): SignedIn['access'] | 'other-person' {
  const answer = { access_token: token.reveal(), expires_in: life }
  const judged = judge(answer, undefined, { grant, refreshToken: token, upstreamScope: of, wallNow })
  if (judged.result === 'other-person') return 'other-person'
  return judged.result === 'renewed' ? { token, of, lifeSeconds: judged.lifeSeconds } : undefined
}

/** Access tokens are for upstreams, but where they are JWTs (RFC 9068) they say whose they are, too. */
function isOfAnother(
  claims: Claims | undefined,
  about: Claims | undefined,
  { scope, owner }: Asked['grant'],
): boolean {
  if (claims !== undefined && ownerIn(scope, claims) !== owner) return true
  if (scope === msaScope) return false // `sub` differs for each audience
  const { oid, tid } = about ?? {}
  if (typeof oid === 'string' && oid !== owner) return true
  return typeof tid === 'string' && tid.toLowerCase() !== scope
}

/**
 * Whether a token with these audiences is for the resource of a scope such as `RESOURCE/.default`. Entra ID names a resource
 * by the id in the scope, or by its GUID where the scope has an address.
 */
function isFor(upstreamScope: string, audience: unknown): boolean {
  const resource = /^(.+)\/[^/]*$/.exec(upstreamScope)?.[1]
  if (resource === undefined || audience === undefined) return true
  const wanted = plain(resource)
  const audiences = Array.isArray(audience) ? audience : [audience]
  return audiences.some(each => {
    if (typeof each !== 'string') return false
    const its = plain(each)
    if (its === wanted) return true
    const known = idsOf.get(wanted)
    if (known !== undefined) return its === known
    return !guid.test(wanted) && guid.test(its) && its !== graph
  })
}

/** Microsoft Graph: Entra ID gives tokens for it to questions that name no resource. */
const graph = '00000003-0000-0000-c000-000000000000'

/** GUIDs of resources that are known by their addresses. */
const idsOf: ReadonlyMap<string, string> = new Map([
  ['https://app.vssps.visualstudio.com', '499b84ac-1321-427f-aa17-267ca6975798'],
  ['https://graph.microsoft.com', graph],
])

function plain(resource: string): string {
  return resource.toLowerCase().replace(/\/+$/, '')
}

function lifeOf(expiresIn: number | undefined, about: Claims | undefined): number {
  const { exp, iat } = about ?? {}
  const written = typeof exp === 'number' && typeof iat === 'number' ? exp - iat : undefined
  return Math.min(expiresIn ?? written ?? presumedLife, written ?? Infinity, longestLife)
}

/** The claims of a JWT, unverified: it came from the provider itself. `undefined`: it is opaque. */
function claimsIn(token: string): Claims | undefined {
  const [, body, signature] = token.split('.')
  if (body === undefined || signature === undefined) return undefined
  try {
    const claims: unknown = JSON.parse(Buffer.from(body, 'base64url').toString('utf8'))
    return typeof claims === 'object' && claims !== null ? (claims as Claims) : undefined
  } catch {
    return undefined
  }
}

/** Codes by which a provider wants the user to sign in (RFC 6749, 5.2; OpenID Connect Core, 3.1.2.6). */
const signInCodes = new Set(['invalid_grant', 'interaction_required', 'login_required', 'consent_required'])

/**
 * Entra ID's numbers for what is no refusal of the user, although the code can be `invalid_grant`: a consent is missing, which
 * can be that of a whole directory; a policy wants multifactor authentication, another device or place, or a sign-in every
 * so often.
 */
const ofPolicies = new Set([
  'AADSTS65001',
  'AADSTS50074',
  'AADSTS50076',
  'AADSTS50078',
  'AADSTS50079',
  'AADSTS53000',
  'AADSTS53001',
  'AADSTS53002',
  'AADSTS53003',
  'AADSTS70043',
  'AADSTS70044',
])

const serverCodes = new Set(['server_error', 'temporarily_unavailable'])

export function errorCode(error: string): string {
  return /^[a-z_]{1,64}$/.test(error) ? error : 'an error'
}

export function errorNumber(description: string | undefined): string | undefined {
  return /\bAADSTS\d{1,10}/.exec(description ?? '')?.[0]
}

/**
 * What an error answer means. Of its text only Microsoft's error number is used, because it may repeat the request. `claims`:
 * what Entra ID adds where a policy asks for the user, who then is not refused.
 */
export function faultOf(error: string, description: string | undefined, claims?: unknown): Renewal {
  const code = errorCode(error)
  const number = errorNumber(description)
  const why = [code, number].filter(Boolean).join(' ')
  if (signInCodes.has(code)) {
    const demand = typeof claims === 'string' ? demandIn(claims) : undefined
    const isOfPolicy = typeof claims === 'string' || (number !== undefined && ofPolicies.has(number))
    const isOfUser = code === 'invalid_grant' && !isOfPolicy
    return { result: 'refused', why, isOfUser, ...(demand !== undefined && { demand }) }
  }
  return { result: serverCodes.has(code) ? 'server-error' : 'misconfigured', why }
}
