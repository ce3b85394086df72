import type { Kysely, Transaction } from 'kysely'
import { overBy } from '../gateway/decision.ts'
import type { Instant, Subject } from '../gateway/names.ts'
import { noPassword } from '../gateway/ports.ts'
import { mostPasswords, type NewCredential, type PasswordRecord, type Registry } from '../gateway/registry.ts'
import type { MakeChange } from './change.ts'
import { keepCredentials } from './credential-registry.ts'
import { missingScope } from './directory-registry.ts'
import type { Schema } from './database.ts'
import { insistOnKeys } from './key-rings.ts'
import { linkedNames } from './link-registry.ts'
import { findCredential, findOwned, namesOf } from './rows.ts'

/** Milliseconds for which a password that no longer counts is kept, so that its holder can be told. */
const keptFor = 90 * 24 * 60 * 60 * 1000

type PasswordRow = Schema['passwords']

/** The generated passwords of sets, as operators and owners change them. */
export function createPasswordRegistry(
  reading: Kysely<Schema>,
  makeChange: MakeChange,
  now: () => Instant,
): Pick<Registry, 'addPassword' | 'passwords' | 'revokePasswords'> {
  return {
    addPassword: (
      actor,
      scope,
      { username, owner },
      { id, mac, name, readOnly, endsAt, client, replacing },
    ) =>
      makeChange({ actor, action: 'password-added' }, async (db, stamp) => {
        const missing = await missingScope(db, scope)
        if (missing !== undefined) return missing
        await insistOnKeys(db, [mac])
        const touched = new Set<NewCredential['username']>()
        let kept = await (owner ? findOwned(db, scope, owner) : findCredential(db, scope, username))
        if (kept === undefined || (owner !== undefined && kept.username !== username)) {
          const { hash = noPassword, secondary } = kept ?? {}
          const set = { username, hash, ...(owner && { owner }), ...(secondary && { secondary }) }
          const names = await keepCredentials(db, stamp, scope, [set], 'passwords-stay')
          if ('problem' in names) return names
          for (const each of names) touched.add(each)
          kept = await findCredential(db, scope, username)
          if (kept === undefined) throw new Error('a credential was written and is not there')
        }
        const { subject } = kept
        await prune(db, subject, stamp.at)
        const counting = (await rowsOf(db, subject)).filter(row => overOf(row, stamp.at) === undefined)
        const present = counting.filter(row => row.replaced_at === null && row.name !== null)
        const namesake = present.find(row => row.name === name)
        if (namesake !== undefined && replacing === undefined) return { problem: 'password-name-taken', name }
        if (namesake === undefined && present.length >= mostPasswords)
          return { problem: 'too-many-passwords', username: kept.username, scope }

        const at = stamp.at
        // Of one name, one predecessor counts at most: an earlier one is replaced at once.
        for (const row of counting.filter(each => each.name === name)) {
          const grace = row === namesake ? at + (replacing?.graceMs ?? 0) : at
          await db
            .updateTable('passwords')
            .set({ replaced_at: at, ends_at: Math.min(row.ends_at ?? grace, grace) })
            .where('subject', '=', subject)
            .where('id', '=', row.id)
            .execute()
        }
        const ends = { ends_at: endsAt ?? null }
        const row = {
          subject,
          id,
          mac,
          name,
          read_only: readOnly ? 1 : 0,
          set_at: at,
          client: client ?? null,
        } as const
        await db
          .insertInto('passwords')
          .values({ ...row, ...ends })
          .execute()
        return {
          scope,
          usernames: [...new Set([...touched, ...namesOf(kept), ...(await linkedNames(db, kept))])],
          ...(namesake && { action: 'password-replaced' as const }),
        }
      }),

    async passwords(scope, username, which) {
      const rows = await reading
        .selectFrom('usernames')
        .innerJoin('passwords', 'passwords.subject', 'usernames.subject')
        .selectAll('passwords')
        .where('usernames.scope', '=', scope)
        .where('usernames.username', '=', username)
        .orderBy('set_at', 'desc')
        .orderBy('id')
        .execute()
      const at = now()
      return rows
        .map(row => recordOf(row, at))
        .filter(({ over }) => which === 'all' || over === undefined || over.at > at - keptFor)
    },

    revokePasswords: (actor, scope, username, which) =>
      makeChange({ actor, action: 'passwords-revoked' }, async (db, stamp) => {
        const kept = await findCredential(db, scope, username)
        if (kept === undefined) return { problem: 'no-such-credential', username, scope }
        const meant = (await rowsOf(db, kept.subject)).filter(row => {
          if (overOf(row, stamp.at) !== undefined) return false
          if (which === 'all') return row.name !== null
          return 'id' in which ? row.id === which.id : row.name === which.name
        })
        if (meant.length === 0) return { problem: 'no-such-password', username, scope }
        await db
          .updateTable('passwords')
          .set({ revoked_at: stamp.at })
          .where('subject', '=', kept.subject)
          .where(
            'id',
            'in',
            meant.map(({ id }) => id),
          )
          .execute()
        return { scope, usernames: [...namesOf(kept), ...(await linkedNames(db, kept))] }
      }),
  }
}

function rowsOf(db: Transaction<Schema>, subject: Subject): Promise<PasswordRow[]> {
  return db.selectFrom('passwords').selectAll().where('subject', '=', subject).execute()
}

async function prune(db: Transaction<Schema>, subject: Subject, at: Instant): Promise<void> {
  const since = at - keptFor
  await db
    .deleteFrom('passwords')
    .where('subject', '=', subject)
    .where(is => is.or([is('ends_at', '<', since), is('revoked_at', '<', since)]))
    // The last one that a credential helper was given: by it, the helper may ask for another one a year later.
    .where(is => is.or([is('client', 'is', null), is('replaced_at', 'is not', null)]))
    .execute()
}

function overOf({ ends_at, replaced_at, revoked_at }: PasswordRow, now: Instant): ReturnType<typeof overBy> {
  return overBy(
    {
      ...(ends_at !== null && { endsAt: ends_at }),
      ...(replaced_at !== null && { replacedAt: replaced_at }),
      ...(revoked_at !== null && { revokedAt: revoked_at }),
    },
    now,
  )
}

function recordOf(row: PasswordRow, now: Instant): PasswordRecord {
  const { id, name, ends_at: endsAt, replaced_at: replacedAt, client, last_used_tool: tool } = row
  const { last_used_at: at, last_used_from: from } = row
  const over = overOf(row, now)
  return {
    id,
    ...(name !== null && { name }),
    readOnly: row.read_only === 1,
    setAt: row.set_at,
    ...(endsAt !== null && { endsAt }),
    ...(replacedAt !== null && { replacedAt }),
    ...(over && { over }),
    ...(client !== null && { client }),
    ...(at !== null && from !== null && { lastUsed: { at, from, ...(tool !== null && { tool }) } }),
  }
}
