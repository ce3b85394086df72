import { randomBytes } from 'node:crypto'
import { type Kysely, sql, type Transaction } from 'kysely'
import type { PasswordMac } from '../gateway/generated-password.ts'
import type { Key, KeyKeeper, KeyName, KeyRecord, KeyRing } from '../gateway/key-ring.ts'
import type { Instant, Username } from '../gateway/names.ts'
import { Outage } from '../gateway/outage.ts'
import type { MakeChange } from './change.ts'
import type { Database, Schema } from './database.ts'
import type { Tables } from './first-migrations.ts'

type KeyRow = Schema['keys']

/** The keys of the store, as this process knows them. */
export interface KeyRings {
  /** The ring of that name, with a first key if there was none. Throws `Outage`. */
  ring(name: KeyName): Promise<KeyRing>
  /** Reads the keys anew, for all rings that were given out. Throws `Outage`. */
  refresh(): Promise<void>
}

export function createKeyRings({ reading, writing }: Database, now: () => Instant): KeyRings {
  const rings = new Map<KeyName, { current: Key; all: readonly Key[] }>()

  async function load(name: KeyName): Promise<readonly KeyRow[]> {
    const rows = await rowsOf(reading, name)
    if (rows.length > 0) return rows
    return await writing.transaction().execute(async db => {
      const bytes = randomBytes(32).toString('base64')
      const at = now()
      await db
        .insertInto('keys')
        .values({ name, id: 1, bytes, made_at: at, used_from: at })
        .onConflict(conflict => conflict.doNothing())
        .execute()
      return await rowsOf(db, name)
    })
  }

  return {
    async ring(name) {
      const known = rings.get(name)
      if (known !== undefined) return known
      const rows = await load(name)
      const ring = rings.get(name) ?? ringIn(rows)
      rings.set(name, ring)
      return ring
    },
    async refresh() {
      for (const [name, ring] of rings) {
        const { current, all } = ringIn(await load(name), ring.all)
        if (current !== ring.current) ring.current = current
        if (all.length !== ring.all.length || all.some((key, at) => key !== ring.all[at])) ring.all = all
      }
    },
  }
}

/** `known`: the same key stays the same object, because much is derived from it. */
function ringIn(rows: readonly KeyRow[], known: readonly Key[] = []): { current: Key; all: readonly Key[] } {
  const all = rows.map(({ id, bytes: text }) => {
    const bytes = Buffer.from(text, 'base64')
    return known.find(key => key.id === id && bytes.equals(key.bytes)) ?? { id, bytes }
  })
  const { id } = currentOf(rows)
  const current = all.find(key => key.id === id)
  if (current === undefined) throw new Error('a key that was read is not in its ring')
  return { current, all }
}

/** The newest that is in use. */
function currentOf(rows: readonly KeyRow[]): KeyRow {
  const [first] = rows
  if (first === undefined) throw new Outage('store', new Error('the store has lost a key'))
  return rows.findLast(row => row.used_from !== null) ?? first
}

function rowsOf(db: Kysely<Schema>, name: KeyName): Promise<KeyRow[]> {
  return db.selectFrom('keys').selectAll().where('name', '=', name).orderBy('id').execute()
}

/** A password was made with a key that has been retired since this process read its keys. Nothing was changed. */
export class KeyRetired extends Outage {
  constructor() {
    super('store', new Error('the key of what was generated has just been retired; try again'))
  }
}

/** In the transaction that writes them: generated passwords without their key would be refused. Throws `KeyRetired`. */
export async function insistOnKeys(
  db: Transaction<Schema>,
  macs: readonly PasswordMac[],
  name: 'passwords' | 'api-tokens' = 'passwords',
): Promise<void> {
  if (macs.length === 0) return
  const ids = (await rowsOf(db, name)).map(({ id }) => `${id}`)
  if (ids.length > 0 && !macs.every(mac => ids.includes(mac.slice(0, mac.indexOf(':')))))
    throw new KeyRetired()
}

interface KeeperParts {
  readonly reading: Kysely<Schema>
  readonly makeChange: MakeChange
  readonly now: () => Instant
}

/** For `altgate keys`. */
export function createKeyKeeper({ reading, makeChange, now }: KeeperParts): KeyKeeper {
  type Work = (db: Transaction<Schema>, at: Instant) => Promise<'nothing' | undefined>

  /** `false`: there was nothing to do. */
  async function change(
    actor: string,
    action: 'keys-changed' | 'keys-retired',
    what: () => string,
    work: Work,
  ): Promise<boolean> {
    const obstacle = await makeChange(
      { actor, action },
      async (db, { at }) =>
        (await work(db, at)) === 'nothing'
          ? { problem: 'nothing' as const }
          : { usernames: [what() as Username] }, // for the history, as the names of tokens
    )
    return obstacle === undefined
  }

  return {
    async list() {
      const rows = await reading.selectFrom('keys').selectAll().orderBy('name').orderBy('id').execute()
      const byName = Map.groupBy(rows, row => row.name)
      return await Promise.all(
        rows.map(async row => ({
          ...recordOf(row, byName.get(row.name) ?? []),
          ...(await needing(reading, row, now())),
        })),
      )
    },
    async add(actor, name) {
      let id = 0
      const what = () => `${name} key ${id} added`
      await change(actor, 'keys-changed', what, async (db, at) => {
        const rows = await rowsOf(db, name)
        const waiting = rows.find(row => row.id > currentOf(rows).id)
        id = waiting?.id ?? Math.max(0, ...rows.map(row => row.id)) + 1
        if (waiting !== undefined) return 'nothing'
        const bytes = randomBytes(32).toString('base64')
        await db.insertInto('keys').values({ name, id, bytes, made_at: at, used_from: null }).execute()
        return undefined
      })
      return id
    },
    async use(actor, name, id) {
      const what = () => `${name} key ${id} in use`
      await change(actor, 'keys-changed', what, async (db, at) => {
        await db
          .updateTable('keys')
          .set({ used_from: at })
          .where('name', '=', name)
          .where('id', '=', id)
          .where('used_from', 'is', null)
          .execute()
        return undefined
      })
    },
    retire: (actor, name, id) =>
      change(
        actor,
        'keys-retired',
        () => `${name} key ${id}`,
        async (db, at) => {
          const rows = await rowsOf(db, name)
          if (!rows.some(row => row.id === id) || id >= currentOf(rows).id) return 'nothing'
          await db.deleteFrom('keys').where('name', '=', name).where('id', '=', id).execute()
          if (name === 'api-tokens')
            await db
              .deleteFrom('api_tokens')
              .where('mac', 'like', `${id}:%` as PasswordMac)
              .execute()
          if (name !== 'passwords') return undefined
          await db
            .updateTable('passwords')
            .set({ revoked_at: at })
            .where('revoked_at', 'is', null)
            .where('mac', 'like', `${id}:%` as PasswordMac)
            .execute()
          return undefined
        },
      ),
  }
}

function recordOf(row: KeyRow, all: readonly KeyRow[]): KeyRecord {
  const current = currentOf(all).id
  return {
    name: row.name,
    id: row.id,
    use: row.id === current ? 'current' : row.id > current ? 'waiting' : 'former',
    ...(row.made_at > 0 && { madeAt: row.made_at }),
    ...(row.used_from && { usedFrom: row.used_from }),
  }
}

/** How many generated passwords or tokens would end without this key. */
async function needing(
  db: Kysely<Schema>,
  { name, id }: KeyRow,
  at: Instant,
): Promise<Pick<KeyRecord, 'passwords' | 'tokens'>> {
  if (name === 'api-tokens') return { tokens: await tokensOf(db, id, at) }
  if (name !== 'passwords') return {}
  const { count } = await db
    .selectFrom('passwords')
    .select(sql<number>`cast(count(*) as bigint)`.as('count'))
    .where('mac', 'like', `${id}:%` as PasswordMac)
    .where('revoked_at', 'is', null)
    .where(is => is.or([is('ends_at', 'is', null), is('ends_at', '>', at)]))
    .executeTakeFirstOrThrow()
  return { passwords: count }
}

async function tokensOf(db: Kysely<Schema>, id: number, at: Instant): Promise<number> {
  const { count } = await db
    .selectFrom('api_tokens')
    .select(sql<number>`cast(count(*) as bigint)`.as('count'))
    .where('mac', 'like', `${id}:%` as PasswordMac)
    .where(is => is.or([is('ends_at', 'is', null), is('ends_at', '>', at)]))
    .executeTakeFirstOrThrow()
  return count
}

/** Several keys for each use. What names users and passwords inside gateways gets a key of its own, which stays. */
export async function makeKeyRings(db: Tables): Promise<void> {
  const { rows } = await sql<{ name: string; bytes: string }>`select name, bytes from keys`.execute(db)
  await db.schema.dropTable('keys').execute()
  await db.schema
    .createTable('keys')
    .addColumn('name', 'text', column => column.notNull())
    .addColumn('id', 'integer', column => column.notNull())
    .addColumn('bytes', 'text', column => column.notNull())
    .addColumn('made_at', 'bigint', column => column.notNull())
    .addColumn('used_from', 'bigint')
    .addPrimaryKeyConstraint('keys_key', ['name', 'id'])
    .execute()
  // Gateways that still run have named everything by the key of verdicts, and backups hold it from now on: verdicts get another.
  const kept = rows.map(({ name, bytes }) => ({ name: name === 'verdicts' ? 'names' : name, bytes }))
  for (const { name, bytes } of kept)
    await sql`insert into keys (name, id, bytes, made_at, used_from) values (${name}, 1, ${bytes}, 0, 0)`.execute(
      db,
    )
}
