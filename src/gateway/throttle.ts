import type { Attempt, Caller } from './attempt.ts'
import type { ThrottledBy } from './decision.ts'
import type { Scope, Username } from './names.ts'

/** Limits password guesses. Recognizes wrong passwords by HMAC, never by their text. Never throws, never waits long. */
export interface Throttle {
  /**
   * Called before a password is hashed. Counts it as a guess at `reached` in advance, so that of a thousand concurrent
   * guesses no more than the limit pass. A password that was tried before is admitted and not counted again.
   */
  admit(attempt: Attempt, caller: Caller, reached: Reached): Promise<Admission>
  /** A password that is known to be wrong was presented again. `undefined`: within the limit. */
  again(attempt: Attempt, caller: Caller): Throttling | undefined
  /** A remembered password was right for this credential: the same as `welcome`, for one look-up in memory. */
  recognise(attempt: Attempt, caller: Caller, scope: Scope, username: Username): void
}

/** A credential by its scope and primary user name; an unknown name as it was presented. */
export interface CredentialName {
  readonly scope: Scope
  readonly username: Username
}

/** The credentials that a guess counts against, whichever account and user name it was presented with. */
export interface Reached {
  /** The credential that the password is compared with. */
  readonly compared: CredentialName
  /**
   * What the same name leads to in the other scope of an account that has moved. It is always counted, otherwise the
   * count would reveal in which of the scopes the name is known.
   */
  readonly beside: CredentialName | undefined
}

/** Stops clients that repeat a request without a usable credential, in a loop. Never throws, never waits. */
export interface Loops {
  /** Counts another such request for `what`. `undefined`: within the limit. */
  again(caller: Caller, what: string): Throttling | undefined
  /** A credential was presented that was right, or that could not be checked. */
  presented(caller: Caller, what: string): void
}

export type Admission = Admitted | Throttling

export interface Admitted {
  /** Takes the count back: the password was right, or was not checked. */
  absolve(): void
  /** The password was right: for some days, guesses from elsewhere do not count against clients at this address. */
  welcome(): void
}

/** Not admitted; nothing was counted. */
export interface Throttling {
  readonly by: ThrottledBy
  /** Seconds. */
  readonly retryAfter: number
}
