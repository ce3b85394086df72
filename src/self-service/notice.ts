import type { Instant, Scope, Username } from '../gateway/names.ts'

/** A change that somebody made on the page, for whoever tells the person about it. Never a password. */
export interface CredentialChange {
  readonly scope: Scope
  readonly username: Username
  readonly what: 'set' | 'enabled' | 'disabled' | 'claimed' | 'linked'
  readonly at: Instant
}

/** Told after a change holds everywhere; must not throw, must not delay. */
export interface Notice {
  credentialChanged(change: CredentialChange): void
}
