import type { Claims } from '../common/authorities.ts'
import { foldUsername, msaScope, type Scope, type Username } from '../gateway/names.ts'
import { hasDoubles, primaryFault } from '../passwords/usernames.ts'

/**
 * The user name, as far as the provider vouches for it: upstreams trust that name, and a membership may be waiting for
 * it. An unverified address may belong to another person, and a guest's name is set by another directory.
 */
export function usernameIn(scope: Scope, claims: Claims): Username | undefined {
  const { upn, preferred_username: preferred, email, iss, idp, acct } = claims
  const isVerified = [claims['email_verified'], claims['xms_edov']].some(each => truths.has(each))
  // Tokens of guests may lack `idp`. `acct` then tells: 0 is a member of the directory, every other value is not.
  const isGuest = (idp !== undefined && idp !== iss) || !members.has(acct)
  const names = [
    ...(scope === msaScope ? [] : [upn, ...(isGuest ? [] : [preferred])]),
    ...(isVerified ? [email] : []),
  ]
  const name = names.find(isName)
  return name === undefined ? undefined : foldUsername(name)
}

/** No operator has checked this name, so no upstream may confuse it with another one. */
function isName(claim: unknown): claim is string {
  return typeof claim === 'string' && primaryFault(claim) === undefined && !hasDoubles(claim)
}

/** Values of `acct` for a member. The claim is optional: without it, only `idp` tells. */
const members: ReadonlySet<unknown> = new Set([undefined, 0, '0'])

/** Providers send it as a boolean, a number or a string. */
const truths: ReadonlySet<unknown> = new Set([true, 1, 'true', '1'])
