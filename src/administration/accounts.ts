import {
  type Account,
  addressOf as publicAddress,
  type Connection,
  describe,
  pageOf,
  pagePath,
} from '../gateway/account.ts'
import { Failure } from '../common/failure.ts'
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

/** The settings that say how upstreams learn who the user is. */
type Methods = Pick<Settings, 'upstreamAuth' | 'upstreamAuthByAccount' | 'upstreamAuthByName'>

/** The method of an account; `undefined`: the settings do not have the one that it names. */
export function upstreamAuthOf(
  { name, upstreamAuth }: Pick<AccountRecord, 'name' | 'upstreamAuth'>,
  settings: Methods,
): Settings['upstreamAuth'] | undefined {
  if (upstreamAuth === undefined) return settings.upstreamAuthByAccount[name] ?? settings.upstreamAuth
  return Object.hasOwn(settings.upstreamAuthByName, upstreamAuth)
    ? settings.upstreamAuthByName[upstreamAuth]
    : undefined
}

/** The method of an account in words, and where it is from. */
export function upstreamAuthText(
  account: Pick<AccountRecord, 'name' | 'upstreamAuth'>,
  settings: Methods,
): string {
  const { name, upstreamAuth } = account
  const method = upstreamAuthOf(account, settings)?.method
  if (method === undefined) return `${upstreamAuth}, which the settings do not have: requests get 503`
  if (upstreamAuth !== undefined) return `${method} (upstreamAuthByName.${upstreamAuth})`
  return Object.hasOwn(settings.upstreamAuthByAccount, name)
    ? `${method} (upstreamAuthByAccount.${name})`
    : `${method} (upstreamAuth)`
}

/**
 * What an account is to name: a method of the settings, or `null` for what they say of it. Throws `Failure` for one that
 * they do not have.
 */
export function namedAuth(given: string, { upstreamAuthByName: named }: Methods): string | null {
  if (given === asInSettings) return null
  if (Object.hasOwn(named, given)) return given
  const all = Object.keys(named)
  throw new Failure(
    `The settings have no upstreamAuthByName.${given}. ${all.length === 0 ? 'They name no method yet: add it there, and reload all gateways' : `They have: ${all.join(', ')}`}. Nothing was changed.`,
  )
}

/** What is given to take the name of a method away from an account. */
export const asInSettings = 'default'

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
