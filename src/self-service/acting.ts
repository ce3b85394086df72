import type { Authority } from '../common/authorities.ts'
import { declaresCapability } from '../common/claims-request.ts'
import type { Grant, Grants } from '../gateway/delegation.ts'
import type { Owner } from '../gateway/names.ts'
import type { AccountRecord, Registry } from '../gateway/registry.ts'
import type { RequestedAccount } from './account-lookup.ts'

/** Why a sign-in asks for more than who the user is. At least one of both. */
export interface Wanted {
  /** The scope of an upstream that requests reach as their user. */
  readonly upstream?: string
  /** The gateway asks the provider from time to time whether the user is still active. */
  readonly liveness?: true
}

/** Which accounts' requests act as their users, as the settings say. */
export interface DelegatedUpstreams {
  /** The scope of all their tokens; `undefined`: no request acts as its user. */
  readonly scope: string | undefined
  readonly isDelegated: (account: Pick<AccountRecord, 'name' | 'upstreamAuth'>) => boolean
}

/** What a user has given the gateway, and what requests of their scope need. */
export interface ActingState {
  readonly wanted: Wanted | undefined
  readonly grant: Grant | undefined
  /** Days after which a credential is switched off whose user is not connected and has not signed in; left out: never. */
  readonly unwatchedDays?: number
}

/** How requests of a scope act as their users. Both throw `Outage`. */
export interface Acting {
  /** What a sign-in for this account asks for. */
  wantedFor(requested: RequestedAccount): Promise<Wanted | undefined>
  stateOf(requested: RequestedAccount, owner: Owner): Promise<ActingState>
}

interface ActingParts {
  readonly registry: Pick<Registry, 'upstreamsIn'>
  readonly grants: Pick<Grants, 'of'>
  readonly delegated: DelegatedUpstreams
}

export function createActing({ registry, grants, delegated }: ActingParts): Acting {
  /**
   * Whether an account of its scope acts by delegation: one grant is for all of them. The account itself is among them, and its
   * name is not asked for: an unknown one has none.
   */
  async function isDelegated({ scopeName: { scope } }: RequestedAccount): Promise<boolean> {
    if (delegated.scope === undefined) return false
    return (await registry.upstreamsIn(scope)).some(delegated.isDelegated)
  }

  async function wantedFor(requested: RequestedAccount): Promise<Wanted | undefined> {
    const { authority } = requested
    if ('setting' in authority) return undefined
    const upstream = (await isDelegated(requested)) ? delegated.scope : undefined
    if (upstream === undefined && authority.liveness === undefined) return undefined
    return { ...(upstream !== undefined && { upstream }), ...(authority.liveness && { liveness: true }) }
  }

  return {
    wantedFor,
    async stateOf(requested, owner) {
      const { authority, scopeName } = requested
      const days = 'setting' in authority ? undefined : authority.liveness?.unwatchedDays
      return {
        wanted: await wantedFor(requested),
        grant: await grants.of(scopeName.scope, owner),
        ...(days !== undefined && { unwatchedDays: days }),
      }
    },
  }
}

/** What a sign-in has to prove in addition, because the upstream, or a policy of the provider, demanded it. */
export interface StepUp {
  /** What to ask for; without it, the password again has to do. */
  readonly demand?: string
  /**
   * Entra ID understands what is demanded. Other providers may ignore it (OpenID Connect Core, 5.5), and would give the same
   * token again without a word.
   */
  readonly isUnderstood: boolean
}

/** `undefined`: any sign-in will do. */
export function stepUpOf({ grant }: ActingState, authority: Authority): StepUp | undefined {
  if (grant?.ended === undefined) return undefined
  const { demand, ended } = grant
  if (demand === undefined) return ended.cause === 'claims' ? { isUnderstood: false } : undefined
  return { demand, isUnderstood: declaresCapability(authority.issuer, authority) }
}

/** The scopes that a sign-in asks for in addition to those of OpenID Connect. */
export function scopesFor(wanted: Wanted | undefined): readonly string[] {
  if (wanted === undefined) return []
  // Without it a provider gives no refresh token.
  return ['offline_access', ...(wanted.upstream === undefined ? [] : [wanted.upstream])]
}
