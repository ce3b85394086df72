import { type Connection, scopeOf } from '../gateway/account.ts'
import { type AccountName, msaScope, type Scope } from '../gateway/names.ts'
import type { Directory } from '../gateway/registry.ts'

/** A scope as the page describes it. */
export interface ScopeName {
  readonly scope: Scope
  /** `Contoso`, `Microsoft accounts`: for headings. */
  readonly name: string
  /** `for all accounts connected to the directory Contoso`. */
  readonly reach: string
  /** `your account in the directory Contoso`: what to sign in with. */
  readonly signInAs: string
}

const microsoftAccounts: ScopeName = {
  scope: msaScope,
  name: 'Microsoft accounts',
  reach: 'for all accounts that sign in with Microsoft accounts',
  signInAs: 'your personal Microsoft account',
}

/** The name of a connection's scope. */
export function scopeNameOf(connection: Connection): ScopeName {
  if (connection.kind === 'msa') return microsoftAccounts
  return directoryScopeName(scopeOf(connection), connection.directoryName)
}

/** The name of a scope. A directory that is no longer in the store is named by its id. */
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
    reach: `for all accounts connected to the directory ${name}`,
    signInAs: `your account in the directory ${name}`,
  }
}

/**
 * The address that starts a sign-in for an account. `other`: with another identity; `again`: with the password again;
 * `consent`: with the provider's question for consent again.
 */
export function signInFor(account: AccountName, ask?: 'other' | 'again' | 'consent'): string {
  return `/_altgate/sign-in?account=${encodeURIComponent(account)}${ask === undefined ? '' : `&ask=${ask}`}`
}

/** The same, for a sign-in that asks for nothing but who the user is. */
export function signInOnly(account: AccountName): string {
  return `${signInFor(account, 'other')}&grant=no`
}
