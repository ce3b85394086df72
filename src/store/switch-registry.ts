import type { Kysely, Selectable, Transaction } from 'kysely'
import type { Scope, Subject, Username } from '../gateway/names.ts'
import type { Registry } from '../gateway/registry.ts'
import type { MakeChange, Stamp } from './change.ts'
import { recordOf } from './credential-store.ts'
import type { Schema } from './database.ts'
import { linkedNames } from './link-registry.ts'
import { type CredentialRow, findCredential, namesOf } from './rows.ts'

type SwitchRegistry = Pick<Registry, 'switchCredential' | 'person' | 'blockPerson' | 'blockedNames'>

/** Switches credentials on and off. An operator's block and the switch of its user are two, and neither undoes the other. */
export function createSwitchRegistry(reading: Kysely<Schema>, makeChange: MakeChange): SwitchRegistry {
  return {
    switchCredential: (actor, scope, username, on, by = 'operator') =>
      makeChange({ actor, action: on ? 'credential-enabled' : 'credential-disabled' }, async (db, stamp) => {
        const kept = await findCredential(db, scope, username)
        if (kept === undefined) return { problem: 'no-such-credential', username, scope }
        if (on && by === 'owner' && kept.blocked === 1) return { problem: 'blocked', username, scope }
        if (on && by === 'operator' && kept.blocked === 0 && kept.off_by === 'owner')
          return { problem: 'off-by-owner', username, scope }
        await write(db, stamp, kept.subject, switched(kept, on, by), on)
        return { scope, usernames: [...namesOf(kept), ...(await linkedNames(db, kept))] }
      }),

    person: username => personOf(reading, username),

    async blockPerson(actor, username, blocked, done) {
      const scopes = new Set((await personOf(reading, username)).map(({ scope }) => scope))
      // Also without a credential: the ones that are made later are blocked.
      for (const scope of scopes.size === 0 ? [undefined] : scopes) {
        const action = blocked ? 'person-blocked' : 'person-unblocked'
        const problem = await makeChange({ actor, action }, async (db, stamp) => {
          const all = await personOf(db, username)
          const known = await isBlockedName(db, username)
          if (all.length === 0 && !known && (!blocked || !username.includes('@')))
            return { problem: 'no-such-person', username } as const
          const names = new Set(all.map(each => each.username))
          if (username.includes('@')) names.add(username)
          await (blocked ? addNames(db, stamp, [...names]) : removeNames(db, [...names]))
          if (scope === undefined) return { usernames: [username] }
          const touched: Username[] = []
          for (const each of all.filter(one => one.scope === scope)) {
            const kept = await findCredential(db, scope, each.username)
            if (kept === undefined) continue
            await write(db, stamp, kept.subject, switched(kept, !blocked, 'operator'), !blocked)
            touched.push(...namesOf(kept), ...(await linkedNames(db, kept)))
          }
          return { scope, usernames: touched }
        })
        if (problem !== undefined) return problem
        if (scope !== undefined) done(scope)
      }
      return undefined
    },

    async blockedNames() {
      const rows = await reading.selectFrom('blocked_people').select('username').orderBy('username').execute()
      return rows.map(({ username }) => username)
    },
  }
}

type Switches = Pick<CredentialRow, 'blocked' | 'off_by'>

function switched(
  { blocked, off_by }: Switches,
  on: boolean,
  by: 'operator' | 'operator-overriding' | 'owner',
): Switches {
  if (!on) return by === 'owner' ? { blocked, off_by: 'owner' } : { blocked: 1, off_by }
  if (by === 'owner') return { blocked, off_by: null }
  return { blocked: 0, off_by: by === 'operator' && off_by === 'owner' ? off_by : null }
}

async function write(
  db: Transaction<Schema>,
  { revision, at }: Stamp,
  subject: Subject,
  { blocked, off_by }: Switches,
  on: boolean,
): Promise<void> {
  await db
    .updateTable('credentials')
    .set({
      blocked,
      off_by,
      enabled: blocked === 0 && off_by === null ? 1 : 0,
      revision,
      ...(on && { confirmed_at: at }),
    })
    .where('subject', '=', subject)
    .execute()
}

/** The credentials of that name in every scope, and those that their owners have by links. */
async function personOf(
  db: Kysely<Schema>,
  username: Username,
): Promise<readonly ReturnType<typeof recordOf>[]> {
  const found = new Map<Subject, Selectable<Schema['credentials']>>()
  let fresh = await db
    .selectFrom('usernames')
    .innerJoin('credentials', 'credentials.subject', 'usernames.subject')
    .selectAll('credentials')
    .where('usernames.username', '=', username)
    .execute()
  while (fresh.length > 0) {
    for (const row of fresh) found.set(row.subject, row)
    const linked = await Promise.all(fresh.map(row => linkedRows(db, row)))
    fresh = linked.flat().filter(({ subject }) => !found.has(subject))
  }
  return [...found.values()].map(recordOf)
}

async function linkedRows(
  db: Kysely<Schema>,
  { scope, owner }: { readonly scope: Scope; readonly owner: Schema['credentials']['owner'] },
): Promise<readonly Selectable<Schema['credentials']>[]> {
  if (owner === null) return []
  return await db
    .selectFrom('links')
    .innerJoin('credentials', join =>
      join
        .onRef('credentials.scope', '=', 'links.other_scope')
        .onRef('credentials.owner', '=', 'links.other_owner'),
    )
    .selectAll('credentials')
    .where('links.scope', '=', scope)
    .where('links.owner', '=', owner)
    .execute()
}

async function isBlockedName(db: Kysely<Schema>, username: Username): Promise<boolean> {
  const row = await db
    .selectFrom('blocked_people')
    .select('username')
    .where('username', '=', username)
    .executeTakeFirst()
  return row !== undefined
}

async function addNames(
  db: Transaction<Schema>,
  { at, actor }: Stamp,
  names: readonly Username[],
): Promise<void> {
  await db
    .insertInto('blocked_people')
    .values(names.map(username => ({ username, at, actor })))
    .onConflict(conflict => conflict.doNothing())
    .execute()
}

async function removeNames(db: Transaction<Schema>, names: readonly Username[]): Promise<void> {
  if (names.length > 0) await db.deleteFrom('blocked_people').where('username', 'in', names).execute()
}
