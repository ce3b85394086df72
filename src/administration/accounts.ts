import {
  type Account,
  addressOf as publicAddress,
  type Connection,
  describe,
  pageOf,
  pagePath,
} from '../gateway/account.ts'
import type { UnclearTarget, UpstreamFailed } from '../gateway/decision.ts'
import type { AccountName } from '../gateway/names.ts'
import type { AccountRecord } from '../gateway/registry.ts'
import { destinationOf as forwardedTo } from '../proxying/addresses.ts'
import type { Settings } from '../settings/schema.ts'

/** The settings that say what an address means. */
type Places = Pick<Settings, 'publicUrl' | 'accounts'>

/** What an account signs in with, with the id that commands ask for. */
export function connectionText(connection: Connection): string {
  const id = connection.kind === 'entra' ? ` (${connection.directoryId})` : ''
  return describe(connection) + id
}

export function whereTo(account: Pick<AccountRecord, 'name' | 'upstream'>, settings: Places): string {
  const destination = destinationOf(account, settings)
  return typeof destination === 'string' ? destination : 'nowhere, because the upstream cannot be used'
}

/** The public address of an account. */
export function addressOf(name: AccountName, { publicUrl, accounts }: Places): string {
  return publicAddress(name, publicUrl, accounts.naming)
}

/** Where its requests go, as the forwarder works it out; or what a client is told because they can go nowhere. */
export function destinationOf(
  { name, upstream }: Pick<Account, 'name' | 'upstream'>,
  { accounts: { naming } }: Places,
): string | UpstreamFailed | UnclearTarget {
  const there = forwardedTo(upstream, naming.by === 'path' ? `/${name}/` : '/', naming)
  return 'outcome' in there ? there : there.origin + there.path
}

/** The page where users reset their alternate credentials. */
export function resetPage({ publicUrl }: Places): string {
  return publicUrl + pagePath
}

/** The same page, opened for one account. */
export function resetPageOf(name: AccountName, { publicUrl }: Places): string {
  return publicUrl + pageOf(name)
}
