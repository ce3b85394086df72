import { type Allow, unreachable } from '../gateway/decision.ts'
import type { AccountName } from '../gateway/names.ts'
import type { Authorize } from '../gateway/upstream-auth.ts'
import {
  identityHeaders,
  type IdentityHeadersOptions,
  passThrough,
  type PassThroughOptions,
  strip,
  type StripOptions,
  swappedCredential,
  type SwappedCredentialOptions,
} from './credentials.ts'
import { delegated, type DelegatedOptions, exempt } from './delegated.ts'
import { entraServicePrincipal, type EntraServicePrincipalOptions } from './entra.ts'
import type { Method, MethodParts, PublicKey } from './method.ts'
import { signedAssertion, type SignedAssertionOptions } from './signed-assertion.ts'

/** The options of each method. */
export type MethodOptions = DelegatedOptions<OwnMethodOptions> | OwnMethodOptions

/** The methods by which the gateway authenticates without an access token of the user. */
type OwnMethodOptions =
  | IdentityHeadersOptions
  | StripOptions
  | SwappedCredentialOptions
  | EntraServicePrincipalOptions
  | SignedAssertionOptions
  | PassThroughOptions

export type MethodName = MethodOptions['method']

/** The list of methods: a new one is a line here and one above. */
function createMethod(options: MethodOptions, parts: MethodParts): Method {
  switch (options.method) {
    case 'identity-headers':
      return identityHeaders()
    case 'strip':
      return strip()
    case 'swapped-credential':
      return swappedCredential(options, parts)
    case 'entra-service-principal':
      return entraServicePrincipal(options, parts)
    case 'delegated': {
      const { fallback, hosts } = options
      return delegated(exempt(options), fallback && createMethod(fallback.upstreamAuth, parts), hosts)
    }
    case 'signed-assertion':
      return signedAssertion(options, parts)
    case 'pass-through':
      return passThrough()
    default:
      return unreachable(options)
  }
}

export interface UpstreamAuthOptions {
  /** For every account without an entry of its own. */
  readonly standard: MethodOptions
  readonly byAccount: Readonly<Record<string, MethodOptions>>
}

/** The methods as the settings name them. */
export function methodsOf(settings: {
  readonly upstreamAuth: MethodOptions
  readonly upstreamAuthByAccount: Readonly<Record<string, MethodOptions>>
}): UpstreamAuthOptions {
  return { standard: settings.upstreamAuth, byAccount: settings.upstreamAuthByAccount }
}

/** Whether a request reaches its upstream as its user: by the method of its account, unless its user is in the fallback. */
export function createDelegates({ standard, byAccount }: UpstreamAuthOptions): (allowed: Allow) => boolean {
  const delegatesBy = (options: MethodOptions) => {
    if (options.method !== 'delegated') return () => false
    const isExempt = exempt(options)
    return (allowed: Allow) => !isExempt(allowed)
  }
  const usual = delegatesBy(standard)
  const others = new Map(Object.entries(byAccount).map(([account, own]) => [account, delegatesBy(own)]))
  return allowed => (others.get(allowed.account.name) ?? usual)(allowed)
}

/** The scope of the tokens that requests act with; `undefined` if no account has the method `delegated`. */
export function delegatedScope({ standard, byAccount }: UpstreamAuthOptions): string | undefined {
  const all = [standard, ...Object.values(byAccount)]
  return all.find(options => options.method === 'delegated')?.scope
}

/** Which accounts have the method `delegated`, for the page: their users are asked to allow it. */
export function delegatedUpstreams(options: UpstreamAuthOptions): {
  readonly scope: string | undefined
  readonly standard: boolean
  readonly byAccount: ReadonlyMap<AccountName, boolean>
} {
  const { standard, byAccount } = options
  const named = Object.entries(byAccount).map(([account, own]) => {
    // The settings accept names of accounts only.
    return [account as AccountName, own.method === 'delegated'] as const
  })
  return {
    scope: delegatedScope(options),
    standard: standard.method === 'delegated',
    byAccount: new Map(named),
  }
}

/** Authenticates requests to the upstreams, by each account's method. */
export interface UpstreamAuth {
  readonly authorize: Authorize
  readonly methodOf: (account: AccountName) => MethodName
  /** The keys that assertions are signed with; `undefined` where none are signed. */
  readonly publicKeys: (() => readonly PublicKey[]) | undefined
}

export function createUpstreamAuth(
  { standard, byAccount }: UpstreamAuthOptions,
  parts: MethodParts,
): UpstreamAuth {
  const usual = { ...createMethod(standard, parts), name: standard.method }
  const others = new Map(
    Object.entries(byAccount).map(([account, own]) => [
      account,
      { ...createMethod(own, parts), name: own.method },
    ]),
  )
  const methodFor = (account: AccountName) => others.get(account) ?? usual
  const publishers = [usual, ...others.values()].flatMap(({ publicKeys }) => publicKeys ?? [])

  return {
    authorize: (request, goal) => methodFor(request.allowed.account.name).authorize(request, goal),
    methodOf: account => methodFor(account).name,
    publicKeys: publishers.length === 0 ? undefined : () => allKeys(publishers),
  }
}

/** Accounts with the same options have the same keys: each is in the set once. */
function allKeys(publishers: readonly (() => readonly PublicKey[])[]): readonly PublicKey[] {
  const keys = publishers.flatMap(published => published())
  return [...new Map(keys.map(key => [key.kid, key])).values()]
}
