import type { Account, Holder } from './account.ts'
import type { SignInCause, UserToken } from './delegation.ts'
import type { AccountName, Instant, PasswordId, Revision, Scope, Slot, Subject, Username } from './names.ts'
import type { Part } from './outage.ts'

/** Everything the gateway can decide. When a member is added, the compiler lists every place that must handle it. */
export type Decision = Allow | Ended

/** The credential is right: the request goes on to the account's upstream. */
export interface Allow {
  readonly outcome: 'allow'
  readonly account: Account
  readonly scope: Scope
  /** The credential's primary user name, whichever of its names was presented. */
  readonly username: Username
  readonly subject: Subject
  readonly via: Via
  /** Allowed by a credential of the scope that the account has left; these stop counting at this time. */
  readonly bridgedUntil?: Instant
  /** The generated password that was presented; left out for a chosen one. */
  readonly password?: UsedPassword
  /** The user's own access token, where requests reach their upstream as the user. */
  readonly act?: UserToken
}

/** A decision that ends the request; `answers/terms.ts` turns it into an answer. */
export type Ended =
  | Challenge
  | Garbled
  | UnclearTarget
  | NotAllowed
  | NoAccount
  | Refused
  | ResetNeeded
  | SignInNeeded
  | Disabled
  | Expired
  | ReadOnly
  | Throttled
  | Busy
  | Unavailable

/** No credential was presented, or one with an empty password. */
interface Challenge {
  readonly outcome: 'challenge'
  readonly name: AccountName
}

/** The Authorization header cannot be parsed. The flaws are a closed list, so that no input gets into a message. */
export interface Garbled {
  readonly outcome: 'garbled'
  readonly name: AccountName
  readonly flaw:
    | 'two-headers'
    | 'scheme'
    | 'base64'
    | 'no-colon'
    | 'no-username'
    | 'control-character'
    | 'too-long'
}

/** A request that two parsers could read in two ways. */
export interface UnclearTarget {
  readonly outcome: 'unclear-target'
  readonly flaw:
    | 'absolute-form'
    | 'double-slash'
    | 'control-character'
    | 'backslash'
    | 'fragment'
    | 'bad-escape'
    | 'dot-segment'
    | 'escaped-account'
    | 'host'
    /** An address in a header lies outside the account: WebDAV's `Destination`. */
    | 'destination'
    /** The peer that forwarded it is not a trusted proxy. */
    | 'untrusted-forwarder'
    /** It has an identity header that the proxy in front does not remove. */
    | 'reserved-header'
}

export type NotAllowed = PlainHttp | NotAMember

/** Plain http, although the public URL is https. */
interface PlainHttp {
  readonly outcome: 'not-allowed'
  readonly cause: 'plain-http'
}

/** The right password, but the account is restricted to members. */
interface NotAMember {
  readonly outcome: 'not-allowed'
  readonly cause: 'not-a-member'
  readonly account: Account
  readonly scope: Scope
  readonly username: Username
  readonly via: Via
}

/** There is no account of that name, or the address does not name one. */
interface NoAccount {
  readonly outcome: 'no-account'
  readonly name?: AccountName
}

/** Wrong user name or password. The cause is for the audit log only. */
export interface Refused {
  readonly outcome: 'refused'
  readonly account: Account
  readonly scope: Scope
  readonly cause: 'mismatch' | 'absent' | 'forged'
  /**
   * As presented. The audit log shows an unknown user name only as its slot, because users sometimes type a password
   * into that field.
   */
  readonly username: Username
  readonly slot: Slot
  /** `none`: the password is forged, so nothing was looked up. */
  readonly via: Via | 'none'
}

/** The right password, but for a scope that the account has left. */
export interface ResetNeeded {
  readonly outcome: 'reset-needed'
  readonly account: Account
  readonly scope: Scope
  readonly former: Scope
  readonly username: Username
  /** The credential helper that the password was given to, and that can get another one. */
  readonly client?: string
  readonly via: Via
  /** This answer was sent so often that the client must be in a loop. */
  readonly tooOften?: true
}

/** The right password, but there is no access token to act as the user with, until the user signs in on the page. */
export interface SignInNeeded {
  readonly outcome: 'sign-in-needed'
  readonly account: Account
  readonly scope: Scope
  readonly cause: SignInCause
  readonly username: Username
  readonly via: Via
}

/** The right password of a credential that is switched off. */
interface Disabled {
  readonly outcome: 'disabled'
  readonly account: Account
  readonly scope: Scope
  readonly username: Username
  readonly via: Via
}

/** A right generated password that no longer counts. Only its holder is told. */
export interface Expired extends Over {
  readonly outcome: 'expired'
  readonly account: Account
  readonly scope: Scope
  readonly username: Username
  /** Its name, if it has one. */
  readonly password?: string
  /** The credential helper that it was given to, and that can get another one. */
  readonly client?: string
  readonly via: Via
  /** This answer was sent so often that the client must be in a loop. */
  readonly tooOften?: true
}

/** Why and since when a generated password no longer counts. */
export interface Over {
  readonly cause: 'past-its-end' | 'replaced' | 'revoked'
  readonly at: Instant
}

/** A request that may write, with a password that may only read. */
export interface ReadOnly {
  readonly outcome: 'read-only'
  readonly account: Account
  readonly scope: Scope
  readonly username: Username
  /** Its name, if it has one. */
  readonly password?: string
  readonly via: Via
}

/** Too many attempts. */
export interface Throttled {
  readonly outcome: 'throttled'
  /** For the audit log only: it would tell an attacker how to continue. */
  readonly by: ThrottledBy
  /** Seconds. */
  readonly retryAfter: number
  /** For the audit log only: the user name that was presented, if there was one. */
  readonly slot?: Slot
}

/**
 * Which limit was exceeded: wrong passwords from one address, for one credential, or in total; the same wrong password
 * repeated; or requests without a readable credential.
 */
export type ThrottledBy = 'address' | 'credential' | 'everywhere' | 'repetition' | 'anonymous'

/** The hash queue is full. `retryAfter` in seconds. */
export interface Busy {
  readonly outcome: 'busy'
  readonly retryAfter: number
  readonly slot?: Slot
}

/** A part that we depend on is down. `retryAfter` in seconds. */
export interface Unavailable {
  readonly outcome: 'unavailable'
  readonly part: Part
  readonly retryAfter: number
}

/** The upstream failed on an allowed request. This happens after the decision, so it is not a `Decision`. */
export interface UpstreamFailed {
  readonly outcome: 'upstream-failed'
  /** `bad-address`: the account's upstream is not an http(s) URL. */
  readonly because:
    | 'bad-address'
    | 'refused'
    | 'certificate'
    | 'timeout'
    | 'dropped'
    | 'bad-answer'
    /** It asked the gateway for a credential. */
    | 'unauthorized'
    /** It rejected the user's access token, and a fresh one where one was tried. Mostly, the user has no access there. */
    | 'user-token'
    /** It rejected a token that it had issued itself, for an LFS upload or download. */
    | 'own-token'
    /** A web page in answer to a tool: git would take it for success and keep a wrong password. */
    | 'sign-in-page'
    /** A redirect that the client would follow to the wrong place. */
    | 'redirect'
}

/** What an allowed request becomes when there is no token to act as its user with. */
export function signInNeeded({ account, scope, username, via }: Allow, cause: SignInCause): SignInNeeded {
  return { outcome: 'sign-in-needed', account, scope, cause, username, via }
}

/** What an allowed request becomes if it may write, and its password may only read. */
export function readOnly({ account, scope, username, via, password }: Allow): ReadOnly {
  const name = password?.name
  return { outcome: 'read-only', account, scope, username, via, ...(name && { password: name }) }
}

/** True if the value ends the request, false if it is the input of the next step. */
export function ended<T>(value: T | Ended): value is Ended {
  return typeof value === 'object' && value !== null && 'outcome' in value
}

/** For the default branch of a switch over a union: a new member does not compile until it has a branch of its own. */
export function unreachable(value: never): never {
  throw new Error(`not one of the known cases: ${JSON.stringify(value)}`)
}

/** The result of checking one attempt. Only a known verdict may be cached. */
export type Verdict = KnownVerdict | Forged | Untried

export type KnownVerdict = {
  /** Every change up to this revision was visible to the check. */
  readonly asOf: Revision
  readonly via: Via
} & Finding

export type Finding =
  | {
      readonly found: 'match'
      readonly username: Username
      readonly subject: Subject
      /** The generated password that was presented; left out for a chosen one. */
      readonly password?: UsedPassword
    }
  /** A right generated password that no longer counts. `name`: if it has one. */
  | ({
      readonly found: 'over'
      readonly username: Username
      readonly subject: Subject
      readonly name?: string
      readonly client?: string
    } & Over)
  /** The right password, but the credential was switched off by an administrator or its owner. */
  | { readonly found: 'disabled' }
  /** The right password, but for the scope that the account has left. */
  | Outgrown
  | { readonly found: 'mismatch' }
  /** No credential of that name, neither in the scope nor in the one that the account has left. */
  | { readonly found: 'absent' }

/** What a decision needs of a generated password. */
export interface UsedPassword {
  readonly id: PasswordId
  /** Left out for the main password of its set. */
  readonly name?: string
  readonly readOnly?: true
  /** It counts until then. */
  readonly endsAt?: Instant
  /** When another one took its name; it counts until its end, if that is later. */
  readonly replacedAt?: Instant
  /** The credential helper that it was given to, which renews it. */
  readonly client?: string
}

/**
 * What has become of a generated password by now; `undefined`: it counts. Revoked and replaced at once are over by any
 * clock: the machine on which it was done may be ahead of this one, and has said that it is in force.
 */
export function overBy(
  {
    endsAt,
    replacedAt,
    revokedAt,
  }: Pick<UsedPassword, 'endsAt' | 'replacedAt'> & { readonly revokedAt?: Instant },
  now: Instant,
): Over | undefined {
  if (revokedAt !== undefined) return { cause: 'revoked', at: revokedAt }
  if (endsAt === undefined) return undefined
  if (replacedAt === undefined) return now < endsAt ? undefined : { cause: 'past-its-end', at: endsAt }
  return now < endsAt && replacedAt < endsAt ? undefined : { cause: 'replaced', at: replacedAt }
}

export interface Outgrown extends Holder {
  readonly found: 'outgrown'
  readonly former: Scope
  /** Whether the user is linked to an identity of the account's present scope. */
  readonly linked: boolean
  /** The generated password that was presented: a bridge gives it no more rights and no more time. */
  readonly password?: UsedPassword
}

/** A password with the prefix of a generated one, but a wrong checksum: refused without a look-up. */
export interface Forged {
  readonly found: 'forged'
}

/** The password was not checked. `retryAfter` in seconds. */
export type Untried = { readonly found: 'untried'; readonly retryAfter: number } & (
  | { readonly because: 'busy' }
  | { readonly because: 'throttled'; readonly by: ThrottledBy }
)

/** Where a verdict came from: this process, Redis, or the store and one password hash. */
export type Via = 'l1' | 'l2' | 'store'
