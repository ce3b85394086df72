import { type RawBuilder, sql } from 'kysely'
import type { Instant } from '../gateway/names.ts'
import type { Database } from './database.ts'

/** Milliseconds since 1970 by the one clock that all processes with this store share. */
export interface SharedTime {
  /** Otherwise all of them are on this machine. */
  readonly isOfDatabase: boolean
  readonly ofMachine: () => Instant
  readonly ofWrite: () => RawBuilder<number>
  /** `now`: the place for the time of this machine. */
  readonly ofRead: (now: RawBuilder<number>) => RawBuilder<number>
}

/** Clocks of two machines may differ by minutes, and a token would be used after its end. */
export function createSharedTime(database: Database, clock: () => Instant): SharedTime {
  const isOfDatabase = database.dataVersion() === undefined
  if (isOfDatabase) {
    // The same however often one statement names it.
    const ofDatabase = sql<number>`cast(extract(epoch from statement_timestamp()) * 1000 as bigint)`
    return { isOfDatabase, ofMachine: clock, ofWrite: () => ofDatabase, ofRead: () => ofDatabase }
  }
  return {
    isOfDatabase,
    ofMachine: clock,
    ofWrite: () => sql<number>`cast(${clock()} as bigint)`,
    ofRead: now => sql<number>`cast(${now} as bigint)`,
  }
}
