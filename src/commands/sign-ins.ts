import type { Grant, GrantEnd, GrantStore } from '../gateway/delegation.ts'
import type { Instant, Scope, Username } from '../gateway/names.ts'
import { moment } from './say.ts'
import type { Tools } from './tools.ts'

/** All grants of a scope, or all. Throws `Outage`. */
export async function signIns(
  grants: Pick<GrantStore, 'list'>,
  scope: Scope | undefined,
): Promise<readonly Grant[]> {
  const all: Grant[] = []
  for (;;) {
    const batch = await grants.list(scope, all.at(-1))
    if (batch.length === 0) return all
    all.push(...batch)
  }
}

/** The same without those that have ended. Throws `Outage`. */
export async function activeSignIns(
  grants: Pick<GrantStore, 'list'>,
  scope: Scope | undefined,
): Promise<readonly Grant[]> {
  return (await signIns(grants, scope)).filter(({ ended }) => ended === undefined)
}

/**
 * The grant of a user: by their credential, or by the provider's name for a user without one. `undefined`: such a
 * credential has none; `unknown`: there is neither. Throws `Outage`.
 */
export async function signInOf(
  { registry, store }: Tools,
  scope: Scope,
  user: Username,
): Promise<Grant | undefined | 'unknown'> {
  const owner = await registry.ownerOf(scope, user)
  if (owner !== undefined) return (await store.grants.of(scope, owner)).grant
  const { current } = await store.credentials.find(scope, undefined, user)
  if (current !== undefined) return undefined
  return (await signIns(store.grants, scope)).find(({ username }) => username === user) ?? 'unknown'
}

export const ends: Readonly<Record<GrantEnd, string>> = {
  refused: 'the identity provider refused to renew it',
  disconnected: 'the user disconnected it on the page',
  'signed-out': 'an operator signed the user out',
  claims: 'the upstream demanded a new sign-in',
}

/** Until when requests go on without the identity provider. */
export function tokenText({ access }: Grant, now: Instant): string {
  if (access === undefined || access.endsAt <= now) return 'the next request renews the access token'
  return `access token until ${moment(access.endsAt)}`
}

/** Since when, and as whom. */
export function sinceText({ username, grantedAt }: Grant): string {
  return `acts as ${username ?? 'the user'} since ${moment(grantedAt)}`
}

export function endText({ at, cause }: NonNullable<Grant['ended']>): string {
  return `the sign-in ended ${moment(at)}: ${ends[cause]}`
}
