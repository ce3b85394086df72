import type { Kysely, Transaction } from 'kysely'
import type { Change } from '../gateway/change.ts'
import type { Instant, Revision, Username } from '../gateway/names.ts'
import type { ChangeLog } from '../gateway/ports.ts'
import type { Database } from './database.ts'
import { type Placeholder, prepare } from './prepare.ts'
import { newestIn } from './revision.ts'
import type { Schema } from './schema.ts'

type ChangeRow = Schema['changes']

/** Whoever is further behind is told to forget all. */
const mostChanges = 10_000

/** How long changes are kept, in milliseconds: longer than any verdict lives. */
const keptFor = 7 * 24 * 60 * 60 * 1000

/** The changes of the store. */
export function createChangeLog(database: Database): ChangeLog {
  const { reading } = database
  const readNewest = prepare(reading, () => reading.selectFrom('revision').select('newest'))
  const readSince = prepareSince(reading)

  return {
    pulse: () => database.pulse(),
    async revision() {
      return newestIn(await readNewest({}))
    },
    async since(revision) {
      const rows = await readSince({ revision })
      const changes = rows.flatMap(row => (row.revision === null ? [] : [changeIn(row)]))
      // Each change takes exactly the next revision: any other count means that some were pruned, that there
      // are too many, or that an older state of the store has been restored.
      return changes.length === newestIn(rows) - revision ? changes : 'gap'
    },
  }
}

/** One row even if nothing has changed, for the revision. */
type Logged = { readonly newest: Revision } & (ChangeRow | { readonly revision: null })

function prepareSince(db: Kysely<Schema>) {
  return prepare(db, (value: Placeholder<{ revision: Revision }>) =>
    db
      .selectFrom('revision')
      .leftJoin('changes', join => join.on('changes.revision', '>', value('revision')))
      .select(['newest', 'revision', 'at', 'actor', 'action', 'account', 'scope', 'usernames'])
      .orderBy('revision')
      .limit(mostChanges)
      // A left join finds all columns or none; the type that is inferred allows each of them to be missing.
      .$castTo<Logged>(),
  )
}

/** Forgets the oldest changes; `since` notices. Throws `Outage`. */
export async function pruneChanges(db: Transaction<Schema>, now: Instant): Promise<void> {
  await db
    .deleteFrom('changes')
    .where('at', '<', now - keptFor)
    .execute()
}

/** A change as it is kept in the log. */
export function rowOf({ account, scope, usernames, ...change }: Change): ChangeRow {
  return {
    ...change,
    account: account ?? null,
    scope: scope ?? null,
    usernames: JSON.stringify(usernames),
  }
}

function changeIn({ revision, at, actor, action, account, scope, usernames }: ChangeRow): Change {
  return {
    revision,
    at,
    actor,
    action,
    ...(account !== null && { account }),
    ...(scope !== null && { scope }),
    // `rowOf` wrote it.
    usernames: JSON.parse(usernames) as readonly Username[],
  }
}
