import type { Watch } from '../delegation/watch.ts'
import type { Grant, Grants, GrantStore } from '../gateway/delegation.ts'
import type { GeneratedPasswords } from '../gateway/generated-password.ts'
import type { AttemptKeys } from '../gateway/attempt.ts'
import type {
  AccountDirectory,
  ChangeHistory,
  CredentialStore,
  PasswordHasher,
  Refusals,
} from '../gateway/ports.ts'
import type { Overview } from '../gateway/overview.ts'
import type { CredentialRecord, Registry } from '../gateway/registry.ts'
import type { ToolUses } from '../gateway/tool-uses.ts'
import type { DelegationPorts } from './delegation-station.ts'

/** What operators work with, by command, by the API and on the console. */
export interface Tools {
  readonly registry: Registry
  /** Changes that do not need Redis, and when they are certain to be in force everywhere. */
  readonly emergency: { readonly registry: Registry; readonly certainAfterMs: number }
  readonly store: {
    readonly accounts: AccountDirectory
    readonly credentials: CredentialStore
    readonly grants: GrantStore
    readonly changes: ChangeHistory
    readonly refusals: Refusals
    readonly overview: Overview
    readonly toolUses: Pick<ToolUses, 'list' | 'page'>
  }
  readonly hasher: PasswordHasher
  readonly generated: GeneratedPasswords
  readonly keys: AttemptKeys
  readonly grants: Grants
  /** What is known of the sign-ins with which requests act as their users. */
  readonly delegation: DelegationPorts
  /** Whether it would be noticed that the user of a credential has left. */
  readonly watch: (credential: CredentialRecord, grant: Grant | undefined) => Watch
}
