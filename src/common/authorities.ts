import { scopeOf, type Connection } from '../gateway/account.ts'
import {
  microsoftAccountsTenant,
  msaScope,
  type DirectoryId,
  type Owner,
  type Scope,
} from '../gateway/names.ts'
import type { Directory } from '../gateway/registry.ts'
import type { Secret } from '../gateway/secret.ts'

/** Seconds by which the clocks of gateway and provider may differ: five minutes, and the time that a sign-in takes. */
export const skewSeconds = 330

/** The gateway's client id and secret at an identity provider. */
export interface Client {
  readonly clientId: string
  readonly clientSecret: Secret
  /** How often the provider is asked whether users are still active; left out: never. */
  readonly liveness?: LivenessRule
  /** Whether requests for tokens declare that claims challenges are understood; left out: at Microsoft Entra ID. */
  readonly continuousAccess?: boolean
}

/** Whether users are still active, as the settings want it known. */
export interface LivenessRule {
  /** Seconds between two checks of a user. */
  readonly everySeconds: number
  /** Days after which credentials are switched off whose users cannot be checked and have not signed in; left out: never. */
  readonly unwatchedDays?: number
  /** Primary user names to which that does not apply, folded. */
  readonly unwatchedUsers?: readonly string[]
}

/** The identity providers from the settings (`signIn`). */
export interface Authorities {
  readonly msa?: Client & { readonly issuer: string }
  /** By directory id. */
  readonly directories: Readonly<Record<string, Client & { readonly issuer?: string }>>
  /** For every directory without an entry of its own. */
  readonly entra?: Client
}

/** Where the users of one scope sign in. */
export interface Authority extends Client {
  readonly scope: Scope
  readonly issuer: string
}

/** No identity provider is configured for the scope; `setting` is the key that configures one. */
export interface NoAuthority {
  readonly setting: string
}

/** The identity provider for a connection. `known`: the directories in the store. */
export function authorityFor(
  connection: Connection,
  { msa, directories, entra }: Authorities,
  known: readonly Directory[],
): Authority | NoAuthority {
  const scope = scopeOf(connection)
  if (connection.kind === 'msa') return msa ? { ...msa, scope } : { setting: 'signIn.msa' }

  const id = connection.directoryId
  const named = Object.hasOwn(directories, id) ? directories[id] : undefined
  const client = named ?? entra
  if (client === undefined) return { setting: `signIn.directories.${id}` }
  const issuer = named?.issuer ?? known.find(each => each.id === id)?.issuer ?? entraIssuer(id)
  const { clientId, clientSecret, liveness, continuousAccess } = client
  return {
    clientId,
    clientSecret,
    scope,
    issuer,
    ...(liveness && { liveness }),
    ...(continuousAccess !== undefined && { continuousAccess }),
  }
}

/** The rule for the users of a scope; `undefined`: they are not checked. */
export function livenessIn(scope: Scope, authorities: Authorities): LivenessRule | undefined {
  return clientFor(scope, authorities)?.liveness
}

/** The client that was used for a grant, if it is still the one for its scope. */
export function clientOf(
  { scope, clientId }: { readonly scope: Scope; readonly clientId: string },
  authorities: Authorities,
): Client | undefined {
  const client = clientFor(scope, authorities)
  return client?.clientId === clientId ? client : undefined
}

function clientFor(scope: Scope, { msa, directories, entra }: Authorities): Client | undefined {
  if (scope === msaScope) return msa
  return Object.hasOwn(directories, scope) ? directories[scope] : entra
}

function entraIssuer(id: DirectoryId): string {
  return `https://login.microsoftonline.com/${id}/v2.0`
}

/** The claims of an ID token. */
export type Claims = Readonly<Record<string, unknown>>

/**
 * The owner that a token identifies in this scope. The e-mail claim identifies no one: in a foreign directory it can be
 * set to any address (nOAuth), and addresses are reassigned. `wrong-directory`: the token is from another directory.
 */
export function ownerIn(scope: Scope, { sub, oid, tid }: Claims): Owner | 'wrong-directory' | 'no-subject' {
  const tenant = typeof tid === 'string' ? tid.toLowerCase() : undefined
  if (scope === msaScope) {
    if (tenant !== undefined && tenant !== microsoftAccountsTenant) return 'wrong-directory'
    return subject(sub)
  }
  return tenant === scope ? subject(oid) : 'wrong-directory'
}

function subject(claim: unknown): Owner | 'no-subject' {
  return typeof claim === 'string' && /^[!-~]{1,255}$/.test(claim) ? (claim as Owner) : 'no-subject'
}
