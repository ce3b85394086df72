import type { Connection } from '../gateway/connection.ts'
import type { DirectoryId } from '../gateway/names.ts'

/** A connection as it is joined with its directory: neither has a value for Microsoft accounts. */
export interface ConnectionRow {
  readonly directory: DirectoryId | null
  readonly directory_name: string | null
}

export function connectionIn({ directory, directory_name }: ConnectionRow): Connection {
  if (directory === null || directory_name === null) return { kind: 'msa' }
  return { kind: 'entra', directoryId: directory, directoryName: directory_name }
}
