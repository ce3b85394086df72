import type { Account, Holder } from './account.ts'
import type { AccountName, Instant, Revision, Scope, Slot, Subject, Username } from './names.ts'
import type { Part } from './outage.ts'

/** Everything the gateway can decide. Add a member and the compiler lists every place that must learn it. */
export type Decision = Allow | Ended

/** Right: the request goes on to the account's upstream. */
export interface Allow {
  readonly outcome: 'allow'
  readonly account: Account
  readonly scope: Scope
  /** The credential's primary user name, whichever of its names was presented. */
  readonly username: Username
  readonly subject: Subject
  readonly via: Via
  /** Let in with a credential of the scope that the account has left; that is over then. */
  readonly bridgedUntil?: Instant
}

/** A decision that ends here; `http/terms.ts` says how. */
export type Ended =
  | Challenge
  | Garbled
  | UnclearTarget
  | NotAllowed
  | NoAccount
  | Refused
  | ResetNeeded
  | Disabled
  | Throttled
  | Busy
  | Unavailable

/** No credential was presented, or one with an empty password. */
interface Challenge {
  readonly outcome: 'challenge'
  readonly name: AccountName
}

/** The Authorization header cannot be read. The flaws are a closed list: no input ever goes into a message. */
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

/** An address that two parsers could read in two ways. */
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
    /** An address in its headers leads out of the account: WebDAV's `Destination`. */
    | 'destination'
    /** Whoever passed it on is none of the proxies that are trusted. */
    | 'untrusted-forwarder'
    /** One by which upstreams know users, and which the proxy in front does not remove. */
    | 'reserved-header'
}

export type NotAllowed = PlainHttp | NotAMember

/** Plain http where the public address is https. */
interface PlainHttp {
  readonly outcome: 'not-allowed'
  readonly cause: 'plain-http'
}

/** The right password, but the account lets in members only. */
interface NotAMember {
  readonly outcome: 'not-allowed'
  readonly cause: 'not-a-member'
  readonly account: Account
  readonly scope: Scope
  readonly username: Username
  readonly via: Via
}

/** No account of that name, or the address names none. */
interface NoAccount {
  readonly outcome: 'no-account'
  readonly name?: AccountName
}

/** Wrong user name or password; which of them, or that it had to be wrong, is for the audit log only. */
export interface Refused {
  readonly outcome: 'refused'
  readonly account: Account
  readonly scope: Scope
  readonly cause: 'mismatch' | 'absent' | 'forged'
  /**
   * As presented. Unless it is known to be somebody's, the audit log shows the slot only: people type passwords into
   * that field.
   */
  readonly username: Username
  readonly slot: Slot
  /** `none`: forged, so nobody was asked. */
  readonly via: Via | 'none'
}

/** The right password, but for a scope that the account has left. */
export interface ResetNeeded {
  readonly outcome: 'reset-needed'
  readonly account: Account
  readonly scope: Scope
  readonly former: Scope
  readonly username: Username
  readonly via: Via
  /** It has been told so often that the client must be in a loop. */
  readonly tooOften?: true
}

/** The right password of a credential that is switched off. */
interface Disabled {
  readonly outcome: 'disabled'
  readonly account: Account
  readonly scope: Scope
  readonly username: Username
  readonly via: Via
}

/** Too many attempts. */
export interface Throttled {
  readonly outcome: 'throttled'
  /** For the audit log only: it would tell a stranger how to go on. */
  readonly by: ThrottledBy
  /** Seconds. */
  readonly retryAfter: number
}

/**
 * What there was too much of: wrong passwords from one address, for one user name, or in all; one and the same wrong
 * password, again and again; or requests that present nothing that can be read.
 */
export type ThrottledBy = 'address' | 'credential' | 'everywhere' | 'repetition' | 'anonymous'

/** The hash queue is full. `retryAfter` in seconds. */
export interface Busy {
  readonly outcome: 'busy'
  readonly retryAfter: number
}

/** A part that we depend on is down. `retryAfter` in seconds. */
interface Unavailable {
  readonly outcome: 'unavailable'
  readonly part: Part
  readonly retryAfter: number
}

/** The upstream let an allowed request down. It comes after the decision, so it is not one. */
export interface UpstreamFailed {
  readonly outcome: 'upstream-failed'
  /** `bad-address`: the account's upstream is no http(s) address. */
  readonly because:
    | 'bad-address'
    | 'refused'
    | 'certificate'
    | 'timeout'
    | 'dropped'
    | 'bad-answer'
    /** It asked the gateway for a credential. */
    | 'unauthorized'
    /** It did not take what it had given out itself, for an upload or a download of a large file. */
    | 'own-token'
    /** A page for people where a tool waits: git would take it for success and keep a wrong password. */
    | 'sign-in-page'
    /** A redirect that would lead a tool astray. */
    | 'redirect'
}

/** True for a finished decision, false for what the next station needs. */
export function ended<T>(value: T | Ended): value is Ended {
  return typeof value === 'object' && value !== null && 'outcome' in value
}

/** For the last branch of a switch over a union: a new member does not compile until it has its branch. */
export function unreachable(value: never): never {
  throw new Error(`not one of the known cases: ${JSON.stringify(value)}`)
}

/** What the check of one attempt found. A known verdict may be cached, the others never. */
export type Verdict = KnownVerdict | Forged | Untried

export type KnownVerdict = {
  /** Every change up to this revision was visible to the check. */
  readonly asOf: Revision
  readonly via: Via
} & Finding

export type Finding =
  | { readonly found: 'match'; readonly username: Username; readonly subject: Subject }
  /** The right password, switched off by an administrator or the owner. */
  | { readonly found: 'disabled' }
  /** The right password, but for the scope that the account has left. */
  | Outgrown
  | { readonly found: 'mismatch' }
  /** Nobody of that name, neither in the scope nor in the one that the account has left. */
  | { readonly found: 'absent' }

export interface Outgrown extends Holder {
  readonly found: 'outgrown'
  readonly former: Scope
  /** Whether the holder is known to be somebody of the account's scope, too. */
  readonly linked: boolean
}

/** A password that claims to be one that Altgate made, and is not: refused before anybody was asked. */
export interface Forged {
  readonly found: 'forged'
}

/** Nobody looked whether the password is right. `retryAfter` in seconds. */
export type Untried = { readonly found: 'untried'; readonly retryAfter: number } & (
  | { readonly because: 'busy' }
  | { readonly because: 'throttled'; readonly by: ThrottledBy }
)

/** Where a verdict came from: this process, Redis, or the store and one password hash. */
export type Via = 'l1' | 'l2' | 'store'
