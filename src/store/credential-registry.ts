import type { Transaction } from 'kysely'
import type { Owner, Scope, Username } from '../gateway/names.ts'
import type { Registry } from '../gateway/registry.ts'
import type { MakeChange } from './change.ts'
import { findCredential, namesOf } from './credential-rows.ts'
import { missingScope } from './directory-registry.ts'
import { keepCredentials } from './keep-credentials.ts'
import { linkedNames } from './link-registry.ts'
import type { Schema } from './schema.ts'

type CredentialRegistry = Pick<
  Registry,
  'setCredential' | 'switchCredential' | 'claimCredential' | 'importCredentials'
>

/** Credentials that are written by one statement of an import. */
const batchSize = 500

/** The credentials as operators and their owners change them. */
export function createCredentialRegistry(makeChange: MakeChange): CredentialRegistry {
  return {
    setCredential: (actor, scope, credential) =>
      makeChange({ actor, action: 'credential-set' }, async (db, stamp) => {
        const missing = await missingScope(db, scope)
        if (missing !== undefined) return missing
        const names = await keepCredentials(db, stamp, scope, [credential])
        return 'problem' in names ? names : { scope, usernames: [...names] }
      }),

    switchCredential: (actor, scope, username, on) =>
      makeChange({ actor, action: on ? 'credential-enabled' : 'credential-disabled' }, async (db, stamp) => {
        const kept = await findCredential(db, scope, username)
        if (kept === undefined) return { problem: 'no-such-credential', username, scope }
        await db
          .updateTable('credentials')
          .set({ enabled: on ? 1 : 0, revision: stamp.revision })
          .where('subject', '=', kept.subject)
          .execute()
        return { scope, usernames: [...namesOf(kept), ...(await linkedNames(db, kept))] }
      }),

    claimCredential: (actor, scope, username, owner) =>
      makeChange({ actor, action: 'credential-claimed' }, async (db, stamp) => {
        const kept = await findCredential(db, scope, username)
        if (kept === undefined) return { problem: 'no-such-credential', username, scope }
        if (kept.owner !== null || (await hasOne(db, scope, owner)))
          return { problem: 'username-taken', username, scope }
        await db
          .updateTable('credentials')
          .set({ owner, revision: stamp.revision })
          .where('subject', '=', kept.subject)
          .execute()
        return { scope, usernames: [...namesOf(kept), ...(await linkedNames(db, { scope, owner }))] }
      }),

    importCredentials: (actor, scope, credentials, progress) =>
      // One change for all of it: one revision, one announcement, one line of audit.
      makeChange({ actor, action: 'credentials-imported' }, async (db, stamp) => {
        const missing = await missingScope(db, scope)
        if (missing !== undefined) return missing
        const usernames = new Set<Username>()
        for (let done = 0; done < credentials.length; done += batchSize) {
          const batch = credentials.slice(done, done + batchSize)
          const names = await keepCredentials(db, stamp, scope, batch)
          if ('problem' in names) return names
          for (const name of names) usernames.add(name)
          progress(done + batch.length)
        }
        return { scope, usernames: [...usernames] }
      }),
  }
}

async function hasOne(db: Transaction<Schema>, scope: Scope, owner: Owner): Promise<boolean> {
  const own = await db
    .selectFrom('credentials')
    .select('subject')
    .where('scope', '=', scope)
    .where('owner', '=', owner)
    .executeTakeFirst()
  return own !== undefined
}
