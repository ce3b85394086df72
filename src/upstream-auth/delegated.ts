import { LRUCache } from 'lru-cache'
import { hostFlaw } from '../common/addresses.ts'
import type { Allow } from '../gateway/decision.ts'
import { Outage } from '../gateway/outage.ts'
import { bearerOf } from '../gateway/upstream-auth.ts'
import type { Method } from './method.ts'

/** `Other`: the options of all other methods. */
export interface DelegatedOptions<Other> {
  readonly method: 'delegated'
  /** What the tokens are for: the scope that the page asks the identity provider for. */
  readonly scope: string
  /** Host names, or `*.` and what they end with. Left out: the upstreams of all accounts. */
  readonly hosts?: readonly string[]
  readonly fallback?: Fallback<Other>
}

/** Credentials that do not act by delegation, such as those of build users, and what is done for them instead. */
export interface Fallback<Other> {
  /** Primary user names, folded. */
  readonly users: readonly string[]
  readonly upstreamAuth: Other
}

/**
 * Requests reach the upstream as their user, with the access token that the gateway's decision has found. `fallback`: the
 * method for the users that `isExempt`.
 */
export function delegated(
  isExempt: (allowed: Allow) => boolean,
  fallback: Method | undefined,
  hosts?: readonly string[],
): Method {
  const flawOf = hosts && createHostCheck(hosts)
  return {
    authorize(request, goal) {
      const { allowed } = request
      const flaw = flawOf?.(goal.origin)
      if (flaw !== undefined) return Promise.reject(new Outage('upstream', new Error(flaw)))
      if (allowed.act !== undefined) return bearerOf(allowed.act)
      if (fallback !== undefined && isExempt(allowed)) return fallback.authorize(request, goal)
      // Never without a token, and never as another user.
      return Promise.reject(new Outage('provider', new Error('the decision came without a token')))
    },
    ...(fallback?.publicKeys && { publicKeys: fallback.publicKeys }),
  }
}

/** Why an upstream must not get a token; remembered for the few upstreams that there are. */
function createHostCheck(hosts: readonly string[]): (origin: string) => string | undefined {
  const known = new LRUCache<string, { readonly flaw: string | undefined }>({ max: 1000 })
  return origin => {
    const before = known.get(origin)
    if (before !== undefined) return before.flaw
    const flaw = hostFlaw(origin, hosts)
    known.set(origin, { flaw })
    return flaw
  }
}

/** Whether a request is one of those that do not act by delegation. */
export function exempt({
  fallback,
}: Pick<DelegatedOptions<unknown>, 'fallback'>): (allowed: Allow) => boolean {
  const users: ReadonlySet<string> = new Set(fallback?.users)
  return ({ username }) => users.has(username)
}
