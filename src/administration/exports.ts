import { msaScope, type Scope } from '../gateway/names.ts'
import type { AccountRecord, CredentialRecord, Registry } from '../gateway/registry.ts'
import { isoTime } from './times.ts'
import { lastUsedField, publicFieldsOf } from './views.ts'

const pageSize = 1000

type Reading = Pick<Registry, 'directories' | 'accounts' | 'members' | 'credentials'>

/** An object of an export, told apart by `kind`. It has nothing secret. */
export type Exported = { readonly kind: 'directory' | 'account' | 'member' | 'credential' } & object

/** Everything but secrets, in pages. Throws `Outage`. */
export async function* exportEverything(registry: Reading): AsyncGenerator<readonly Exported[]> {
  const directories = await registry.directories()
  const accounts = await registry.accounts()
  yield directories.map(({ id, name, issuer }) => ({ kind: 'directory', id, name, issuer }))
  yield accounts.map(account => ({ kind: 'account', ...fieldsOf(account) }))
  for (const { name } of accounts)
    yield (await registry.members(name)).map(({ scope, username }) => ({
      kind: 'member',
      account: name,
      scope,
      username,
    }))
  // The id of a directory is its scope.
  for (const scope of [msaScope, ...directories.map(({ id }) => id as string as Scope)])
    yield* exportCredentials(registry, scope)
}

/** The credentials of one scope, in pages. Throws `Outage`. */
export async function* exportCredentials(
  registry: Pick<Registry, 'credentials'>,
  scope: Scope,
): AsyncGenerator<readonly Exported[]> {
  for await (const page of credentialPages(registry, scope))
    yield page.map(record => ({
      kind: 'credential',
      ...publicFieldsOf(record),
      owner: record.owner,
      ...lastUsedField(record),
    }))
}

/** The credentials of one scope as the registry has them, in pages. Throws `Outage`. */
export async function* credentialPages(
  registry: Pick<Registry, 'credentials'>,
  scope: Scope,
): AsyncGenerator<readonly CredentialRecord[]> {
  let after = ''
  for (;;) {
    const page = await registry.credentials(scope, { after, most: pageSize })
    yield page
    const last = page.at(-1)
    if (last === undefined || page.length < pageSize) return
    after = last.username
  }
}

/** A page as JSON lines. */
export function linesOf(page: readonly Exported[]): string {
  return page.map(each => `${JSON.stringify(each)}\n`).join('')
}

function fieldsOf({
  name,
  upstream,
  upstreamAuth,
  connection,
  membersOnly,
  planned,
  history,
}: AccountRecord): object {
  return {
    name,
    upstream,
    ...(upstreamAuth !== undefined && { upstreamAuth }),
    connection,
    membersOnly: membersOnly ?? false,
    ...(planned && { planned: { to: planned.to, on: planned.on } }),
    history: history.map(({ since, bridgedUntil, ...rest }) => ({
      ...rest,
      since: isoTime(since),
      ...(bridgedUntil !== undefined && { bridgedUntil: isoTime(bridgedUntil) }),
    })),
  }
}
