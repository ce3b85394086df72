import type { Kysely, Transaction } from 'kysely'
import type { AccountName } from '../gateway/names.ts'
import type { ProblemOf, Registry } from '../gateway/registry.ts'
import type { MakeChange } from './change.ts'
import { missingScope } from './directory-registry.ts'
import { addMember, membersOf, removeMember } from './rows.ts'
import type { Schema } from './database.ts'

type MemberRegistry = Pick<Registry, 'members' | 'addMembers' | 'removeMembers' | 'openToAll'>

/** The members of accounts, as operators change them. */
export function createMemberRegistry(reading: Kysely<Schema>, makeChange: MakeChange): MemberRegistry {
  return {
    async members(name) {
      const listed = await membersOf(reading, name)
      return listed.map(({ scope, username, waiting }) => ({ scope, username, waiting }))
    },

    addMembers: (actor, account, scope, usernames) =>
      makeChange({ actor, action: 'members-added' }, async db => {
        const missing = (await missingAccount(db, account)) ?? (await missingScope(db, scope))
        if (missing !== undefined) return missing
        for (const username of usernames) {
          const problem = await addMember(db, account, scope, username)
          if (problem !== undefined) return problem
        }
        await setMembersOnly(db, account, 1)
        return { account, scope, usernames }
      }),

    removeMembers: (actor, account, usernames) =>
      makeChange({ actor, action: 'members-removed' }, async db => {
        const refused = (await missingAccount(db, account)) ?? (await missingList(db, account))
        if (refused !== undefined) return refused
        const listed = await membersOf(db, account)
        for (const username of usernames) {
          const removed = listed.filter(each => each.username === username || each.typed === username)
          if (removed.length === 0) return { problem: 'no-such-member', name: account, username }
          for (const { scope, typed } of removed) await removeMember(db, account, scope, typed)
        }
        return { account, usernames }
      }),

    openToAll: (actor, account) =>
      makeChange({ actor, action: 'account-opened' }, async db => {
        const refused = (await missingAccount(db, account)) ?? (await missingList(db, account))
        if (refused !== undefined) return refused
        await db.deleteFrom('members').where('account', '=', account).execute()
        await setMembersOnly(db, account, 0)
        return { account, usernames: [] }
      }),
  }
}

async function setMembersOnly(db: Transaction<Schema>, name: AccountName, membersOnly: 0 | 1): Promise<void> {
  await db.updateTable('accounts').set({ members_only: membersOnly }).where('name', '=', name).execute()
}

async function missingAccount(
  db: Transaction<Schema>,
  name: AccountName,
): Promise<ProblemOf<'no-such-account'> | undefined> {
  const row = await db.selectFrom('accounts').select('name').where('name', '=', name).executeTakeFirst()
  return row === undefined ? { problem: 'no-such-account', name } : undefined
}

async function missingList(
  db: Transaction<Schema>,
  name: AccountName,
): Promise<ProblemOf<'no-members'> | undefined> {
  const row = await db
    .selectFrom('accounts')
    .select('name')
    .where('name', '=', name)
    .where('members_only', '=', 1)
    .executeTakeFirst()
  return row === undefined ? { problem: 'no-members', name } : undefined
}
