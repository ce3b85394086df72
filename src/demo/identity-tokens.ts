import type { Configuration, errors } from 'oidc-provider'
import type { Conditions } from './identity-conditions.ts'
import { claimsOf, type Person, type PlayedAuthority } from './identity-pages.ts'

/** What the authorities of one provider have in common. */
export interface Scene {
  readonly redirectUri: string
  readonly people: readonly Person[]
  readonly revocation: boolean
  readonly conditions: Conditions
  /** How often the grants of a user were renewed, by address. */
  readonly renewals: Map<string, number>
}

/** Entra's way of naming a resource: `<resource>/.default` among the scopes. */
const resourceScope = /(?:^| )(\S+)\/\.default(?: |$)/

/** Tokens like those of Entra ID: JWTs for the resource that a scope names, and refresh tokens that rotate. */
export function tokensOf(
  authority: PlayedAuthority,
  { people, revocation, conditions, renewals }: Scene,
  { CustomOIDCProviderError, InvalidGrant }: typeof errors,
): Pick<
  Configuration,
  'extraTokenClaims' | 'features' | 'findAccount' | 'formats' | 'issueRefreshToken' | 'rotateRefreshToken'
> {
  const personOf = (accountId: string | undefined) => people.find(({ email }) => email === accountId)
  return {
    findAccount({ oidc }, accountId) {
      const person = personOf(accountId)
      if (oidc.params?.['grant_type'] === 'refresh_token') {
        renewals.set(accountId, (renewals.get(accountId) ?? 0) + 1)
        const error = conditions.refused.get(accountId)
        if (error === 'invalid_grant') throw new InvalidGrant('AADSTS50173')
        if (error !== undefined) throw new CustomOIDCProviderError(error, 'AADSTS50076: refused by a policy')
      }
      return person && { accountId, claims: () => claimsOf(person, authority) }
    },
    issueRefreshToken: (_, __, { scopes }) => conditions.refreshTokens && scopes.has('offline_access'),
    rotateRefreshToken: true,
    features: {
      devInteractions: { enabled: false },
      revocation: { enabled: revocation },
      resourceIndicators: {
        enabled: true,
        defaultResource({ oidc }, _, oneOf) {
          const scope = oidc.params?.['scope']
          const named = typeof scope === 'string' ? resourceScope.exec(scope)?.[1] : undefined
          return oneOf ?? (named && `urn:resource:${encodeURIComponent(named)}`)
        },
        useGrantedResource: () => true,
        getResourceServerInfo(_, resource) {
          const audience = decodeURIComponent(resource.replace('urn:resource:', ''))
          return {
            scope: `${audience}/.default`,
            audience,
            accessTokenFormat: 'jwt',
            jwt: { sign: { alg: 'RS256' } },
          }
        },
      },
    },
    extraTokenClaims(_, token) {
      const person = 'accountId' in token ? personOf(token.accountId) : undefined
      if (person === undefined || !('grantId' in token)) return undefined
      const { oid, tid, name, email: upn } = claimsOf(person, authority)
      // One sign-in is one session.
      return { oid, tid, name, upn, sid: token.grantId }
    },
    formats: { customizers: { jwt: (_, __, { payload }) => conditions.claims?.(payload) } },
  }
}
