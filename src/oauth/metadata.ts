import type { Naming } from '../gateway/account.ts'

/** Where the metadata of the authorization server is (RFC 8414, 3). */
export interface MetadataPlace {
  readonly path: string
  /** With the port, if it is not the scheme's. Left out: on any host. */
  readonly host?: string
}

const wellKnown = '/.well-known/oauth-authorization-server'

/**
 * The issuer, and the one address outside `/_altgate/` that it takes. Named by path, no account can begin with a dot. Named
 * by host, the address is taken on the gateway's own host only; if that could be the host of an account as well, the issuer
 * has a path, which then ends the address and which no upstream has.
 */
export function issuerOf(
  publicUrl: string,
  naming: Naming,
): { readonly issuer: string; readonly metadata: MetadataPlace } {
  if (naming.by === 'path') return { issuer: publicUrl, metadata: { path: wellKnown } }
  const { host, hostname } = new URL(publicUrl)
  if (!hostname.endsWith(naming.suffix)) return { issuer: publicUrl, metadata: { path: wellKnown, host } }
  return { issuer: `${publicUrl}/_altgate`, metadata: { path: `${wellKnown}/_altgate`, host } }
}

export const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'

/** The metadata (RFC 8414, 2). */
export function metadataOf(
  issuer: string,
  publicUrl: string,
  deviceCodes: boolean,
): Readonly<Record<string, unknown>> {
  const at = (name: string) => `${publicUrl}/_altgate/oauth/${name}`
  return {
    issuer,
    authorization_endpoint: at('authorize'),
    token_endpoint: at('token'),
    ...(deviceCodes && { device_authorization_endpoint: at('device_authorization') }),
    revocation_endpoint: at('revoke'),
    scopes_supported: ['git'],
    response_types_supported: ['code'],
    response_modes_supported: ['query', 'fragment'],
    grant_types_supported: ['authorization_code', 'refresh_token', ...(deviceCodes ? [deviceGrant] : [])],
    token_endpoint_auth_methods_supported: ['none'],
    revocation_endpoint_auth_methods_supported: ['none'],
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
  }
}
