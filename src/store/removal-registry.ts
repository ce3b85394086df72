import type { SelectQueryBuilder, Transaction } from 'kysely'
import type { Scope, Subject, Username } from '../gateway/names.ts'
import type { Person, Registry } from '../gateway/registry.ts'
import { namesIn } from './account-registry.ts'
import { findDirectory, planningFor, scopeOfDirectory } from './directory-registry.ts'
import type { MakeChange } from './change.ts'
import type { Schema } from './database.ts'
import { linkedNames } from './link-registry.ts'
import { findCredential, namesOf } from './rows.ts'

type RemovalRegistry = Pick<
  Registry,
  'removeAccount' | 'removeDirectory' | 'removeCredential' | 'revokeSessions'
>

/**
 * Removes what operators no longer want, with everything that belongs to it: a user name that passes to another person must
 * not bring memberships, passwords or a sign-in along. The log of changes keeps that it was there.
 */
export function createRemovalRegistry(makeChange: MakeChange): RemovalRegistry {
  return {
    removeAccount: (actor, name) =>
      makeChange({ actor, action: 'account-removed' }, async db => {
        await db.deleteFrom('members').where('account', '=', name).execute()
        await db.deleteFrom('connections').where('account', '=', name).execute()
        for (const table of ['account_uses', 'tool_uses', 'planned_moves', 'move_notices'] as const)
          await db.deleteFrom(table).where('account', '=', name).execute()
        const { numDeletedRows } = await db
          .deleteFrom('accounts')
          .where('name', '=', name)
          .executeTakeFirstOrThrow()
        if (numDeletedRows === 0n) return { problem: 'no-such-account', name }
        return { account: name, usernames: [] }
      }),

    removeDirectory: (actor, directoryId) =>
      makeChange({ actor, action: 'directory-removed' }, async (db, { at }) => {
        if ((await findDirectory(db, directoryId)) === undefined)
          return { problem: 'no-such-directory', directoryId }
        const scope = scopeOfDirectory(directoryId)
        const accounts = [...(await namesIn(db, scope)), ...(await planningFor(db, directoryId))]
        if (accounts.length > 0) return { problem: 'directory-in-use', directoryId, accounts }
        const rows = await db.selectFrom('usernames').select('username').where('scope', '=', scope).execute()
        await removeSets(db, subjects => subjects.where('scope', '=', scope))
        await db.deleteFrom('members').where('scope', '=', scope).execute()
        await db.deleteFrom('grants').where('scope', '=', scope).execute()
        await db
          .deleteFrom('links')
          .where(is => is.or([is('scope', '=', scope), is('other_scope', '=', scope)]))
          .execute()
        await db.updateTable('directories').set({ removed_at: at }).where('id', '=', directoryId).execute()
        return { scope, usernames: rows.map(({ username }) => username) }
      }),

    removeCredential: (actor, scope, username) =>
      makeChange({ actor, action: 'credential-removed' }, async db => {
        const kept = await findCredential(db, scope, username)
        if (kept === undefined) return { problem: 'no-such-credential', username, scope }
        const usernames = [...namesOf(kept), ...(await linkedNames(db, kept))]
        await removeSets(db, subjects => subjects.where('subject', '=', kept.subject))
        if (kept.owner !== null) await removeOwner(db, { scope, owner: kept.owner })
        return { scope, usernames }
      }),

    async revokeSessions(actor, whose) {
      let ended = 0
      await makeChange({ actor, action: 'sessions-revoked' }, async db => {
        ended = await endSessions(db, whose)
        if (ended === 0) return { problem: 'nothing-to-end' } as const
        // Verdicts do not depend on sessions. Without a scope nothing is announced; the name is for the history.
        return { usernames: whose === 'all' ? [] : [whose.username] }
      })
      return ended
    },
  }
}

/** Removes credentials with their names, passwords, memberships and uses. */
async function removeSets(
  db: Transaction<Schema>,
  which: (
    subjects: SelectQueryBuilder<Schema, 'credentials', { subject: Subject }>,
  ) => SelectQueryBuilder<Schema, 'credentials', { subject: Subject }>,
): Promise<void> {
  const subjects = () => which(db.selectFrom('credentials').select('subject'))
  for (const table of [
    'passwords',
    'members',
    'account_uses',
    'tool_uses',
    'move_notices',
    'usernames',
  ] as const)
    await db.deleteFrom(table).where('subject', 'in', subjects()).execute()
  await db.deleteFrom('credentials').where('subject', 'in', subjects()).execute()
}

/** Removes what is known of an owner besides the credential. */
async function removeOwner(db: Transaction<Schema>, { scope, owner }: Person): Promise<void> {
  await db.deleteFrom('grants').where('scope', '=', scope).where('owner', '=', owner).execute()
  await db
    .deleteFrom('links')
    .where(is => is.or([is.and({ scope, owner }), is.and({ other_scope: scope, other_owner: owner })]))
    .execute()
}

/** Sessions read at once: SQLite is read in the serving process, so a read must be short. */
const batchSize = 500

async function endSessions(
  db: Transaction<Schema>,
  whose: Parameters<Registry['revokeSessions']>[1],
): Promise<number> {
  let ended = 0
  let after = ''
  for (;;) {
    const rows = await db
      .selectFrom('sessions')
      .select(['id_hash', 'data'])
      .where('id_hash', '>', after)
      .orderBy('id_hash')
      .limit(batchSize)
      .execute()
    const last = rows.at(-1)
    if (last === undefined) return ended
    after = last.id_hash
    const ids = rows.filter(({ data }) => isMeant(data, whose)).map(({ id_hash }) => id_hash)
    if (ids.length > 0) await db.deleteFrom('sessions').where('id_hash', 'in', ids).execute()
    ended += ids.length
  }
}

/** Who is signed in by a session, as the page wrote it; other entries of the table are no JSON objects. */
interface Identities {
  readonly identities?: readonly {
    readonly scope: Scope
    readonly owner: string
    readonly username?: Username
  }[]
}

function isMeant(data: string, whose: Parameters<Registry['revokeSessions']>[1]): boolean {
  if (!data.startsWith('{')) return false
  const { identities = [] } = JSON.parse(data) as Identities
  if (whose === 'all') return true
  return identities.some(
    ({ scope, owner, username }) =>
      (username === whose.username && (whose.scope === undefined || whose.scope === scope)) ||
      whose.people.some(person => person.scope === scope && person.owner === owner),
  )
}
