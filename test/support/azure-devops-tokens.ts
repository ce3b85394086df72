import { createRemoteJWKSet, decodeJwt, type JWTPayload, jwtVerify } from 'jose'

/** The audience of tokens for Azure DevOps. */
export const azureDevOpsResource = '499b84ac-1321-427f-aa17-267ca6975798'

/** Seconds by which its clock may differ from the provider's. */
const skewSeconds = 300

/** The user that a token is for. */
export interface TokenUser {
  /** Object id in the directory, by which Azure DevOps knows users. */
  readonly oid: string
  readonly upn: string
  /** The sign-in that it comes from. */
  readonly session: string
}

/**
 * Reads tokens as Azure DevOps does: signed by the issuer of the organisation's directory, for this resource, not expired,
 * with the object id of a user. Gives why not, in one word.
 */
export type ReadToken = (token: string, directory: string) => Promise<TokenUser | 'not-a-token' | 'refused'>

/** `issuers`: by directory id. */
export function tokenReader(issuers: ReadonlyMap<string, string>): ReadToken {
  const keys = new Map<string, ReturnType<typeof createRemoteJWKSet>>()

  async function keysOf(issuer: string) {
    const known = keys.get(issuer)
    if (known !== undefined) return known
    const answer = await fetch(`${issuer}/.well-known/openid-configuration`)
    const metadata = (await answer.json()) as { readonly jwks_uri: string } // by the specification
    const fresh = createRemoteJWKSet(new URL(metadata.jwks_uri))
    keys.set(issuer, fresh)
    return fresh
  }

  return async (token, directory) => {
    if (!looksLikeToken(token)) return 'not-a-token'
    const issuer = issuers.get(directory)
    if (issuer === undefined) return 'refused'
    try {
      const { payload } = await jwtVerify(token, await keysOf(issuer), {
        issuer,
        audience: azureDevOpsResource,
        algorithms: ['RS256'],
        clockTolerance: skewSeconds,
        requiredClaims: ['oid', 'exp', 'iat'],
      })
      return payload['tid'] === directory ? userIn(payload) : 'refused'
    } catch {
      return 'refused'
    }
  }
}

function looksLikeToken(token: string): boolean {
  try {
    decodeJwt(token)
    return true
  } catch {
    return false
  }
}

function userIn({ oid, upn, sid }: JWTPayload): TokenUser | 'refused' {
  if (typeof oid !== 'string') return 'refused'
  return { oid, upn: String(upn), session: String(sid) }
}
