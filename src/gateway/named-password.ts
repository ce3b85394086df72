import type { Over } from './decision.ts'
import type { PasswordMac } from './generated-password.ts'
import type { Instant, Owner, PasswordId, Username } from './names.ts'

/** A generated password for display. */
export interface PasswordRecord {
  readonly id: PasswordId
  /** Left out for the main password of the set. */
  readonly name?: string
  readonly readOnly: boolean
  readonly setAt: Instant
  readonly endsAt?: Instant
  /** When another one took its name. It counts until `endsAt`. */
  readonly replacedAt?: Instant
  /** It no longer counts. */
  readonly over?: Over
  /** The OAuth client that it was given to. */
  readonly client?: string
  /** Recorded within a minute. `tool`: the product in the user agent. */
  readonly lastUsed?: { readonly at: Instant; readonly from: string; readonly tool?: string }
}

/** A named password to add to a set. */
export interface NewPassword {
  readonly id: PasswordId
  readonly mac: PasswordMac
  readonly name: string
  readonly readOnly: boolean
  /** Left out: it has no end. */
  readonly endsAt?: Instant
  readonly client?: string
  /** Replaces the one of the same name, which counts for so many milliseconds more. */
  readonly replacing?: { readonly graceMs: number }
}

/** The set that a password is for. It is made if there is none. With an owner, it is the owner's. */
export interface PasswordHolder {
  readonly username: Username
  readonly owner?: Owner
}
