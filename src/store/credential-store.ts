import type { Kysely, RawBuilder, Selectable, Transaction } from 'kysely'
import type { History } from '../gateway/history.ts'
import type { PasswordMac } from '../gateway/generated-password.ts'
import type { Instant, Owner, PasswordId, Scope, Subject, Username } from '../gateway/names.ts'
import {
  algorithmOf,
  type CredentialStore,
  noPassword,
  type PasswordHash,
  type StoredCredential,
  type StoredPassword,
} from '../gateway/ports.ts'
import type { CredentialRecord, Registry, Switcher } from '../gateway/registry.ts'
import { momentColumns, newestIn, type Seen } from './change.ts'
import { type Database, type Placeholder, prepare, type Schema } from './database.ts'
import { insistOnKeys } from './key-rings.ts'
import { mainPassword } from './rows.ts'

/** The credentials of the store. */
export function createCredentialStore({ reading, writing }: Database, history: History): CredentialStore {
  const lookUp = prepareLookUp(reading, value => [value('scope')])
  const lookUpBoth = prepareLookUp<Looked & { former: Scope }>(reading, value => [
    value('scope'),
    value('former'),
  ])
  const lookUpLink = prepareLink(reading)

  return {
    async find(scope, former, username, password) {
      const looked = { scope, username, password: password ?? none }
      const rows = await (former === undefined ? lookUp(looked) : lookUpBoth({ ...looked, former }))
      const [asOf, current] = [newestIn(rows, history), credentialOf(scope, rows)]
      if (former === undefined) return { asOf, current, former }

      // For every name, or the time would reveal which are known. May see changes after `asOf`, but misses none up to it.
      const links = await lookUpLink({ scope, former, owner: ownerIn(former, rows) })
      const linked = links.some(({ enabled }) => enabled !== 0)
      return { asOf, current, former: credentialOf(former, rows), ...(linked && { linked }) }
    },

    async upgrade(scope, username, outdated, renewed) {
      await writing
        .transaction()
        .execute(transaction => replaceHash(transaction, { scope, username, outdated }, renewed))
    },

    async turn(scope, username, outdated, { id, mac }) {
      await writing.transaction().execute(async transaction => {
        const turned = await replaceHash(transaction, { scope, username, outdated }, noPassword)
        if (turned === undefined) return
        await insistOnKeys(transaction, [mac])
        await transaction
          .insertInto('passwords')
          .values({ ...turned, id, mac, ...mainPassword })
          // It had ended, and has come back with an import.
          .onConflict(conflict =>
            conflict
              .columns(['subject', 'id'])
              .doUpdateSet({ ...mainPassword, mac, replaced_at: null, revoked_at: null }),
          )
          .execute()
      })
    },
  }
}

/** Replaces a hash unless it is no longer there. `undefined`: it was not. */
async function replaceHash(
  db: Transaction<Schema>,
  old: { readonly scope: Scope; readonly username: Username; readonly outdated: PasswordHash },
  hash: PasswordHash,
): Promise<Pick<Schema['credentials'], 'subject' | 'set_at'> | undefined> {
  return await db
    .updateTable('credentials')
    .set({ hash })
    .where('hash', '=', old.outdated)
    .where('subject', '=', usernames =>
      usernames
        .selectFrom('usernames')
        .select('subject')
        .where('scope', '=', old.scope)
        .where('username', '=', old.username),
    )
    .returning(['subject', 'set_at'])
    .executeTakeFirst()
}

/** No generated password has this id. */
const none = '' as PasswordId

interface CredentialRow {
  readonly scope: Scope
  readonly subject: Subject
  readonly username: Username
  readonly secondary: Username | null
  readonly hash: PasswordHash
  readonly enabled: 0 | 1
  readonly owner: Owner | null
  readonly password: PasswordId | null
  readonly mac: PasswordMac
  readonly name: string | null
  readonly read_only: 0 | 1
  readonly ends_at: Instant | null
  readonly replaced_at: Instant | null
  readonly revoked_at: Instant | null
  readonly client: string | null
}

/** There is one row even without such a credential, for the revision. */
type Found = Seen & (CredentialRow | { readonly scope: null })

interface Looked {
  scope: Scope
  username: Username
  password: PasswordId
}

/** In one statement, which is one snapshot in both databases. `scopes`: where the user name is looked for. */
function prepareLookUp<Values extends Looked>(
  db: Kysely<Schema>,
  scopes: (value: Placeholder<Values>) => readonly RawBuilder<Scope>[],
) {
  return prepare(db, (value: Placeholder<Values>) =>
    db
      .selectFrom('revision')
      .leftJoin('usernames', join =>
        join.on('usernames.username', '=', value('username')).on('usernames.scope', 'in', scopes(value)),
      )
      .leftJoin('credentials', 'credentials.subject', 'usernames.subject')
      .leftJoin('passwords', join =>
        join
          .onRef('passwords.subject', '=', 'credentials.subject')
          .on('passwords.id', '=', value('password')),
      )
      .select([
        ...momentColumns,
        'credentials.scope',
        'credentials.subject',
        'credentials.username',
        'secondary',
        'hash',
        'enabled',
        'owner',
        'passwords.id as password',
        'mac',
        'name',
        'read_only',
        'ends_at',
        'replaced_at',
        'revoked_at',
        'client',
      ])
      // A left join finds all columns or none; the type that is inferred allows each of them to be missing.
      .$castTo<Found>(),
  )
}

/** The owner in `scope` linked to the one in the former scope; `enabled` is `null` if that owner has no credential. */
function prepareLink(db: Kysely<Schema>) {
  return prepare(db, (value: Placeholder<{ scope: Scope; former: Scope; owner: Owner | null }>) =>
    db
      .selectFrom('links')
      .leftJoin('credentials', join =>
        join
          .onRef('credentials.scope', '=', 'links.other_scope')
          .onRef('credentials.owner', '=', 'links.other_owner'),
      )
      .select('enabled')
      .where('links.scope', '=', value('former'))
      .where('links.owner', '=', value('owner'))
      .where('links.other_scope', '=', value('scope')),
  )
}

function ownerIn(scope: Scope, rows: readonly Found[]): Owner | null {
  const row = rows.find(found => found.scope === scope)
  return row === undefined || row.scope === null ? null : row.owner
}

function credentialOf(scope: Scope, rows: readonly Found[]): StoredCredential | undefined {
  const row = rows.find(found => found.scope === scope)
  if (row === undefined || row.scope === null) return undefined
  const { username, secondary, subject, hash } = row
  const generated = passwordIn(row)
  return {
    username,
    ...(secondary !== null && { secondary }),
    subject,
    hash,
    enabled: row.enabled === 1,
    ...(generated && { generated }),
  }
}

function passwordIn(row: CredentialRow): StoredPassword | undefined {
  const { password: id, mac, name, ends_at: endsAt, replaced_at: replacedAt, revoked_at: revokedAt } = row
  if (id === null) return undefined
  return {
    id,
    mac,
    ...(name !== null && { name }),
    ...(row.read_only === 1 && { readOnly: true }),
    ...(endsAt !== null && { endsAt }),
    ...(replacedAt !== null && { replacedAt }),
    ...(revokedAt !== null && { revokedAt }),
    ...(row.client !== null && { client: row.client }),
  }
}

/** The credentials as shown to operators and owners, without hashes. */
export function createCredentialRecords(
  reading: Kysely<Schema>,
): Pick<Registry, 'credentials' | 'ownCredential' | 'ownerOf' | 'usesOf' | 'accountsOf'> {
  const inScope = (scope: CredentialRecord['scope']) =>
    reading.selectFrom('credentials').selectAll().where('scope', '=', scope)
  return {
    async credentials(scope, page) {
      let query = inScope(scope).orderBy('username')
      if (page !== undefined) query = query.where('username', '>', page.after as Username).limit(page.most)
      const rows = await query.execute()
      return rows.map(recordOf)
    },
    async ownCredential(scope, owner) {
      const row = await inScope(scope).where('owner', '=', owner).executeTakeFirst()
      return row && recordOf(row)
    },
    async ownerOf(scope, username) {
      const row = await reading
        .selectFrom('usernames')
        .innerJoin('credentials', 'credentials.subject', 'usernames.subject')
        .select('owner')
        .where('usernames.scope', '=', scope)
        .where('usernames.username', '=', username)
        .executeTakeFirst()
      return row?.owner ?? undefined
    },
    async accountsOf(scope, username) {
      const { subject } = (await inScope(scope).where('username', '=', username).executeTakeFirst()) ?? {}
      if (subject === undefined) return []
      const uses = await reading
        .selectFrom('account_uses')
        .selectAll()
        .where('subject', '=', subject)
        .execute()
      const lists = await reading
        .selectFrom('members')
        .select('account')
        .where('subject', '=', subject)
        .execute()
      const listed = new Set(lists.map(({ account }) => account))
      const used = new Map(uses.map(each => [each.account, { at: each.used_at, from: each.used_from }]))
      return [...new Set([...used.keys(), ...listed])].toSorted().map(name => {
        const use = used.get(name)
        return { name, isListed: listed.has(name), ...(use && { use }) }
      })
    },
    async usesOf(account) {
      const rows = await reading
        .selectFrom('account_uses')
        .innerJoin('credentials', 'credentials.subject', 'account_uses.subject')
        .select(['scope', 'username', 'used_at', 'used_from'])
        .where('account', '=', account)
        .orderBy('used_at', 'desc')
        .orderBy('username')
        .execute()
      return rows.map(({ scope, username, used_at: at, used_from: from }) => ({ scope, username, at, from }))
    },
  }
}

export function recordOf(row: Selectable<Schema['credentials']>): CredentialRecord {
  const { scope, username, secondary, owner, last_used_at: at, last_used_from: from } = row
  return {
    scope,
    username,
    ...(secondary !== null && { secondary }),
    enabled: row.enabled === 1,
    ...(row.enabled === 0 && { disabledBy: switchersOf(row) }),
    algorithm: algorithmOf(row.hash),
    setAt: row.set_at,
    confirmedAt: Math.max(row.set_at, row.confirmed_at ?? 0),
    ...(owner !== null && { owner }),
    ...(row.unproved === 1 && { unproved: true as const }),
    ...(at !== null && from !== null && { lastUsed: { at, from } }),
  }
}

function switchersOf({ blocked, off_by }: Selectable<Schema['credentials']>): readonly Switcher[] {
  return [...(blocked === 1 ? (['operator'] as const) : []), ...(off_by === null ? [] : [off_by])]
}
