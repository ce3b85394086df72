import { msaScope, type DirectoryId, type Instant, type Scope } from './names.ts'

/** What an account signs in with. */
export type Connection =
  | { readonly kind: 'msa' }
  | { readonly kind: 'entra'; readonly directoryId: DirectoryId; readonly directoryName: string }

/** A connection that an account has left. */
export interface FormerConnection {
  readonly connection: Connection
  readonly leftAt: Instant
  /** Until when its credentials still count for people who are known to be of the present connection, too. */
  readonly bridgedUntil?: Instant
}

/** The scope whose credentials open accounts of this connection; derived from it, never from the account's name. */
export function scopeOf(connection: Connection): Scope {
  switch (connection.kind) {
    case 'msa':
      return msaScope
    case 'entra':
      return connection.directoryId as string as Scope
  }
}

/** For people: what the account signs in with. */
export function describe(connection: Connection): string {
  switch (connection.kind) {
    case 'msa':
      return 'Microsoft accounts'
    case 'entra':
      return `Microsoft Entra ID, directory "${connection.directoryName}"`
  }
}
