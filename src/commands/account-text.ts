import { type Connection, describe } from '../gateway/account.ts'
import type { AccountRecord } from '../gateway/registry.ts'
import type { Settings } from '../settings/schema.ts'
import { destinationOf } from './arguments.ts'

/** For the help of commands that take one. */
export const aboutUpstream = `
An upstream without a path gets every request with its path unchanged: with
--upstream https://host, /fabrikam/x goes to https://host/fabrikam/x. A path,
even a lone /, replaces the account's segment, as in nginx's proxy_pass: with
--upstream https://host/, /fabrikam/x goes to https://host/x.`

/** What an account signs in with, with the id that commands ask for. */
export function connectionText(connection: Connection): string {
  const id = connection.kind === 'entra' ? ` (${connection.directoryId})` : ''
  return describe(connection) + id
}

export function whereTo(account: Pick<AccountRecord, 'name' | 'upstream'>, settings: Settings): string {
  const destination = destinationOf(account, settings)
  return typeof destination === 'string' ? destination : 'nowhere, because the upstream cannot be used'
}
