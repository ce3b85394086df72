/** What a provider is like at the moment; each can be changed while it runs. Tests use it, the demo does not. */
export interface Conditions {
  /** How the token endpoint answers: as usual, with 503, or with 429 and `Retry-After`. */
  tokens: 'usual' | 'outage' | { readonly retryAfter: number }
  /** Users whose renewals are refused, by address, with the error: `invalid_grant`, `interaction_required`, … */
  readonly refused: Map<string, string>
  /** Used refresh tokens: `work` as at Entra ID, or `end` the grant, because one of two users must be a thief. */
  usedRefreshTokens: 'work' | 'end'
  /** Whether sign-ins that ask for `offline_access` get a refresh token. */
  refreshTokens: boolean
  /** Whether it ignores `offline_access` unless `prompt=consent` is sent (OpenID Connect Core, 11). */
  offlineOnlyWithConsent: boolean
  /** Who can give the consent: the user, or only an administrator. */
  consent: 'user' | 'administrator'
  /** Seconds that the next access tokens live. */
  accessTokenSeconds: number
  /** Changes the claims of the next access tokens: another user's `oid`, another audience, an end in the past. */
  claims: ((claims: Record<string, unknown>) => void) | undefined
}

export function usualConditions(): Conditions {
  return {
    tokens: 'usual',
    refused: new Map(),
    usedRefreshTokens: 'work',
    refreshTokens: true,
    offlineOnlyWithConsent: false,
    consent: 'user',
    accessTokenSeconds: 600,
    claims: undefined,
  }
}
