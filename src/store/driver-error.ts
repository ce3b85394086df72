import { Outage } from '../gateway/outage.ts'

/** Whether a file of SQLite cannot be read as a database (SQLITE_NOTADB, SQLITE_CORRUPT). */
export function isDamage({ cause }: Outage): boolean {
  return cause instanceof Error && /file is not a database|disk image is malformed/.test(cause.message)
}

/**
 * What a driver threw, as an outage of the store. Of the error only text and code are kept: PostgreSQL's holds
 * rows in `detail`, pg's the whole client with its settings, and causes are logged.
 */
export function storeOutage(error: unknown): Outage {
  if (error instanceof Outage) return error
  const code = error instanceof Error && 'code' in error ? `${String(error.code)}: ` : ''
  const text = error instanceof Error ? error.message : 'not an error'
  return new Outage('store', new Error(`${code}${text}`))
}
