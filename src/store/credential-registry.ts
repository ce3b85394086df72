import type { Kysely, Transaction } from 'kysely'
import { type DirectoryId, msaScope, type Scope, type Username } from '../gateway/names.ts'
import type { CredentialRecord, Problem, Registry } from '../gateway/registry.ts'
import { algorithmOf } from './algorithm.ts'
import type { MakeChange } from './change.ts'
import { findDirectory } from './directory-registry.ts'
import { keepCredentials, namesOf } from './keep-credentials.ts'
import type { Schema } from './schema.ts'

type CredentialRegistry = Pick<
  Registry,
  'setCredential' | 'switchCredential' | 'credentials' | 'importCredentials'
>

/** Credentials that are written by one statement of an import. */
const batchSize = 500

/** The credentials as operators and their owners change them. */
export function createCredentialRegistry(
  reading: Kysely<Schema>,
  makeChange: MakeChange,
): CredentialRegistry {
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
        return { scope, usernames: namesOf(kept) }
      }),

    async credentials(scope) {
      const rows = await reading
        .selectFrom('credentials')
        .selectAll()
        .where('scope', '=', scope)
        .orderBy('username')
        .execute()
      return rows.map(recordOf)
    },

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

/** A credential in the scope of a directory that nobody has heard of could never be used: a mistyped id. */
async function missingScope(db: Transaction<Schema>, scope: Scope): Promise<Problem | undefined> {
  if (scope === msaScope) return undefined
  const directoryId = scope as string as DirectoryId // what a scope is, if not `msa`
  const directory = await findDirectory(db, directoryId)
  return directory === undefined ? { problem: 'no-such-directory', directoryId } : undefined
}

/** By its primary or secondary user name. */
function findCredential(db: Transaction<Schema>, scope: Scope, username: Username) {
  return db
    .selectFrom('usernames')
    .innerJoin('credentials', 'credentials.subject', 'usernames.subject')
    .selectAll('credentials')
    .where('usernames.scope', '=', scope)
    .where('usernames.username', '=', username)
    .executeTakeFirst()
}

function recordOf(row: Schema['credentials']): CredentialRecord {
  const { scope, username, secondary } = row
  return {
    scope,
    username,
    ...(secondary !== null && { secondary }),
    enabled: row.enabled === 1,
    algorithm: algorithmOf(row.hash),
    setAt: row.set_at,
  }
}
