import { sql, type Transaction } from 'kysely'
import type { Grant, GrantEnd, GrantRegistry } from '../gateway/delegation.ts'
import type { Owner, Scope, Username } from '../gateway/names.ts'
import type { MakeChange } from './change.ts'
import { isUnconfirmed } from './confirmations.ts'
import type { Schema, SharedTime } from './database.ts'
import { accessColumns, grantIn } from './grants.ts'
import { linkedNames } from './link-registry.ts'
import { namesOf } from './rows.ts'

/** Grants as sign-ins give and end them: changes, so that no process goes on with a token of before. */
export function createGrantRegistry(makeChange: MakeChange, time: SharedTime): GrantRegistry {
  /** Deletes the tokens. Gives the grant as it was; `undefined`: there is none, or it has ended or changed. */
  async function end(
    db: Transaction<Schema>,
    { scope, owner, version }: Pick<Grant, 'scope' | 'owner'> & { readonly version?: number },
    cause: GrantEnd,
    demand?: string,
  ): Promise<Grant | undefined> {
    // Locks the row with its first write, because a renewal takes no part in the order of changes.
    const row = await db
      .updateTable('grants')
      .set({ version: sql<number>`version + 1` })
      .where('scope', '=', scope)
      .where('owner', '=', owner)
      .where('ended_at', 'is', null)
      .where(is => is.and(version === undefined ? [] : [is('version', '=', version)]))
      .returningAll()
      .executeTakeFirst()
    if (row === undefined) return undefined
    await db
      .updateTable('grants')
      .set({
        ...noTokens,
        ended_at: time.ofWrite(),
        ended_cause: cause,
        demand: demand ?? null,
        turn_until: 0,
      })
      .where('scope', '=', scope)
      .where('owner', '=', owner)
      .execute()
    return grantIn(row)
  }

  return {
    async giveGrant(actor, { scope, owner, issuer, clientId, username, refreshToken, access }) {
      let given: 'connected' | 'again' = 'connected'
      await makeChange({ actor, action: 'grant-given' }, async db => {
        const now = time.ofWrite()
        const before = await db
          .selectFrom('grants')
          .select('ended_at')
          .where('scope', '=', scope)
          .where('owner', '=', owner)
          .executeTakeFirst()
        if (before?.ended_at === null) given = 'again'
        const row = {
          issuer,
          client_id: clientId,
          username: username ?? null,
          ...noTokens,
          refresh_token: refreshToken,
          ...(access && accessColumns(access, now)),
          granted_at: now,
          renewed_at: now,
          checked_at: now,
          ended_at: null,
          ended_cause: null,
          demand: null,
          turn_until: 0,
        }
        await db
          .insertInto('grants')
          .values({ scope, owner, ...row, version: 1 })
          .onConflict(conflict =>
            conflict
              .columns(['scope', 'owner'])
              .doUpdateSet({ ...row, version: sql<number>`grants.version + 1` }),
          )
          .execute()
        return { scope, usernames: await namesOfOwner(db, scope, owner) }
      })
      return given
    },

    async endGrant(actor, grant, cause, demand) {
      const { scope, owner } = grant
      let before: Grant | undefined
      await makeChange({ actor, action: 'grant-ended' }, async db => {
        before = await end(db, grant, cause, demand)
        if (before === undefined) return { problem: 'nothing-to-end' } as const
        return { scope, usernames: await namesOfOwner(db, scope, owner) }
      })
      return before
    },

    async refuseGrant(actor, grant) {
      const { scope, owner } = grant
      let before: Grant | undefined
      await makeChange({ actor, action: 'grant-ended' }, async (db, { revision }) => {
        before = await end(db, grant, 'refused')
        if (before === undefined) return { problem: 'nothing-to-end' } as const
        const off = await db
          .updateTable('credentials')
          .set({ enabled: 0, off_by: 'liveness', revision })
          .where('scope', '=', scope)
          .where('owner', '=', owner)
          .where('enabled', '=', 1)
          .returning('subject')
          .executeTakeFirst()
        const effect = { scope, usernames: await namesOfOwner(db, scope, owner) }
        return off === undefined ? effect : { ...effect, action: 'credential-disabled-by-liveness' as const }
      })
      return before
    },

    async disableUnconfirmed(actor, { scope, subject }, sinceMs) {
      const problem = await makeChange(
        { actor, action: 'credential-disabled-by-liveness' },
        async (db, { revision }) => {
          const still = await db
            .selectFrom('credentials')
            .leftJoin('grants', join =>
              join
                .onRef('grants.scope', '=', 'credentials.scope')
                .onRef('grants.owner', '=', 'credentials.owner'),
            )
            .select(['credentials.username', 'credentials.secondary', 'credentials.owner'])
            .where('credentials.subject', '=', subject)
            .where(isUnconfirmed(sinceMs, time))
            .executeTakeFirst()
          if (still === undefined) return { problem: 'confirmed' } as const
          await db
            .updateTable('credentials')
            .set({ enabled: 0, revision })
            .where('subject', '=', subject)
            .execute()
          return {
            scope,
            usernames: [...namesOf(still), ...(await linkedNames(db, { scope, owner: still.owner }))],
          }
        },
      )
      return problem === undefined
    },
  }
}

const noTokens = { refresh_token: null, access_token: null, access_of: null, access_ends_at: null }

/** The owner's user names, and those of credentials in other scopes that use this grant by a link. */
async function namesOfOwner(
  db: Transaction<Schema>,
  scope: Scope,
  owner: Owner,
): Promise<readonly Username[]> {
  const own = await db
    .selectFrom('credentials')
    .select(['username', 'secondary'])
    .where('scope', '=', scope)
    .where('owner', '=', owner)
    .execute()
  return [...own.flatMap(namesOf), ...(await linkedNames(db, { scope, owner }))]
}
