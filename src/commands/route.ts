import { addressOf as publicAddress, type Account } from '../gateway/account.ts'
import type { AccountName } from '../gateway/names.ts'
import type { Settings } from '../settings/schema.ts'

/** Where people reach an account. */
export function addressOf(name: AccountName, { publicUrl, accounts }: Settings): string {
  return publicAddress(name, publicUrl, accounts.naming)
}

/** Where its requests go: without a path the upstream gets the same path, with one that replaces the account's. */
export function destinationOf(
  { name, upstream }: Pick<Account, 'name' | 'upstream'>,
  settings: Settings,
): string {
  const { pathname, origin } = new URL(upstream)
  if (hasPath(upstream)) return `${origin}${pathname.replace(/\/$/, '')}/`
  return settings.accounts.naming.by === 'path' ? `${origin}/${name}/` : `${origin}/`
}

/** Whether an upstream was given with a path, be it a lone slash. */
export function hasPath(upstream: string): boolean {
  return /^https?:\/\/[^/]+\//i.test(upstream)
}

/** Where people reset their alternate credentials. */
export function resetPage({ publicUrl }: Settings): string {
  return `${publicUrl}/_altgate/`
}

/** Where the people of one account do. */
export function resetPageOf(name: AccountName, settings: Settings): string {
  return `${resetPage(settings)}?account=${encodeURIComponent(name)}`
}
