import type { Holder } from './membership.ts'
import type { ThrottledBy } from './decision.ts'
import type { Revision, Scope, Subject, Username } from './names.ts'

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
