import { scopeOf } from '../gateway/account.ts'
import type { Allow } from '../gateway/decision.ts'
import type { Delegation, Grant, GrantStore, SignInCause, UserToken } from '../gateway/delegation.ts'
import { Secret } from '../gateway/secret.ts'
import { moment } from './say.ts'
import { endText, sinceText, tokenText } from './sign-ins.ts'

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
