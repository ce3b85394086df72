import type { Kysely } from 'kysely'

/** What a migration works on. Not typed by `schema.ts`: that is today's shape, and a migration is of its own day. */
export type Tables = Pick<Kysely<unknown>, 'schema' | 'getExecutor'>

/** A step from one shape of the tables to the next. Once released it is never edited: stores out there took it. */
export type Migration = (db: Tables) => Promise<void>
