import type { Allow } from './decision.ts'
import type { Instant, Owner, Revision, Scope, Username } from './names.ts'
import type { Secret } from './secret.ts'

/** The access token of a user, with which a request reaches its upstream as that user. */
export interface UserToken {
  readonly token: Secret
  /** After this, no request is sent with it. */
  readonly endsAt: Instant
}

/** Why a user has to sign in again. The password in the tool stays as it is. */
export type SignInCause =
  /** Set by a command, or before there was delegation: the user never signed in for it. */
  | 'no-grant'
  /** The provider refused to renew it, or the user disconnected it. */
  | 'ended'
  /** None of the sealing keys opens it. */
  | 'sealed-otherwise'
  /** The upstream demands more than this sign-in has proved (a claims challenge, RFC 9470). */
  | 'claims'

/** Lets requests reach upstreams as the user that sent them. */
export interface Delegation {
  /**
   * The token for an allowed request. `undefined`: this request does not act by delegation. From memory at once, a promise
   * if it has to be read or renewed. Throws and rejects with `Outage`.
   */
  tokenFor(allowed: Allow): undefined | UserToken | SignInCause | Promise<UserToken | SignInCause>
  /**
   * The upstream rejected this token: the next one for the same user, or why there is none. Rejects with `Outage`.
   * `claims`: the claims challenge, if the upstream sent one; then the grant is marked as ended.
   */
  rejected(allowed: Allow, token: UserToken, claims: string | undefined): Promise<UserToken | SignInCause>
}

/** What a sign-in has given the gateway: the right to act as the user, until the provider or the user ends it. */
export interface Grant {
  readonly scope: Scope
  readonly owner: Owner
  /** Who gave it: the provider and the app registration of the gateway there. */
  readonly issuer: string
  readonly clientId: string
  /** The provider's name for the user, for display. */
  readonly username?: Username
  /** Sealed; the id of the key is in front. `undefined`: the grant has ended. */
  readonly refreshToken?: string
  /** The newest access token, sealed in the same way. */
  readonly accessToken?: string
  readonly accessEndsAt?: Instant
  readonly grantedAt: Instant
  readonly renewedAt: Instant
  /** When the provider was last asked with it, for `liveness`. */
  readonly checkedAt: Instant
  readonly ended?: { readonly at: Instant; readonly cause: GrantEnd }
  /** Grows with every write of this grant. */
  readonly version: number
}

/** Why a grant has ended: refused by the provider, disconnected on the page, signed out by a command, or a claims challenge. */
export type GrantEnd = 'refused' | 'disconnected' | 'signed-out' | 'claims'

/** What one read of a grant saw. */
export interface FoundGrant {
  /** Every change up to this revision is visible in this answer. */
  readonly asOf: Revision
  readonly grant: Grant | undefined
}

/** The grants in the store. All methods throw `Outage`. */
export interface GrantStore {
  /** The grant of the owner of the credential with this subject; by way of a link if the credential is of another scope. */
  ofSubject(scope: Scope, subject: string): Promise<FoundGrant>
  of(scope: Scope, owner: Owner): Promise<FoundGrant>
  /**
   * Takes the right to renew, so that one process does. True: this process has it until then. False: another one has it,
   * or the grant has changed since.
   */
  takeTurn(grant: Pick<Grant, 'scope' | 'owner' | 'version'>, until: Instant): Promise<boolean>
  /** Writes what a renewal gave, and ends the turn. False: the grant has changed since, and nothing was written. */
  renewed(
    grant: Pick<Grant, 'scope' | 'owner' | 'version'>,
    fresh: Required<Pick<Grant, 'refreshToken' | 'accessToken' | 'accessEndsAt'>>,
    at: Instant,
  ): Promise<boolean>
  /** Ends the turn without a result, so that another process may try. */
  giveTurnBack(grant: Pick<Grant, 'scope' | 'owner' | 'version'>): Promise<void>
  /** All grants, or those of a scope, in batches by scope and owner; `after` is the last one of the batch before. */
  list(scope: Scope | undefined, after: Pick<Grant, 'scope' | 'owner'> | undefined): Promise<readonly Grant[]>
  /** Those that were checked before this time, oldest first, at most so many. */
  uncheckedSince(before: Instant, most: number): Promise<readonly Grant[]>
  /** Numbers for the metrics. */
  count(): Promise<{ readonly active: number; readonly ended: number }>
}

/**
 * Part of `Registry`: given and ended grants are changes, which every process learns before they are committed, and which
 * the audit log has. Both throw `Outage`.
 */
export interface GrantRegistry {
  /** A new grant, after a sign-in; replaces the earlier one of the same owner. */
  giveGrant(actor: string, grant: NewGrant): Promise<undefined>
  /**
   * Ends a grant and deletes its tokens. `version`: only if it has not changed since. Resolves with the grant that was
   * ended, so that it can be revoked at its provider; `undefined`: there was none.
   */
  endGrant(
    actor: string,
    grant: Pick<Grant, 'scope' | 'owner'> & { readonly version?: number },
    cause: GrantEnd,
  ): Promise<Grant | undefined>
}

export type NewGrant = Required<Pick<Grant, 'refreshToken'>> &
  Omit<Grant, 'refreshToken' | 'ended' | 'version' | 'checkedAt' | 'renewedAt'>
