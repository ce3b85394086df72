import type { AccountName, Instant, Revision, Scope, Username } from './names.ts'

/** Something that was changed: what every process must forget, and what the audit log says. */
export interface Change {
  readonly revision: Revision
  readonly at: Instant
  /** Who did it: `cli:root`, `page:<subject>`, `azure-devops`. */
  readonly actor: string
  readonly action: Action
  readonly account?: AccountName
  readonly scope?: Scope
  /** Every user name that the credential has or had: verdicts about all of them are dropped. */
  readonly usernames: readonly Username[]
}

export type Action =
  | 'directory-added'
  | 'account-added'
  | 'account-connected'
  | 'account-disconnected'
  | 'members-added'
  | 'members-removed'
  | 'account-opened'
  | 'move-undone'
  | 'identities-linked'
  | 'credential-set'
  | 'credential-claimed'
  | 'credential-enabled'
  | 'credential-disabled'
  | 'credentials-imported'
