import type { Attempt, Caller } from './attempt.ts'
import type { ThrottledBy } from './decision.ts'
import type { Scope, Username } from './names.ts'

/** Keeps guesses few. Knows which wrong passwords were tried, never what they were. Never throws, never waits long. */
export interface Throttle {
  /**
   * Asked before a password is hashed: counts it as a guess at `reached`, so that of a thousand at once no more get
   * through than may. A password that was tried before is admitted and not counted again.
   */
  admit(attempt: Attempt, caller: Caller, reached: Reached): Promise<Admission>
  /** A password that is known to be wrong was presented again. `undefined`: not too often. */
  again(attempt: Attempt, caller: Caller): Throttling | undefined
  /** A remembered password was right for this credential: the same as `welcome`. Costs a look into memory. */
  recognise(attempt: Attempt, caller: Caller, scope: Scope, username: Username): void
}

/** A credential by its scope and primary user name; a name that leads to none, as it was presented. */
export interface CredentialName {
  readonly scope: Scope
  readonly username: Username
}

/** What a guess is counted against, whichever account and user name it was presented with. */
export interface Reached {
  /** What the password is compared with. */
  readonly compared: CredentialName
  /**
   * What the same name leads to in the other scope of an account that has moved. It is counted whatever is found:
   * otherwise the count would tell in which of the scopes the name is known.
   */
  readonly beside: CredentialName | undefined
}

/** Stops callers that are told to present something (else), and come again at once. Never throws, never waits. */
export interface Loops {
  /** A request for this that is about to be told so. `undefined`: not too often. */
  again(caller: Caller, what: string): Throttling | undefined
  /** A credential was presented from there that was right, or that nobody could look at. */
  presented(caller: Caller, what: string): void
}

export type Admission = Admitted | Throttling

export interface Admitted {
  /** It was no wrong guess: the password was right, or nobody looked. */
  absolve(): void
  /** It was right: for some days, what strangers guess does not count against callers from this address. */
  welcome(): void
}

/** Not admitted; nothing was counted. */
export interface Throttling {
  readonly by: ThrottledBy
  /** Seconds. */
  readonly retryAfter: number
}
