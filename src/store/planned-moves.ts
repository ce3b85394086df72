import type { Transaction } from 'kysely'
import { scopeOf } from '../gateway/account.ts'
import type { MoveNotices, MoveRegistry, MovingUser } from '../gateway/moves.ts'
import type { Scope } from '../gateway/names.ts'
import { connectionTo, recordsOf } from './account-registry.ts'
import type { MakeChange } from './change.ts'
import type { Database, Schema } from './database.ts'
import type { Tables } from './first-migrations.ts'
import { directoryOf } from './rows.ts'

/** Moves that are known ahead, and who was told of them. */
export async function makeMoveTables(db: Tables): Promise<void> {
  await db.schema
    .createTable('planned_moves')
    .addColumn('account', 'text', column => column.primaryKey().references('accounts.name'))
    .addColumn('directory', 'text', column => column.references('directories.id'))
    .addColumn('day', 'text', column => column.notNull())
    .addColumn('since', 'bigint', column => column.notNull())
    .addColumn('actor', 'text', column => column.notNull())
    .execute()
  await db.schema
    .createTable('move_notices')
    .addColumn('account', 'text', column => column.notNull().references('accounts.name'))
    .addColumn('subject', 'text', column => column.notNull().references('credentials.subject'))
    .addColumn('told_on', 'text', column => column.notNull())
    .addPrimaryKeyConstraint('move_notices_key', ['account', 'subject'])
    .execute()
}

/** Plans of moves. A plan is dropped where a connection is written: whatever moves the account ends it. */
export function createMovePlans(makeChange: MakeChange): Pick<MoveRegistry, 'planMove' | 'cancelMove'> {
  return {
    planMove: (actor, name, to, on) =>
      makeChange({ actor, action: 'move-planned' }, async (db, { at }) => {
        const [known] = await recordsOf(db, name)
        if (known === undefined) return { problem: 'no-such-account', name }
        const directory = directoryOf(to)
        const connection = await connectionTo(db, directory ?? undefined)
        if ('problem' in connection) return connection
        if (scopeOf(known.connection) === to) return { problem: 'already-connected', name, connection }
        const { planned } = known
        if (planned !== undefined && planned.on === on && scopeOf(planned.to) === to)
          return { problem: 'planned-already', name, to: connection, on }
        const row = { directory, day: on, actor }
        await db
          .insertInto('planned_moves')
          .values({ account: name, since: at, ...row })
          .onConflict(conflict => conflict.column('account').doUpdateSet(row))
          .execute()
        const effect = { account: name, scope: to, usernames: [] }
        return planned === undefined ? effect : { ...effect, action: 'move-plan-changed' as const }
      }),

    cancelMove: (actor, name) =>
      makeChange({ actor, action: 'move-plan-cancelled' }, async db => {
        const [known] = await recordsOf(db, name)
        if (known === undefined) return { problem: 'no-such-account', name }
        const { planned } = known
        if (planned === undefined) return { problem: 'no-planned-move', name }
        await db.deleteFrom('planned_moves').where('account', '=', name).execute()
        return { account: name, scope: scopeOf(planned.to), usernames: [] }
      }),
  }
}

/** Who is told of planned moves. */
export function createMoveNotices({ writing }: Database): MoveNotices {
  return {
    take: (user, to, today) =>
      writing.transaction().execute(async db => {
        if (await isReady(db, user, to)) return 'ready'
        const { account, subject } = user
        const taken = await db
          .insertInto('move_notices')
          .columns(['account', 'subject', 'told_on'])
          // From the tables, so that an account or credential that was just removed is no error.
          .expression(
            db
              .selectFrom('accounts')
              .innerJoin('credentials', join => join.on('credentials.subject', '=', subject))
              .select(is => ['accounts.name', 'credentials.subject', is.val(today).as('told_on')])
              .where('accounts.name', '=', account),
          )
          .onConflict(conflict =>
            conflict
              .columns(['account', 'subject'])
              .doUpdateSet({ told_on: today })
              .where('move_notices.told_on', '<', today),
          )
          .returning('subject')
          .executeTakeFirst()
        return taken === undefined ? 'told' : 'due'
      }),

    async giveBack({ account, subject }, today) {
      await writing.transaction().execute(async db => {
        await db
          .deleteFrom('move_notices')
          .where('account', '=', account)
          .where('subject', '=', subject)
          .where('told_on', '=', today)
          .execute()
      })
    },
  }
}

/** As `move plan` sees it: a link decides; without one, the same user name does. */
async function isReady(db: Transaction<Schema>, { scope, subject }: MovingUser, to: Scope): Promise<boolean> {
  const user = await db
    .selectFrom('credentials')
    .leftJoin('links', join =>
      join
        .on('links.scope', '=', scope)
        .onRef('links.owner', '=', 'credentials.owner')
        .on('links.other_scope', '=', to),
    )
    .select(['username', 'other_owner'])
    .where('subject', '=', subject)
    .executeTakeFirst()
  if (user === undefined) return true // removed since it was allowed
  const there = await db
    .selectFrom('credentials')
    .select('subject')
    .where('scope', '=', to)
    .where('enabled', '=', 1)
    .where(is =>
      user.other_owner === null ? is('username', '=', user.username) : is('owner', '=', user.other_owner),
    )
    .executeTakeFirst()
  return there !== undefined
}
