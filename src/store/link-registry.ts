import type { Kysely, Transaction } from 'kysely'
import type { Owner, Scope, Username } from '../gateway/names.ts'
import type { Person, Registry } from '../gateway/registry.ts'
import type { MakeChange } from './change.ts'
import { namesOf } from './rows.ts'
import type { Schema } from './database.ts'

/** The links between owners in two scopes that are one person. */
export function createLinkRegistry(
  reading: Kysely<Schema>,
  makeChange: MakeChange,
): Pick<Registry, 'link' | 'unlink' | 'linkedTo' | 'links'> {
  return {
    link: (actor, one, other) =>
      makeChange({ actor, action: 'identities-linked' }, async (db, { at }) => {
        const left = [...(await linkedNames(db, one)), ...(await linkedNames(db, other))]
        await unlink(db, one, other.scope)
        await unlink(db, other, one.scope)
        await db
          .insertInto('links')
          .values([rowOf(one, other, at), rowOf(other, one, at)])
          .execute()
        // Verdicts about accounts that moved between the two scopes, in either direction.
        const joined = [...(await linkedNames(db, one)), ...(await linkedNames(db, other))]
        return { scope: one.scope, usernames: [...new Set([...left, ...joined])] }
      }),

    unlink: (actor, person, other) =>
      makeChange({ actor, action: 'identities-unlinked' }, async db => {
        const { scope, owner } = person
        const ended = await db
          .selectFrom('links')
          .select(['other_scope', 'other_owner'])
          .where(is => is.and({ scope, owner, ...(other !== undefined && { other_scope: other }) }))
          .execute()
        if (ended.length === 0) return { problem: 'not-linked', scope }
        const left = new Set(await linkedNames(db, person))
        for (const each of ended) {
          const linked = { scope: each.other_scope, owner: each.other_owner }
          for (const name of await linkedNames(db, linked)) left.add(name)
          await unlink(db, person, each.other_scope)
        }
        return { scope, usernames: [...left] }
      }),

    async linkedTo({ scope, owner }, other) {
      const row = await reading
        .selectFrom('links')
        .select('other_owner')
        .where('scope', '=', scope)
        .where('owner', '=', owner)
        .where('other_scope', '=', other)
        .executeTakeFirst()
      return row?.other_owner
    },

    async links(scope, other) {
      const rows = await reading
        .selectFrom('links')
        .select(['owner', 'other_owner'])
        .where('scope', '=', scope)
        .where('other_scope', '=', other)
        .execute()
      return new Map(rows.map(row => [row.owner, row.other_owner]))
    },
  }
}

/** Removes a link in both directions. */
export async function unlink(db: Transaction<Schema>, { scope, owner }: Person, from: Scope): Promise<void> {
  await db
    .deleteFrom('links')
    .where(is =>
      is.or([
        is.and({ scope, owner, other_scope: from }),
        is.and({ scope: from, other_owner: owner, other_scope: scope }),
      ]),
    )
    .execute()
}

function rowOf(one: Person, other: Person, at: number): Schema['links'] {
  return {
    scope: one.scope,
    owner: one.owner,
    other_scope: other.scope,
    other_owner: other.owner,
    linked_at: at,
  }
}

/**
 * The user names of all owners linked to this one: verdicts about them in this owner's scope depend on this owner as
 * well.
 */
export async function linkedNames(
  db: Transaction<Schema>,
  { scope, owner }: { readonly scope: Scope; readonly owner: Owner | null },
): Promise<readonly Username[]> {
  if (owner === null) return []
  const rows = await db
    .selectFrom('links')
    .innerJoin('credentials', join =>
      join
        .onRef('credentials.scope', '=', 'links.other_scope')
        .onRef('credentials.owner', '=', 'links.other_owner'),
    )
    .select(['username', 'secondary'])
    .where('links.scope', '=', scope)
    .where('links.owner', '=', owner)
    .execute()
  return rows.flatMap(namesOf)
}
