import { randomBytes } from 'node:crypto'
import {
  type ControlledTransaction,
  type Insertable,
  type Kysely,
  type RawBuilder,
  type Selectable,
  sql,
  type SqlBool,
  type Transaction,
} from 'kysely'
import { type Change, type History, type Moment, numberOf } from '../gateway/history.ts'
import type { AccountName, Instant, Revision, Username } from '../gateway/names.ts'
import { InDoubt, Outage } from '../gateway/outage.ts'
import type { Announce, ChangeHistory, ChangeLog, Gateways } from '../gateway/ports.ts'
import { type Database, type Placeholder, prepare, type Schema } from './database.ts'

/** The revision, time and actor of every row that a change writes. */
export interface Stamp extends Pick<Change, 'at' | 'actor'> {
  /** The store's number of the change. */
  readonly revision: number
}

/** What a change is about. `action`: if it turned out to be another one than was meant. */
export type Effect = Pick<Change, 'account' | 'accounts' | 'scope' | 'usernames'> &
  Partial<Pick<Change, 'action'>>

/** Why nothing is changed: for the registry one of `Problem`. */
interface Obstacle {
  readonly problem: string
}

/** Checks and writes; a problem undoes what it has written. */
type Work<Outcome extends Effect | Obstacle> = (db: Transaction<Schema>, stamp: Stamp) => Promise<Outcome>

/** Makes a change; `undefined` when it is committed and in force in every process, else a problem that `work` has found. */
export type MakeChange = <Outcome extends Effect | Obstacle>(
  who: Pick<Change, 'actor' | 'action'>,
  work: Work<Outcome>,
) => Promise<Extract<Outcome, Obstacle> | undefined>

interface ChangeParts {
  readonly history: History
  readonly gateways: Pick<Gateways, 'settle'>
  readonly announce: Announce
  /** Called with the seconds until a change was in force everywhere, unless it affects no verdict. */
  readonly took: (seconds: number) => void
  readonly now: () => Instant
}

/**
 * Every change is one transaction in this order: lock the counter, so that revisions are committed in the order in which
 * they were taken; check and write; announce; commit. Committing before announcing would leave the old verdict in use
 * after a crash in between. An error of `announce` undoes the change and is rethrown. After the commit this waits for the
 * processes that read the log instead of receiving announcements.
 */
export function createMakeChange(database: Database, parts: ChangeParts): MakeChange {
  const { history, gateways, announce, took, now } = parts
  return async <Outcome extends Effect | Obstacle>(
    { actor, action }: Pick<Change, 'actor' | 'action'>,
    work: Work<Outcome>,
  ) => {
    const transaction = await database.writing.startTransaction().execute()
    try {
      const { moment, before } = await takeMoment(transaction)
      const { number } = moment
      // Throws if it is another store: a process that started with the previous one must not change this one.
      const revision = (history.saw({ ...moment, number: number - 1, token: before }) + 1) as Revision
      const stamp = { revision: number, at: now(), actor }
      const outcome = await work(transaction, stamp)
      if ('problem' in outcome) return outcome as Extract<Outcome, Obstacle>
      const effect: Effect = outcome
      const change = { ...stamp, revision, action, ...effect }
      await transaction.insertInto('changes').values(rowOf(change, moment)).execute()
      const started = performance.now()
      await announce(change, moment, before)
      await commit(database, transaction, moment)
      await gateways.settle(number)
      if (affectsRequests(effect)) took((performance.now() - started) / 1000)
      return undefined
    } finally {
      // If it cannot be rolled back, the connection is gone and the change with it. The first error says more.
      if (!transaction.isCommitted && !transaction.isRolledBack)
        await transaction
          .rollback()
          .execute()
          .catch(() => {})
    }
  }
}

function affectsRequests({ account, accounts = [], usernames }: Effect): boolean {
  return account !== undefined || accounts.length > 0 || usernames.length > 0
}

/** Throws `Outage` if it was certainly not committed, and `InDoubt` if that is unknown. */
async function commit(
  database: Database,
  transaction: ControlledTransaction<Schema>,
  moment: Moment,
): Promise<void> {
  try {
    await transaction.commit().execute()
  } catch (failure) {
    // SQLite may have left it open; PostgreSQL's connection is gone, so there the rollback fails.
    await transaction
      .rollback()
      .execute()
      .catch(() => {})
    const isMade = await lookFor(database, moment).catch(() => {
      throw new InDoubt('perhaps', failure)
    })
    if (!isMade) throw failure
  }
}

/** Whether exactly this change is in the log. Throws `Outage`. If the server still has the transaction, its lock makes this wait. */
export async function lookFor({ writing }: Database, { number, token }: Moment): Promise<boolean> {
  return await writing.transaction().execute(async db => {
    await db
      .updateTable('revision')
      .set(row => ({ newest: row.ref('newest') }))
      .execute()
    const found = await db
      .selectFrom('changes')
      .select('token')
      .where('revision', '=', number)
      .executeTakeFirst()
    return found?.token === token
  })
}

/** The next number with a new token, and the token of the previous change. */
async function takeMoment(db: Transaction<Schema>): Promise<{ moment: Moment; before: string }> {
  const { newest, token, store } = await db
    .updateTable('revision')
    .set({ newest: sql<number>`newest + 1` })
    .returning(['newest', 'token', 'store'])
    .executeTakeFirstOrThrow()
  const moment = { store, number: newest, token: randomBytes(12).toString('base64url') }
  await db.updateTable('revision').set({ token: moment.token }).execute()
  return { moment, before: token }
}

export type ChangeRow = Selectable<Schema['changes']>

/** A process that is further behind forgets everything. */
const mostChanges = 10_000

/** Milliseconds for which changes are kept: longer than any verdict lives. */
const keptFor = 7 * 24 * 60 * 60 * 1000

/** The changes of the store. */
export function createChangeLog(database: Database, history: History): ChangeLog & ChangeHistory {
  const { watching } = database
  const readNewest = prepare(watching, () => watching.selectFrom('revision').select(momentColumns))
  const readSince = prepareSince(watching)

  return {
    dataVersion: () => database.dataVersion(),
    async revision() {
      return newestIn(await readNewest({}), history)
    },
    async list({ account, user, since, most }) {
      let query = watching.selectFrom('changes').selectAll().orderBy('revision', 'desc').limit(most)
      if (account !== undefined)
        query = query.where(is =>
          is.or([is('account', '=', account), has('accounts', JSON.stringify(account))]),
        )
      if (since !== undefined) query = query.where('at', '>=', since)
      // The names are a JSON array: each is in it as it is in a JSON text.
      if (user !== undefined) query = query.where(has('usernames', JSON.stringify(user)))
      const rows = await query.execute()
      return rows.map(row => ({ ...changeIn(row), revision: row.revision as Revision })).reverse()
    },
    async since(revision) {
      const number = numberOf(revision)
      const rows = await readSince({ number })
      const now = momentIn(rows)
      if (!history.isPresent(revision)) return 'gap'
      if (hasGoneBack(rows, history.momentOf(revision), number) || wasRestored(rows, number)) {
        history.turn()
        return 'gap'
      }
      newestIn(rows, history)
      const logged = rows.flatMap(row => (row.revision === null || row.revision === number ? [] : [row]))
      // Numbers are consecutive: any other count means that some changes were pruned, or that there are too many.
      if (logged.length !== now.number - number || logged.length > mostChanges) return 'gap'
      return logged.map(row => {
        const seen = { store: now.store, number: row.revision, token: row.token }
        return { ...changeIn(row), revision: history.saw(seen) }
      })
    },
  }
}

/** Whether a text occurs in the names of a change, `%` and `_` as they are. */
function has(column: 'usernames' | 'accounts', text: string): RawBuilder<SqlBool> {
  const pattern = `%${text.replace(/[\\%_]/g, each => `\\${each}`)}%`
  return sql<SqlBool>`${sql.ref(column)} like ${pattern} escape '\\'`
}

/** Whether the change seen last is no longer the one with its number. Cannot be told if it was pruned. */
function hasGoneBack(rows: readonly Logged[], last: Moment | undefined, number: number): boolean {
  const now = momentIn(rows)
  if (now.number < number) return true
  if (last === undefined || number === 0) return false
  const token = rows.find(row => row.revision === number)?.token
  return (token ?? (now.number === number ? now.token : undefined)) !== last.token
}

/** Since that change. What was read meanwhile is void, too: it was judged with the keys of before. */
function wasRestored(rows: readonly Logged[], number: number): boolean {
  return rows.some(row => row.revision !== null && row.revision > number && row.action === 'store-restored')
}

/** There is one row even if nothing has changed, for the revision. */
type Logged = Seen & (ChangeRow | { readonly revision: null; readonly token: null })

/** The columns of a row of the log, beside those of the revision's row. */
export const changeColumns = [
  'revision',
  'changes.token as token',
  'changes.at as at',
  'actor',
  'action',
  'account',
  'accounts',
  'scope',
  'usernames',
] as const

function prepareSince(db: Kysely<Schema>) {
  return prepare(db, (value: Placeholder<{ number: number }>) =>
    db
      .selectFrom('revision')
      .leftJoin('changes', join => join.on('changes.revision', '>=', value('number')))
      .select([...momentColumns, ...changeColumns])
      .orderBy('revision')
      .limit(mostChanges + 1)
      // A left join finds all columns or none; the type that is inferred allows each of them to be missing.
      .$castTo<Logged>(),
  )
}

/** Deletes the oldest changes, which `since` detects. Throws `Outage`. */
export async function pruneChanges(db: Transaction<Schema>, now: Instant): Promise<void> {
  await db
    .deleteFrom('changes')
    .where('at', '<', now - keptFor)
    .execute()
}

/** A change as a row of the log. */
function rowOf(
  { account, accounts, scope, usernames, ...change }: Omit<Change, 'revision'>,
  { number, token }: Moment,
): Insertable<Schema['changes']> {
  return {
    ...change,
    revision: number,
    token,
    account: account ?? null,
    accounts: accounts === undefined ? null : JSON.stringify(accounts),
    scope: scope ?? null,
    usernames: JSON.stringify(usernames),
  }
}

/** The change in a row of the log. */
export function changeIn({
  at,
  actor,
  action,
  account,
  accounts,
  scope,
  usernames,
}: ChangeRow): Omit<Change, 'revision'> {
  return {
    at,
    actor,
    action,
    ...(account !== null && { account }),
    ...(scope !== null && { scope }),
    // `rowOf` wrote both.
    ...(accounts !== null && { accounts: JSON.parse(accounts) as readonly AccountName[] }),
    usernames: JSON.parse(usernames) as readonly Username[],
  }
}

/** The columns of the revision's row, part of every row of a read. */
export const momentColumns = ['newest', 'revision.token as newest_token', 'store'] as const

/** The state of the store that a statement saw. */
export interface Seen {
  readonly newest: number
  readonly newest_token: string
  readonly store: string
}

/** The revision that a statement saw: it is in every row, and there is always one row. Throws `Outage`. */
export function newestIn(rows: readonly Seen[], history: Pick<History, 'saw'>): Revision {
  return history.saw(momentIn(rows))
}

/** Throws `Outage`. */
function momentIn([first]: readonly Seen[]): Moment {
  if (first === undefined) throw new Outage('store', new Error('the store has lost its revision row'))
  return { store: first.store, number: first.newest, token: first.newest_token }
}
