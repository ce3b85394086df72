import type { Kysely, Transaction } from 'kysely'
import type { Schema } from './schema.ts'

/**
 * What may be done where there is no store: `make` it, or refuse to go on. A command that made one would say that it
 * has changed something in gateways which know another. `serve` expects one, too, and gives up soon on a server that
 * does not answer: callers wait.
 */
export type OpenHow = 'make' | 'expect' | 'serve'

/** An open database. Everything its driver throws is an `Outage` already. */
export interface Database {
  /** Never waits for a change that is under way. */
  readonly reading: Kysely<Schema>
  /** For the news of changes, which must not wait for look-ups that hang: at a table that is locked, for instance. */
  readonly watching: Kysely<Schema>
  /** For transactions: one at a time in this process, so that changes that wait cannot use up what reads need. */
  readonly writing: Kysely<Schema>
  /** See `ChangeLog.pulse`. */
  pulse(): number | undefined
  /** One transaction that waits for every other process's: for migrations, which may take their time. */
  exclusively(work: (transaction: Transaction<Schema>) => Promise<void>): Promise<void>
  close(): Promise<void>
}
