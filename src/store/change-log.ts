import type { Insertable, Kysely, Selectable, Transaction } from 'kysely'
import { type Change, type History, type Moment, numberOf } from '../gateway/history.ts'
import type { Instant, Username } from '../gateway/names.ts'
import type { ChangeLog } from '../gateway/ports.ts'
import type { Database } from './database.ts'
import { type Placeholder, prepare } from './prepare.ts'
import { momentColumns, momentIn, newestIn, type Seen } from './revision.ts'
import type { Schema } from './schema.ts'

type ChangeRow = Selectable<Schema['changes']>

/** Whoever is further behind is told to forget all. */
const mostChanges = 10_000

/** How long changes are kept, in milliseconds: longer than any verdict lives. */
const keptFor = 7 * 24 * 60 * 60 * 1000

/** The changes of the store. */
export function createChangeLog(database: Database, history: History): ChangeLog {
  const { watching } = database
  const readNewest = prepare(watching, () => watching.selectFrom('revision').select(momentColumns))
  const readSince = prepareSince(watching)

  return {
    pulse: () => database.pulse(),
    async revision() {
      return newestIn(await readNewest({}), history)
    },
    async since(revision) {
      const number = numberOf(revision)
      const rows = await readSince({ number })
      const now = momentIn(rows)
      if (!history.isPresent(revision)) return 'gap'
      if (hasGoneBack(rows, history.momentOf(revision), number)) {
        history.turn()
        return 'gap'
      }
      newestIn(rows, history)
      const logged = rows.flatMap(row => (row.revision === null || row.revision === number ? [] : [row]))
      // Each change takes exactly the next number: any other count means that some were pruned, or that there are
      // too many.
      if (logged.length !== now.number - number || logged.length > mostChanges) return 'gap'
      return logged.map(row => {
        const seen = { store: now.store, number: row.revision, token: row.token }
        return { ...changeIn(row), revision: history.saw(seen) }
      })
    },
  }
}

/** Whether the change that was seen last is no longer the one of its number. Where it was pruned, nobody can tell. */
function hasGoneBack(rows: readonly Logged[], last: Moment | undefined, number: number): boolean {
  const now = momentIn(rows)
  if (now.number < number) return true
  if (last === undefined || number === 0) return false
  const token = rows.find(row => row.revision === number)?.token
  return (token ?? (now.number === number ? now.token : undefined)) !== last.token
}

/** One row even if nothing has changed, for the revision. */
type Logged = Seen & (ChangeRow | { readonly revision: null; readonly token: null })

function prepareSince(db: Kysely<Schema>) {
  return prepare(db, (value: Placeholder<{ number: number }>) =>
    db
      .selectFrom('revision')
      .leftJoin('changes', join => join.on('changes.revision', '>=', value('number')))
      .select([
        ...momentColumns,
        'revision',
        'changes.token as token',
        'at',
        'actor',
        'action',
        'account',
        'scope',
        'usernames',
      ])
      .orderBy('revision')
      .limit(mostChanges + 1)
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
export function rowOf(
  { account, scope, usernames, ...change }: Omit<Change, 'revision'>,
  { number, token }: Moment,
): Insertable<Schema['changes']> {
  return {
    ...change,
    revision: number,
    token,
    account: account ?? null,
    scope: scope ?? null,
    usernames: JSON.stringify(usernames),
  }
}

function changeIn({ at, actor, action, account, scope, usernames }: ChangeRow): Omit<Change, 'revision'> {
  return {
    at,
    actor,
    action,
    ...(account !== null && { account }),
    ...(scope !== null && { scope }),
    // `rowOf` wrote it.
    usernames: JSON.parse(usernames) as readonly Username[],
  }
}
