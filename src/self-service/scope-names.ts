import { type Connection, pageOf, type PlannedMove, scopeOf } from '../gateway/account.ts'
import { type AccountName, msaScope, type Scope } from '../gateway/names.ts'
import type { Directory } from '../gateway/registry.ts'
import { html, type Html } from './html.ts'

/** A scope, of which each language says what it is called. */
export interface ScopeName {
  readonly scope: Scope
  /** Left out: the scope of Microsoft accounts. */
  readonly directory?: string
}

/** The name of a connection's scope. */
export function scopeNameOf(connection: Connection): ScopeName {
  const scope = scopeOf(connection)
  return connection.kind === 'msa' ? { scope } : { scope, directory: connection.directoryName }
}

/** The name of a scope. A directory that is no longer in the store is named by its id. */
export function nameOfScope(scope: Scope, directories: readonly Directory[]): ScopeName {
  if (scope === msaScope) return { scope }
  // A scope that is not `msa` is the id of a directory.
  const known = directories.find(({ id }) => (id as string) === scope)
  return { scope, directory: known?.name ?? scope }
}

/** The page of an account: for the scope that it signs in with, or for the one that it is about to move to. */
export interface Place {
  readonly account: { readonly name: AccountName }
  readonly scopeName: Pick<ScopeName, 'scope'>
  /** It is for the scope that the account is about to move to. */
  readonly coming?: PlannedMove | true | undefined
}

/** The address of a page. */
export function pageAt(place: Place): string {
  return pageOf(place.account.name) + scopeIn(place)
}

/**
 * The address that starts a sign-in for an account. `other`: with another identity; `again`: with the password again;
 * `consent`: with the provider's question for consent again.
 */
export function signInAt(place: Place, ask?: 'other' | 'again' | 'consent'): string {
  const account = encodeURIComponent(place.account.name)
  return `/_altgate/sign-in?account=${account}${scopeIn(place)}${ask === undefined ? '' : `&ask=${ask}`}`
}

/** The same, for a sign-in that asks for nothing but who the user is. */
export function signInOnly(place: Place): string {
  return `${signInAt(place, 'other')}&grant=no`
}

function scopeIn({ coming, scopeName }: Place): string {
  return coming === undefined ? '' : `&scope=${scopeName.scope}`
}

/** What each form of an account's page sends: the scope as well, because the account may have moved since it was shown. */
export function formOf({ account, scopeName }: Place, csrf: string): Html {
  return html`<input type="hidden" name="csrf" value="${csrf}">
<input type="hidden" name="account" value="${account.name}">
<input type="hidden" name="scope" value="${scopeName.scope}">`
}
