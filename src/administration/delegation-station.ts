import { scopeOf } from '../gateway/account.ts'
import type { Allow, Decision } from '../gateway/decision.ts'
import type { Delegation, Grant, GrantStore, SignInCause, UserToken } from '../gateway/delegation.ts'
import { Secret } from '../gateway/secret.ts'
import { moment } from './times.ts'
import { endText, sinceText, tokenText, watchText } from './sign-ins.ts'
import type { Tools } from './tools.ts'

/** The stations at which the user's sign-in counts. */
export type UserStation = 'delegation' | 'liveness'

/** What the station asks. */
export interface DelegationPorts {
  /** Throws `Outage`. */
  readonly grants: Pick<GrantStore, 'ofSubject'>
  /** Whether a request reaches its upstream as its user. */
  readonly delegates: (allowed: Allow) => boolean
  /** Whether a sealing key of the settings opens the grant. */
  readonly opens: (grant: Grant) => boolean
}

/**
 * A delegation that looks and leaves everything as it is: no token is renewed, so the provider is not asked whether the
 * sign-in is still valid.
 */
export function lookingDelegation(
  { grants, delegates, opens }: DelegationPorts,
  tell: (found: string) => void,
): Pick<Delegation, 'tokenFor'> {
  async function look({ account, subject }: Allow): Promise<UserToken | SignInCause> {
    const scope = scopeOf(account.connection)
    const { grant, now } = await grants.ofSubject(scope, subject)
    if (grant === undefined) return told(`no sign-in on the page for scope ${scope}`, 'no-grant')
    if (grant.ended !== undefined)
      return told(endText(grant.ended), grant.ended.cause === 'claims' ? 'claims' : 'ended')
    const since = sinceText(grant)
    if (!opens(grant)) return told(`${since}, but no key in secrets.sealingKeys opens it`, 'sealed-otherwise')
    tell(`${since}, renewed ${moment(grant.renewedAt)}; ${tokenText(grant, now)}`)
    return { token: new Secret(''), endsAt: Infinity } // nothing is sent with it
  }

  function told(found: string, cause: SignInCause): SignInCause {
    tell(found)
    return cause
  }

  return {
    tokenFor(allowed) {
      if (delegates(allowed)) return look(allowed)
      return undefined
    },
  }
}

/** Whether it would be noticed that the user has left; nothing unless the password was right. Throws `Outage`. */
export async function livenessOf(
  decision: Decision,
  { registry, store, watch }: Pick<Tools, 'registry' | 'store' | 'watch'>,
): Promise<readonly { readonly station: UserStation; readonly found: string }[]> {
  if (decision.outcome === 'refused' || !('username' in decision) || !('scope' in decision)) return []
  const { scope, username } = decision
  const record = (await registry.person(username)).find(
    each => each.scope === scope && each.username === username,
  )
  if (record === undefined) return []
  const { owner } = record
  const grant = owner === undefined ? undefined : (await store.grants.of(scope, owner)).grant
  return [{ station: 'liveness', found: watchText(watch(record, grant)) }]
}

/** Why a request cannot act as its user, for the operator. */
export const signInCauses: Readonly<Record<SignInCause, string>> = {
  'no-grant': 'the user has not signed in on the page for this scope, so nothing can act as the user',
  ended: 'the sign-in has ended: the provider refused to renew it, or the user was signed out',
  'sealed-otherwise': 'none of secrets.sealingKeys opens what the sign-in gave',
  claims: 'the upstream demanded a new sign-in (a claims challenge)',
}
