import { type Connection, describe, scopeOf } from '../gateway/account.ts'
import { type AccountName, msaScope, type Scope } from '../gateway/names.ts'
import type { Directory } from '../gateway/registry.ts'

/** A scope, in words for people. */
export interface ScopeName {
  readonly scope: Scope
  /** `Contoso`, `Microsoft accounts`: for headings. */
  readonly name: string
  /** `for all accounts of the directory Contoso`. */
  readonly reach: string
  /** `an account of the directory Contoso`: whom to sign in as. */
  readonly signInAs: string
}

const microsoftAccounts: ScopeName = {
  scope: msaScope,
  name: 'Microsoft accounts',
  reach: 'for all accounts that sign in with Microsoft accounts',
  signInAs: 'your personal Microsoft account',
}

/** The place that a connection leads to. */
export function scopeNameOf(connection: Connection): ScopeName {
  if (connection.kind === 'msa') return microsoftAccounts
  return directoryScopeName(scopeOf(connection), connection.directoryName)
}

/** The place of a scope; a directory that has gone from the store is called by its id. */
export function nameOfScope(scope: Scope, directories: readonly Directory[]): ScopeName {
  if (scope === msaScope) return microsoftAccounts
  // A scope that is not `msa` is the id of a directory.
  const known = directories.find(({ id }) => (id as string) === scope)
  return directoryScopeName(scope, known?.name ?? scope)
}

function directoryScopeName(scope: Scope, name: string): ScopeName {
  return {
    scope,
    name,
    reach: `for all accounts of the directory ${name}`,
    signInAs: `your account in the directory ${name}`,
  }
}

/** What an account signs in with, as git has told it. */
export function signsInWith(connection: Connection): string {
  return describe(connection)
}

/** Where the sign-in for an account begins. `other`: with another person; `again`: with the password once more. */
export function signInFor(account: AccountName, ask?: 'other' | 'again'): string {
  return `/_altgate/sign-in?account=${encodeURIComponent(account)}${ask === undefined ? '' : `&ask=${ask}`}`
}
