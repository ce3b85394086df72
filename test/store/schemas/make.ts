import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Kysely } from 'kysely'
import pg from 'pg'
import { openPostgres } from '../../../src/store/postgres.ts'
import { readPostgresHosts } from '../../../src/store/postgres-hosts.ts'
import type { Schema } from '../../../src/store/database.ts'
import { migrate, migrationNames } from '../../../src/store/migrations.ts'
import { sqliteDialect } from '../../../src/store/sqlite.ts'
import { Secret } from '../../../src/gateway/secret.ts'
import { postgresOutput, startPostgres } from '../../support/postgres.ts'
import { columnsAfter } from './columns.ts'
import { insertsInto, madeAt } from './rows.ts'

// node test/store/schemas/make.ts: writes what a store is after each migration that has no file yet, with rows in every
// table. What is there is never written again: it is what stores out there are.

const ends: (() => unknown)[] = []
const server = await startPostgres({ teardown: end => void ends.unshift(end) })
try {
  for (const [index, name] of migrationNames.entries()) {
    const applied = migrationNames.slice(0, index + 1)
    const inserts = insertsInto(await columnsAfter(index + 1))
    await makeOnce(`${name}.sqlite.sql`, () => onSqlite(applied, inserts))
    await makeOnce(`${name}.postgres.sql`, () => onPostgres(applied, inserts))
  }
} finally {
  for (const end of ends) await end()
}

async function makeOnce(file: string, make: () => Promise<string>): Promise<void> {
  const path = join(import.meta.dirname, file)
  if (existsSync(path)) return
  writeFileSync(path, await make())
  process.stdout.write(`${file}\n`)
}

async function onSqlite(applied: readonly string[], inserts: readonly string[]): Promise<string> {
  const file = new DatabaseSync(':memory:')
  const db = new Kysely<Schema>({ dialect: sqliteDialect(() => file) })
  await db.transaction().execute(each => migrate(each, madeAt, applied))
  for (const insert of inserts) file.exec(insert)
  const all = file
    .prepare('select name, sql, type from sqlite_schema where sql is not null order by type desc, rowid')
    .all()
  const lines = ['begin;', ...all.filter(({ type }) => type === 'table').map(({ sql }) => `${String(sql)};`)]
  for (const { name, type } of all) {
    if (type !== 'table') continue
    for (const row of file.prepare(`select * from "${String(name)}"`).all())
      lines.push(`insert into "${String(name)}" values (${Object.values(row).map(quoted).join(', ')});`)
  }
  lines.push(...all.filter(({ type }) => type !== 'table').map(({ sql }) => `${String(sql)};`), 'commit;', '')
  file.close()
  return lines.join('\n')
}

function quoted(value: unknown): string {
  return typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : String(value)
}

async function onPostgres(applied: readonly string[], inserts: readonly string[]): Promise<string> {
  const url = await server.database(`schema_${applied.length}`)
  const hosts = readPostgresHosts(new Secret(url))
  if (hosts === undefined) throw new Error('the server has no address')
  const database = openPostgres(hosts, 'make')
  await database.exclusively(each => migrate(each, madeAt, applied))
  await database.close()
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(inserts.join(';\n'))
  await client.end()
  const dump = await postgresOutput('pg_dump', ['--inserts', '--no-owner', '--no-privileges', url])
  // Commands of psql, comments and settings of the session are not what a store is.
  return dump.replace(/^(?:\\|--|SET |SELECT pg_catalog\.set_config).*\n/gm, '').replace(/\n{2,}/g, '\n')
}
