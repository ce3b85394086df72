import { randomUUID } from 'node:crypto'
import type { Transaction } from 'kysely'
import type { Scope, Subject, Username } from '../gateway/names.ts'
import type { NewCredential, ProblemOf, Registry } from '../gateway/registry.ts'
import { missingScope } from './directory-registry.ts'
import type { Effect, MakeChange, Stamp } from './change.ts'
import type { Schema } from './database.ts'
import { linkedNames } from './link-registry.ts'
import {
  bindMembers,
  type CredentialRow,
  findCredential,
  findOwned,
  keepMainPasswords,
  namesOf,
  writeCredentials,
} from './rows.ts'

type CredentialRegistry = Pick<
  Registry,
  'setCredential' | 'resetCredential' | 'claimCredential' | 'importCredentials'
>

type NameProblem = ProblemOf<'username-taken' | 'unclaimed'>

/** Credentials that are written by one statement of an import. */
const batchSize = 500

/** The credentials as operators and their owners change them. */
export function createCredentialRegistry(makeChange: MakeChange): CredentialRegistry {
  return {
    setCredential: (actor, scope, credential) =>
      makeChange({ actor, action: 'credential-set' }, (db, stamp) => set(db, stamp, scope, credential)),

    resetCredential: (actor, scope, credential) =>
      makeChange({ actor, action: 'credential-set' }, async (db, stamp) => {
        const { username } = credential
        const kept = await findCredential(db, scope, username)
        const missing = kept === undefined ? await missingScope(db, scope) : undefined
        if (missing !== undefined) return missing
        if (kept === undefined) return { problem: 'no-such-credential', username, scope }
        return await set(db, stamp, scope, credential)
      }),

    claimCredential: (actor, scope, username, owner) =>
      makeChange({ actor, action: 'credential-claimed' }, async (db, stamp) => {
        const kept = await findCredential(db, scope, username)
        if (kept === undefined) return { problem: 'no-such-credential', username, scope }
        const isAgain = kept.owner === owner && kept.unproved === 1
        if (!isAgain && (kept.owner !== null || (await findOwned(db, scope, owner)) !== undefined))
          return { problem: 'username-taken', username, scope }
        await db
          .updateTable('credentials')
          .set({ owner, unproved: 0, revision: stamp.revision, confirmed_at: stamp.at })
          .where('subject', '=', kept.subject)
          .execute()
        return { scope, usernames: [...namesOf(kept), ...(await linkedNames(db, { scope, owner }))] }
      }),

    importCredentials: (actor, scope, credentials, progress, mustBeNew = new Set()) =>
      // One change for the whole import: one revision, one announcement, one audit line.
      makeChange({ actor, action: 'credentials-imported' }, async (db, stamp) => {
        const missing = await missingScope(db, scope)
        if (missing !== undefined) return missing
        const usernames = new Set<Username>()
        for (let done = 0; done < credentials.length; done += batchSize) {
          const batch = credentials.slice(done, done + batchSize)
          const names = await keepCredentials(db, stamp, scope, batch, 'are-replaced', mustBeNew)
          if ('problem' in names) return names
          for (const name of names) usernames.add(name)
          await progress(done + batch.length)
        }
        return { scope, usernames: [...usernames] }
      }),
  }
}

async function set(
  db: Transaction<Schema>,
  stamp: Stamp,
  scope: Scope,
  credential: NewCredential,
): Promise<Effect | ProblemOf<'no-such-directory'> | NameProblem> {
  const missing = await missingScope(db, scope)
  if (missing !== undefined) return missing
  const names = await keepCredentials(db, stamp, scope, [credential])
  return 'problem' in names ? names : { scope, usernames: [...names] }
}

/**
 * Creates or replaces the credentials in order: one with an owner replaces the owner's, any other the one with the same
 * primary user name. Returns every user name that they have or had. Main passwords are replaced, unless they stay.
 */
export async function keepCredentials(
  db: Transaction<Schema>,
  stamp: Stamp,
  scope: Scope,
  credentials: readonly NewCredential[],
  passwords: 'are-replaced' | 'passwords-stay' = 'are-replaced',
  mustBeNew: ReadonlySet<Username> = new Set(),
): Promise<ReadonlySet<Username> | NameProblem> {
  const answering = await readAnswering(db, scope, credentials)
  const blocked = await readBlocked(db, credentials)
  const touched = new Set(answering.keys())
  const written = new Map<Subject, CredentialRow>()
  const generated = new Map<
    Subject,
    { readonly subject: Subject } & NonNullable<NewCredential['generated']>
  >()

  for (const credential of credentials) {
    const { username } = credential
    const kept = replacedBy(credential, answering)
    const problem = problemWith(credential, kept, answering, scope)
    if (problem !== undefined) return problem
    if (kept !== undefined && mustBeNew.has(username)) return { problem: 'username-taken', username, scope }

    const fresh = rowFor(credential, kept, scope, { ...stamp, blocked: blocked.has(username) })
    // A password beside those that stay says nothing about them.
    const row = passwords === 'passwords-stay' && kept ? { ...fresh, unproved: kept.unproved } : fresh
    for (const name of kept === undefined ? [] : namesOf(kept)) answering.delete(name)
    for (const name of namesOf(row)) {
      answering.set(name, row)
      touched.add(name)
    }
    written.set(row.subject, row)
    if (credential.generated) generated.set(row.subject, { subject: row.subject, ...credential.generated })
    else generated.delete(row.subject)
  }

  await writeCredentials(db, [...written.values()])
  if (passwords === 'are-replaced')
    await keepMainPasswords(db, stamp.at, [...written.keys()], [...generated.values()])
  await bindMembers(db, scope, [...written.values()])
  return touched
}

type Answering = ReadonlyMap<Username, CredentialRow>

/** The credentials by name, for every credential that has one of the new names or owners. */
async function readAnswering(
  db: Transaction<Schema>,
  scope: Scope,
  credentials: readonly NewCredential[],
): Promise<Map<Username, CredentialRow>> {
  const owners = credentials.flatMap(({ owner }) => owner ?? [])
  const rows = await db
    .selectFrom('usernames')
    .innerJoin('credentials', 'credentials.subject', 'usernames.subject')
    .selectAll('credentials')
    .where('usernames.scope', '=', scope)
    .where(is =>
      is.or([
        is('usernames.username', 'in', credentials.flatMap(namesOf)),
        ...(owners.length > 0 ? [is('credentials.owner', 'in', owners)] : []),
      ]),
    )
    .execute()
  return new Map(rows.flatMap(row => namesOf(row).map(name => [name, row] as const)))
}

/** The names of people who are blocked in every scope. */
async function readBlocked(
  db: Transaction<Schema>,
  credentials: readonly NewCredential[],
): Promise<ReadonlySet<Username>> {
  const names = credentials.map(({ username }) => username)
  const rows = await db
    .selectFrom('blocked_people')
    .select('username')
    .where('username', 'in', names)
    .execute()
  return new Set(rows.map(({ username }) => username))
}

function replacedBy({ username, owner }: NewCredential, answering: Answering): CredentialRow | undefined {
  if (owner !== undefined) return [...answering.values()].find(row => row.owner === owner)
  const named = answering.get(username)
  return named?.username === username ? named : undefined
}

/** A name that belongs to another credential, or that is given as both primary and secondary. */
function problemWith(
  credential: NewCredential,
  kept: CredentialRow | undefined,
  answering: Answering,
  scope: Scope,
): NameProblem | undefined {
  const { username, secondary, owner } = credential
  const others = (name: Username) => {
    const row = answering.get(name)
    return row?.subject !== kept?.subject ? row : undefined
  }
  const namesake = others(username)
  if (namesake !== undefined) {
    const claimable = owner !== undefined && kept === undefined && namesake.owner === null
    return { problem: claimable ? 'unclaimed' : 'username-taken', username, scope }
  }
  if (secondary === undefined) return undefined
  const taken = secondary === username || others(secondary) !== undefined
  return taken ? { problem: 'username-taken', username: secondary, scope } : undefined
}

function rowFor(
  { username, secondary, hash, owner, samePerson, enabled = true }: NewCredential,
  kept: CredentialRow | undefined,
  scope: Scope,
  { revision, at, blocked }: Stamp & { readonly blocked: boolean },
): CredentialRow {
  return {
    // Upstreams identify users by it, so it outlives every reset.
    subject: kept?.subject ?? (randomUUID() as Subject),
    scope,
    username,
    secondary: secondary ?? null,
    hash,
    // For a new credential: writing leaves these of existing ones unchanged.
    enabled: enabled && !blocked ? 1 : 0,
    blocked: blocked ? 1 : 0,
    off_by: enabled ? null : 'unknown',
    set_at: at,
    revision,
    owner: owner ?? kept?.owner ?? null,
    unproved: owner !== undefined || kept?.owner == null ? 0 : samePerson ? kept.unproved : 1,
  }
}
