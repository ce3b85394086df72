import { randomUUID } from 'node:crypto'
import type { Instant } from '../gateway/names.ts'
import type { Revocations } from '../gateway/ports.ts'
import type { Database } from './database.ts'

/** Milliseconds after which nobody collects it any more: no gateway runs. */
const keptFor = 60 * 60 * 1000

export function createRevocations({ reading, writing }: Database, clock: () => Instant): Revocations {
  return {
    async add(seconds) {
      const at = clock()
      await writing
        .deleteFrom('revocations')
        .where('at', '<', at - keptFor)
        .execute()
      const microseconds = Math.round(seconds * 1e6)
      await writing.insertInto('revocations').values({ id: randomUUID(), microseconds, at }).execute()
    },
    async take() {
      // Nearly always there are none, and to look costs no lock.
      const rows = await reading.selectFrom('revocations').select('id').limit(1000).execute()
      if (rows.length === 0) return []
      const taken = await writing
        .deleteFrom('revocations')
        .where(
          'id',
          'in',
          rows.map(({ id }) => id),
        )
        .returning('microseconds')
        .execute()
      return taken.map(({ microseconds }) => microseconds / 1e6)
    },
  }
}
