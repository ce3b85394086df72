import type { PasswordMac } from './generated-password.ts'
import type { Instant, PasswordId } from './names.ts'
import type { ProblemOf } from './problem.ts'

/** What a token permits: to look, or to change as well. */
export type TokenScope = 'read' | 'write'

/** A token of the API for display. */
export interface TokenRecord {
  readonly name: string
  readonly scope: TokenScope
  readonly addedAt: Instant
  readonly actor: string
  readonly endsAt?: Instant
  /** Recorded within a minute. */
  readonly lastUsedAt?: Instant
}

export interface NewToken extends Pick<TokenRecord, 'name' | 'scope' | 'endsAt'> {
  /** Its public part, by which it is found. */
  readonly id: PasswordId
  readonly mac: PasswordMac
}

/** A token as the API checks it. */
export interface StoredToken extends TokenRecord {
  readonly id: PasswordId
  readonly mac: PasswordMac
}

/** The tokens of the API. All methods throw `Outage`. */
export interface ApiTokens {
  /** Reads the store at each call, so that a revoked token is refused by every gateway from then on. */
  find(id: PasswordId): Promise<StoredToken | undefined>
  list(): Promise<readonly TokenRecord[]>
  used(id: PasswordId, at: Instant): Promise<void>
}

/** The changes of tokens: part of `Registry`. */
export interface TokenRegistry {
  addToken(actor: string, token: NewToken): Promise<ProblemOf<'token-name-taken'> | undefined>
  revokeToken(actor: string, name: string): Promise<ProblemOf<'no-such-token'> | undefined>
}
