import { type Kysely, sql, type SqlBool, type Transaction } from 'kysely'
import type { Instant, PasswordId, Subject } from '../gateway/names.ts'
import { noPassword } from '../gateway/ports.ts'
import type { CountedUse, ToolUse, ToolUseKey, ToolUses } from '../gateway/tool-uses.ts'
import type { Database, Schema } from './database.ts'
import type { Tables } from './first-migrations.ts'

/** Rows that are written by one statement. */
const batchSize = 1000

/** Milliseconds between two prunings by this process. */
const pruning = 10 * 60 * 1000

/** Rows removed at once: SQLite blocks this process meanwhile. */
const mostPruned = 2000

/** Rows that are kept in all, and of one user on one account: a tool that calls itself otherwise each time fills no store. */
const mostKept = 200_000
const mostOfUser = 200

/** No text is missing in a key: `null` is never equal to itself. */
const none = ''

export async function makeToolUseTable(db: Tables): Promise<void> {
  await db.schema
    .createTable('tool_uses')
    // Without a foreign key, as in `account_uses`.
    .addColumn('account', 'text', column => column.notNull())
    .addColumn('subject', 'text', column => column.notNull().references('credentials.subject'))
    .addColumn('password', 'text', column => column.notNull())
    .addColumn('tool', 'text', column => column.notNull())
    .addColumn('network', 'text', column => column.notNull())
    .addColumn('path', 'text', column => column.notNull())
    .addColumn('first_at', 'bigint', column => column.notNull())
    .addColumn('last_at', 'bigint', column => column.notNull())
    .addColumn('requests', 'bigint', column => column.notNull())
    .addPrimaryKeyConstraint('tool_uses_key', [...key])
    .execute()
  await db.schema.createIndex('tool_uses_last').on('tool_uses').column('last_at').execute()
  await db.schema.createIndex('tool_uses_subject').on('tool_uses').column('subject').execute()
}

const key = ['account', 'subject', 'password', 'tool', 'network', 'path'] as const

export function createToolUses({ reading, writing }: Database, now: () => Instant): ToolUses {
  let prunedAt = -Infinity

  async function prune(db: Transaction<Schema>, uses: readonly CountedUse[], keptMs: number): Promise<void> {
    await trim(db, [...new Set(uses.map(({ subject }) => subject))])
    const surplus = await db
      .selectFrom('tool_uses')
      .select('last_at')
      .orderBy('last_at', 'desc')
      .offset(mostKept)
      .limit(1)
      .executeTakeFirst()
    const before = Math.max(now() - keptMs, surplus === undefined ? 0 : surplus.last_at + 1)
    const keys = sql.join(key.map(column => sql.ref(column)))
    const { numAffectedRows = 0n } = await sql`
      delete from tool_uses where (${keys}) in (
        select ${keys} from tool_uses where last_at < cast(${before} as bigint) limit ${sql.lit(mostPruned)})`.execute(
      db,
    )
    if (numAffectedRows < mostPruned) prunedAt = now()
  }

  return {
    async record(uses, keptMs) {
      const isDue = now() >= prunedAt + pruning
      if (uses.length === 0 && !isDue) return
      await writing.transaction().execute(async db => {
        // As for last uses: two transactions that lock many rows in different orders could deadlock.
        await db
          .updateTable('revision')
          .set(row => ({ newest: row.ref('newest') }))
          .execute()
        for (let at = 0; at < uses.length; at += batchSize) await write(db, uses.slice(at, at + batchSize))
        if (isDue) await prune(db, uses, keptMs)
      })
    },

    async list({ account, since }) {
      const rows = await usesIn(reading, { account, since })
        .orderBy('last_at', 'desc')
        .orderBy('username')
        .orderBy('tool')
        .orderBy('network')
        .execute()
      return rows.map(useOf)
    },

    async page({ after, most, ...filter }) {
      let query = usesIn(reading, filter)
      const keys = sql.join(key.map(column => sql.ref(`tool_uses.${column}`)))
      if (after !== undefined) {
        const { account, subject, password = none, tool = none, network, path } = after
        const place = sql.join([account, subject, password, tool, network, path])
        query = query.where(sql<SqlBool>`(${keys}) > (${place})`)
      }
      for (const column of key) query = query.orderBy(`tool_uses.${column}`)
      const rows = await query.limit(most + 1).execute()
      const last = rows.length > most ? rows[most - 1] : undefined
      return { uses: rows.slice(0, most).map(useOf), ...(last && { next: keyOf(last) }) }
    },
  }
}

type Filter = Parameters<ToolUses['list']>[0]

/** What is known of each use that is meant. */
function usesIn(reading: Kysely<Schema>, { account, since }: Filter) {
  let query = reading
    .selectFrom('tool_uses')
    .innerJoin('credentials', 'credentials.subject', 'tool_uses.subject')
    .leftJoin('passwords', join =>
      join
        .onRef('passwords.subject', '=', 'tool_uses.subject')
        .onRef('passwords.id', '=', sql.ref<PasswordId>('tool_uses.password')),
    )
    .select([
      'account',
      'tool_uses.subject',
      'scope',
      'username',
      'password',
      'tool',
      'network',
      'path',
      'first_at',
      'last_at',
      'requests',
      'credentials.set_at as chosen_at',
      'credentials.hash',
      'passwords.set_at as made_at',
      'passwords.name',
    ])
  if (account !== undefined) query = query.where('account', '=', account)
  if (since !== undefined) query = query.where('last_at', '>=', since)
  return query
}

type UseRow = Awaited<ReturnType<ReturnType<typeof usesIn>['execute']>>[number]

function useOf(row: UseRow): ToolUse {
  return {
    account: row.account,
    scope: row.scope,
    username: row.username,
    password: passwordIn(row),
    ...(row.tool !== none && { tool: row.tool }),
    network: row.network,
    path: row.path,
    firstAt: row.first_at,
    lastAt: row.last_at,
    requests: row.requests,
  }
}

function keyOf({ account, subject, password, tool, network, path }: UseRow): ToolUseKey {
  return {
    account,
    subject,
    ...(password !== none && { password: password as PasswordId }),
    ...(tool !== none && { tool }),
    network,
    path,
  }
}

interface PasswordRow {
  readonly password: string
  readonly hash: Schema['credentials']['hash']
  readonly chosen_at: Instant
  readonly made_at: Instant | null
  readonly name: string | null
}

function passwordIn({ password, hash, chosen_at, made_at, name }: PasswordRow): ToolUse['password'] {
  // The chosen password may have been replaced by generated ones since.
  if (password === none) return { generated: false, ...(hash !== noPassword && { setAt: chosen_at }) }
  return { generated: true, ...(name !== null && { name }), ...(made_at !== null && { setAt: made_at }) }
}

/** `where true`: without it SQLite would parse `on conflict` as a condition of the join. */
async function write(db: Transaction<Schema>, uses: readonly CountedUse[]): Promise<void> {
  const rows = uses.map(
    ({ account, subject, password = none, tool = none, network, path, firstAt, lastAt, requests }) =>
      sql`(${account}, ${subject}, ${password}, ${tool}, ${network}, ${path}, cast(${firstAt} as bigint), cast(${lastAt} as bigint), cast(${requests} as bigint))`,
  )
  await sql`
    insert into tool_uses (account, subject, password, tool, network, path, first_at, last_at, requests)
    select used.column1, credentials.subject, used.column3, used.column4, used.column5, used.column6,
      used.column7, used.column8, used.column9
    from (values ${sql.join(rows)}) as used
    join credentials on credentials.subject = used.column2
    where true
    on conflict (account, subject, password, tool, network, path) do update set
      requests = tool_uses.requests + excluded.requests,
      first_at = case when excluded.first_at < tool_uses.first_at then excluded.first_at else tool_uses.first_at end,
      last_at = case when excluded.last_at > tool_uses.last_at then excluded.last_at else tool_uses.last_at end`.execute(
    db,
  )
}

/** Keeps the newest rows of each of these users. */
async function trim(db: Transaction<Schema>, subjects: readonly Subject[]): Promise<void> {
  const keys = sql.join(key.map(column => sql.ref(column)))
  for (let at = 0; at < subjects.length; at += batchSize)
    await sql`
      delete from tool_uses where (${keys}) in (
        select ${keys} from (
          select ${keys}, row_number() over (partition by account, subject order by last_at desc) as place
          from tool_uses where subject in (${sql.join(subjects.slice(at, at + batchSize))})
        ) as ranked where place > ${sql.lit(mostOfUser)})`.execute(db)
}
