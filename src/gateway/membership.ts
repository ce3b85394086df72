import type { Account } from './account.ts'
import type { Scope, Subject, Username } from './names.ts'

/**
 * Whom an account lets in, in each scope: people by their subjects, which outlive renames and resets; those who have no
 * credential there yet by the primary user name that the scope's authority will give them.
 */
export type Members = ReadonlyMap<Scope, ReadonlySet<Subject | Username>>

/** Whoever holds a credential of a scope. */
export interface Holder {
  /** The primary user name. */
  readonly username: Username
  readonly subject: Subject
}

/** Whether an account lets this holder in; an account without a list lets everybody in. */
export function letsIn({ members }: Account, scope: Scope, { username, subject }: Holder): boolean {
  if (members === undefined) return true
  const listed = members.get(scope)
  return listed !== undefined && (listed.has(subject) || listed.has(username))
}
