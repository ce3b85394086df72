import { eachGrant } from '../delegation/grants.ts'
import type { Unwatched, Watch } from '../delegation/watch.ts'
import type { Grant, GrantEnd, GrantStore } from '../gateway/delegation.ts'
import type { Instant, Scope, Username } from '../gateway/names.ts'
import { isoTime, moment } from './times.ts'
import type { Tools } from './tools.ts'

/** All grants of a scope, or all. Throws `Outage`. */
export async function signIns(
  grants: Pick<GrantStore, 'list'>,
  scope: Scope | undefined,
): Promise<readonly Grant[]> {
  const all: Grant[] = []
  for await (const grant of eachGrant(grants, scope)) all.push(grant)
  return all
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
  { registry, store }: Pick<Tools, 'registry' | 'store'>,
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

/** As which user, and since when. */
export function sinceText({ username, grantedAt }: Grant): string {
  return `acts as ${username ?? 'the user'} since ${moment(grantedAt)}`
}

export function endText({ at, cause }: NonNullable<Grant['ended']>): string {
  return `the sign-in ended ${moment(at)}: ${ends[cause]}`
}

/** What is known of a sign-in; the tools say whether a sealing key opens it. */
interface SignInParts {
  readonly opens: (grant: Grant) => boolean
  /** By the clock of the store. */
  readonly now: Instant
}

/** In a few words, for a table. */
export function signInCell(grant: Grant | undefined, { opens }: Pick<SignInParts, 'opens'>): string {
  if (grant === undefined) return '-'
  const { ended, renewedAt } = grant
  if (ended !== undefined) return `ended ${moment(ended.at)}: ${ends[ended.cause]}`
  const since = `${sinceText(grant)}, renewed ${moment(renewedAt)}`
  return opens(grant) ? since : `${since}; ${noKey}`
}

/** In a sentence. */
export function signInText(grant: Grant | undefined, { opens, now }: SignInParts): string {
  if (grant === undefined) return 'none'
  if (grant.ended !== undefined) return endText(grant.ended)
  const since = `${sinceText(grant)}, renewed ${moment(grant.renewedAt)}`
  return `${since}; ${opens(grant) ? tokenText(grant, now) : noKey}`
}

const noKey = 'no key in secrets.sealingKeys opens it'

/** Names each field, so that no token ever slips out. */
export function signInJson(grant: Grant, { opens }: Pick<SignInParts, 'opens'>): object {
  const { username: actsAs, grantedAt, renewedAt, checkedAt, access, ended, issuer } = grant
  const since = { actsAs, issuer, since: isoTime(grantedAt), renewedAt: isoTime(renewedAt) }
  if (ended !== undefined)
    return { state: 'ended', ...since, endedAt: isoTime(ended.at), endedBecause: ended.cause }
  return {
    state: opens(grant) ? 'active' : 'sealed-otherwise',
    ...since,
    checkedAt: isoTime(checkedAt),
    ...(access && { accessTokenUntil: isoTime(access.endsAt) }),
  }
}

/** Whether it would be noticed that a user has left, in a sentence. */
export function watchText(watch: Watch): string {
  if (watch.watched) return `checked every ${watch.everySeconds} seconds`
  const { because, until } = watch
  const end =
    until === undefined ? staysOn : `; switched off ${moment(until)} unless the user signs in on the page`
  return `not checked: ${unwatched[because]}${end}`
}

const staysOn = ', so it keeps working when the user leaves the directory'

const unwatched: Readonly<Record<Unwatched, string>> = {
  'not-set': 'signIn has no liveness for this scope',
  'no-owner': 'a command set the password, and no user has claimed it since',
  'no-sign-in': 'the user has not signed in on the page since liveness is set',
  ended: 'the sign-in has ended',
  unusable: 'the gateway cannot use the sign-in: its sealing key or app registration is not in the settings',
}

export function watchJson(watch: Watch): object {
  if (watch.watched) return watch
  const { because, until } = watch
  return { watched: false, because, ...(until !== undefined && { until: isoTime(until) }) }
}
