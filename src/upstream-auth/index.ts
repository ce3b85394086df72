import type { Account } from '../gateway/account.ts'
import { type Allow, unreachable } from '../gateway/decision.ts'
import { Outage } from '../gateway/outage.ts'
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
  /** Those that accounts of the store name. */
  readonly byName: Readonly<Record<string, MethodOptions>>
}

/** What decides about the method of an account. */
type WhichAccount = Pick<Account, 'name' | 'upstreamAuth'>

/**
 * What is for an account: what its row names, else its entry in the settings, else the usual. `undefined`: the settings do
 * not have what the row names, and nothing else may take its place, because an upstream would get what is not for it.
 */
function choosing<T>(
  { standard, byAccount, byName }: UpstreamAuthOptions,
  from: (options: MethodOptions) => T,
): (account: WhichAccount) => T | undefined {
  const all = (options: Readonly<Record<string, MethodOptions>>) =>
    new Map(Object.entries(options).map(([name, own]) => [name, from(own)]))
  const [usual, ofAccounts, ofNames] = [from(standard), all(byAccount), all(byName)]
  return ({ name, upstreamAuth }) =>
    upstreamAuth === undefined ? (ofAccounts.get(name) ?? usual) : ofNames.get(upstreamAuth)
}

/** All options that the settings have. */
function allMethods({ standard, byAccount, byName }: UpstreamAuthOptions): readonly MethodOptions[] {
  return [standard, ...Object.values(byAccount), ...Object.values(byName)]
}

/** The methods as the settings name them. */
export function methodsOf(settings: {
  readonly upstreamAuth: MethodOptions
  readonly upstreamAuthByAccount: Readonly<Record<string, MethodOptions>>
  readonly upstreamAuthByName: Readonly<Record<string, MethodOptions>>
}): UpstreamAuthOptions {
  return {
    standard: settings.upstreamAuth,
    byAccount: settings.upstreamAuthByAccount,
    byName: settings.upstreamAuthByName,
  }
}

/** Whether a request reaches its upstream as its user: by the method of its account, unless its user is in the fallback. */
export function createDelegates(options: UpstreamAuthOptions): (allowed: Allow) => boolean {
  const delegatesFor = choosing(options, own => {
    if (own.method !== 'delegated') return () => false
    const isExempt = exempt(own)
    return (allowed: Allow) => !isExempt(allowed)
  })
  return allowed => delegatesFor(allowed.account)?.(allowed) ?? false
}

/** The scope of the tokens that requests act with; `undefined` if the settings have no method `delegated`. */
export function delegatedScope(options: UpstreamAuthOptions): string | undefined {
  return allMethods(options).find(own => own.method === 'delegated')?.scope
}

/** Which accounts have the method `delegated`, for the page: their users are asked to allow it. */
export function delegatedUpstreams(options: UpstreamAuthOptions): {
  readonly scope: string | undefined
  readonly isDelegated: (account: WhichAccount) => boolean
} {
  const isDelegated = choosing(options, own => own.method === 'delegated')
  return { scope: delegatedScope(options), isDelegated: account => isDelegated(account) ?? false }
}

/** Authenticates requests to the upstreams, by each account's method. */
export interface UpstreamAuth {
  readonly authorize: Authorize
  readonly methodOf: (account: WhichAccount) => MethodName | 'unknown'
  /** The keys that assertions are signed with; `undefined` where none are signed. */
  readonly publicKeys: (() => readonly PublicKey[]) | undefined
}

export function createUpstreamAuth(options: UpstreamAuthOptions, parts: MethodParts): UpstreamAuth {
  const made: Method[] = []
  const methodFor = choosing(options, own => {
    const method = { ...createMethod(own, parts), name: own.method }
    made.push(method)
    return method
  })
  const publishers = made.flatMap(({ publicKeys }) => publicKeys ?? [])

  return {
    authorize(request, goal) {
      const { account } = request.allowed
      const method = methodFor(account)
      return method === undefined ? Promise.reject(unknownMethod(account)) : method.authorize(request, goal)
    },
    methodOf: account => methodFor(account)?.name ?? 'unknown',
    publicKeys: publishers.length === 0 ? undefined : () => allKeys(publishers),
  }
}

function unknownMethod({ name, upstreamAuth }: WhichAccount): Outage {
  return new Outage(
    'upstream',
    new Error(`the settings have no upstreamAuthByName.${upstreamAuth} for ${name}`),
  )
}

/** Accounts with the same options have the same keys: each is in the set once. */
function allKeys(publishers: readonly (() => readonly PublicKey[])[]): readonly PublicKey[] {
  const keys = publishers.flatMap(published => published())
  return [...new Map(keys.map(key => [key.kid, key])).values()]
}
