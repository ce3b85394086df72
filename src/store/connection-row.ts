import type { Connection } from '../gateway/account.ts'
import { type DirectoryId, msaScope, type Scope } from '../gateway/names.ts'

/** A connection as it is joined with its directory: neither has a value for Microsoft accounts. */
export interface ConnectionRow {
  readonly directory: DirectoryId | null
  readonly directory_name: string | null
}

/** The directory whose scope it is; `null`, as it is kept, for that of Microsoft accounts. */
export function directoryOf(scope: Scope): DirectoryId | null {
  return scope === msaScope ? null : (scope as string as DirectoryId) // `scopeOf`, the other way round
}

export function connectionIn({ directory, directory_name }: ConnectionRow): Connection {
  if (directory === null || directory_name === null) return { kind: 'msa' }
  return { kind: 'entra', directoryId: directory, directoryName: directory_name }
}
