import type { Instant, Scope, Username } from '../gateway/names.ts'

/**
 * A change that a person made on the page, for the service that tells its owner. Never a password. `contested`: nothing
 * was changed, but another person has come under the owner's user name.
 */
export interface CredentialChange {
  readonly scope: Scope
  readonly username: Username
  readonly what: 'set' | 'enabled' | 'disabled' | 'claimed' | 'linked' | 'contested'
  readonly at: Instant
}

/** Told after a change holds everywhere; must not throw, must not delay. */
export interface Notice {
  credentialChanged(change: CredentialChange): void
}
