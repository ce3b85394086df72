import type { Allow } from './decision.ts'
import type { Instant, Owner, Revision, Scope, Subject, Username } from './names.ts'
import type { Secret } from './secret.ts'

/** The access token of a user, with which a request reaches its upstream as that user. */
export interface UserToken {
  readonly token: Secret
  /** After this, no request is sent with it. By the monotonic clock of this process (`steadyNow`). */
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
   * The upstream rejected this token: the next one for the same user, or why there is none. The same one again means that
   * it is new, so that another one would be rejected as well. Rejects with `Outage`. `claims`: the claims challenge, if
   * the upstream sent one; then the provider is asked once for a token that meets it, and if it gives none, or the upstream
   * repeats the challenge, the grant is marked as ended.
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
  /** The newest access token. */
  readonly access?: SealedAccess
  readonly grantedAt: Instant
  readonly renewedAt: Instant
  /** When the provider was last asked with it, for `liveness`. */
  readonly checkedAt: Instant
  readonly ended?: { readonly at: Instant; readonly cause: GrantEnd }
  /**
   * A claims request (`common/claims-request.ts`): what the present access token was asked for because of a claims
   * challenge; of a grant that has ended, what the next sign-in has to ask for.
   */
  readonly demand?: string
  /** Grows with every write of this grant. */
  readonly version: number
}

/** An access token in the store. */
export interface SealedAccess {
  /** Sealed in the same way as the refresh token. */
  readonly token: string
  /** The scope that it was requested for: a token for another upstream is of no use. */
  readonly of: string
  readonly endsAt: Instant
}

/** An access token to store. The store adds its own time, because the clocks of two gateways may differ. */
export type NewAccess = Omit<SealedAccess, 'endsAt'> & { readonly lifeMs: number }

/** Why a grant has ended: refused by the provider, disconnected on the page, signed out by a command, or a claims challenge. */
export type GrantEnd = 'refused' | 'disconnected' | 'signed-out' | 'claims'

/** What one read of a grant saw. */
export interface FoundGrant {
  /** Every change up to this revision is visible in this answer. */
  readonly asOf: Revision
  readonly grant: Grant | undefined
  /** The time of the read by the clock of the store, which all times in `grant` are by. */
  readonly now: Instant
}

/** A grant as it was read: what a write of it is conditional on. */
export type SeenGrant = Pick<Grant, 'scope' | 'owner' | 'version'>

/** One scope, or all but some. */
export type ScopeChoice = { readonly scope: Scope } | { readonly except: readonly Scope[] }

/** A grant with which its provider was not asked for some time. */
export interface Unchecked {
  readonly grant: Grant
  readonly forMs: number
}

/** The grants in the store. All methods throw `Outage`. None is a change of the registry: verdicts stay valid. */
export interface GrantStore {
  /** The grant of the owner of the credential with this subject; by way of a link if the credential is of another scope. */
  ofSubject(scope: Scope, subject: Subject): Promise<FoundGrant>
  of(scope: Scope, owner: Owner): Promise<FoundGrant>
  /**
   * Takes the right to renew for so many milliseconds, so that one process does. Gives the version that the writes of this
   * turn need; `undefined`: another process has the turn, or the grant has changed since.
   */
  takeTurn(seen: SeenGrant, leaseMs: number): Promise<number | undefined>
  /**
   * Writes what a renewal gave, and ends the turn. `demand` is kept with `access`. False: the grant has changed since, and
   * nothing was written.
   */
  renewed(
    seen: SeenGrant,
    fresh: { readonly refreshToken: string; readonly access?: NewAccess; readonly demand?: string },
  ): Promise<boolean>
  /** Ends the turn without a result, so that another process may try. */
  giveTurnBack(seen: SeenGrant): Promise<void>
  /** Replaces the sealed tokens by the same tokens, sealed with another key. False: the grant has changed since. */
  reseal(
    seen: SeenGrant,
    sealed: { readonly refreshToken: string; readonly access?: string },
  ): Promise<boolean>
  /** All grants, or those of a scope, in batches by scope and owner; `after` is the last one of the batch before. */
  list(scope: Scope | undefined, after: Pick<Grant, 'scope' | 'owner'> | undefined): Promise<readonly Grant[]>
  /**
   * Active ones that were last checked at least so many milliseconds ago, in batches, oldest first; `after` is the last
   * one of the batch before.
   */
  unchecked(whose: ScopeChoice, sinceMs: number, after: Unchecked | undefined): Promise<readonly Unchecked[]>
  /** Numbers for the metrics. */
  count(): Promise<{ readonly active: number; readonly ended: number }>
}

/** A credential of which no identity provider said lately that its user is active. */
export interface Unconfirmed {
  readonly scope: Scope
  readonly subject: Subject
  readonly username: Username
  /** The grant of its owner, if there is one. */
  readonly grant?: Grant
}

/** When users were last known to be active. Both throw `Outage`. Neither is a change of the registry. */
export interface Confirmations {
  /** The user has signed in on the page. */
  signedIn(scope: Scope, owner: Owner): Promise<void>
  /**
   * Credentials that are on, whose user was neither checked nor confirmed for so many milliseconds, in batches by subject;
   * `after` is the last one of the batch before. Confirmed: signed in on the page, or an operator or the user set, claimed or
   * switched on the credential; and until a grant ends, by the grant.
   */
  unconfirmed(
    whose: ScopeChoice,
    sinceMs: number,
    after: Unconfirmed | undefined,
  ): Promise<readonly Unconfirmed[]>
}

/**
 * Part of `Registry`: given and ended grants are changes, which every process learns before they are committed, and which
 * the audit log has. Both throw `Outage`.
 */
export interface GrantRegistry {
  /** A new grant, after a sign-in; replaces the earlier one of the same owner. `again`: that one was still active. */
  giveGrant(actor: string, grant: NewGrant): Promise<'connected' | 'again'>
  /**
   * Ends a grant and deletes its tokens. `version`: only if it has not changed since. `demand`: what the next sign-in has to
   * ask for. Resolves with the grant as it was, so that it can be revoked at its provider; `undefined`: there was none, or it
   * had ended or changed.
   */
  endGrant(
    actor: string,
    grant: Pick<Grant, 'scope' | 'owner'> & { readonly version?: number },
    cause: GrantEnd,
    demand?: string,
  ): Promise<Grant | undefined>
  /**
   * The same for a grant that the provider refused where users are checked for liveness: in the same change, the credential
   * of the owner is switched off.
   */
  refuseGrant(actor: string, grant: SeenGrant): Promise<Grant | undefined>
  /** Switches off a credential if it still is unconfirmed, for so many milliseconds. False: it was confirmed meanwhile. */
  disableUnconfirmed(
    actor: string,
    which: Pick<Unconfirmed, 'scope' | 'subject' | 'username'>,
    sinceMs: number,
  ): Promise<boolean>
}

export type NewGrant = Pick<Grant, 'scope' | 'owner' | 'issuer' | 'clientId' | 'username'> & {
  readonly refreshToken: string
  readonly access?: NewAccess
}

/** What a sign-in at a provider gave, in clear. */
export interface SignedIn extends Pick<Grant, 'scope' | 'owner' | 'issuer' | 'clientId' | 'username'> {
  readonly refreshToken: Secret
  /** Left out if the provider gave none for the upstream's scope. */
  readonly access?: { readonly token: Secret; readonly of: string; readonly lifeSeconds: number }
}

/** What became of a refresh token at its provider. `no-endpoint`: this provider cannot be asked to revoke (Entra ID). */
export type Revocation = 'revoked' | 'no-endpoint' | 'failed'

/** Grants as the page and commands give and end them. All methods throw `Outage`. */
export interface Grants {
  /**
   * Seals and keeps what a sign-in gave. In force everywhere when it resolves. `other-person`: the access token is not
   * for this owner, and nothing was kept.
   */
  give(actor: string, signedIn: SignedIn): Promise<'given' | 'other-person'>
  /**
   * Ends a grant everywhere, then revokes it at its provider. `undefined`: there was none. Without `revoke` the provider is
   * not asked, which is `failed`.
   */
  end(
    actor: string,
    whose: Pick<Grant, 'scope' | 'owner'>,
    cause: 'disconnected' | 'signed-out',
    how?: { readonly revoke: boolean },
  ): Promise<Revocation | undefined>
  /** Without its tokens if this gateway cannot use them: it lacks the key, or has another app registration. */
  of(scope: Scope, owner: Owner): Promise<Grant | undefined>
}
