import {
  foldUsername,
  microsoftAccountsTenant,
  msaScope,
  type DirectoryId,
  type Owner,
  type Scope,
  type Username,
} from '../gateway/names.ts'
import { scopeOf, type Connection } from '../gateway/account.ts'
import type { Directory } from '../gateway/registry.ts'
import type { Secret } from '../gateway/secret.ts'
import { hasDoubles, primaryFault } from '../passwords/usernames.ts'

/** What the identity provider calls the gateway, and how the gateway proves that it is the one. */
export interface Client {
  readonly clientId: string
  readonly clientSecret: Secret
}

/** The authorities that the settings know (`signIn`). */
export interface Authorities {
  readonly msa?: Client & { readonly issuer: string }
  /** By directory id. */
  readonly directories: Readonly<Record<string, Client & { readonly issuer?: string }>>
  /** For every directory that is not named. */
  readonly entra?: Client
}

/** Where the people of one scope sign in. */
export interface Authority extends Client {
  readonly scope: Scope
  readonly issuer: string
}

/** Nobody has said where the people of this scope sign in; `setting` would. */
export interface NoAuthority {
  readonly setting: string
}

/** Who is responsible for people of this connection. `directories`: what the store knows of them. */
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
  return { clientId: client.clientId, clientSecret: client.clientSecret, scope, issuer }
}

function entraIssuer(id: DirectoryId): string {
  return `https://login.microsoftonline.com/${id}/v2.0`
}

/** What a token says of the person in it. */
export type Claims = Readonly<Record<string, unknown>>

/**
 * Whom a token names, if it is somebody of this scope. An e-mail address proves nothing here: in a foreign directory
 * anybody can have any (nOAuth), and addresses change hands. `wrong-directory`: somebody of elsewhere.
 */
export function ownerIn(scope: Scope, { sub, oid, tid }: Claims): Owner | 'wrong-directory' | 'nobody' {
  const tenant = typeof tid === 'string' ? tid.toLowerCase() : undefined
  if (scope === msaScope) {
    if (tenant !== undefined && tenant !== microsoftAccountsTenant) return 'wrong-directory'
    return subject(sub)
  }
  return tenant === scope ? subject(oid) : 'wrong-directory'
}

/**
 * What the person is called, as far as the authority vouches for it; upstreams are told that name, and a membership may
 * wait for it. An address that is not verified can be anyone's, and a guest is called what another directory says.
 */
export function usernameIn(scope: Scope, claims: Claims): Username | undefined {
  const { upn, preferred_username: preferred, email, iss, idp, acct } = claims
  const isVerified = [claims['email_verified'], claims['xms_edov']].some(each => truths.has(each))
  // `acct` says it of a guest who signs in without `idp`: 0 is a member of the directory, and everything else is not.
  const isGuest = (idp !== undefined && idp !== iss) || !members.has(acct)
  const names = [
    ...(scope === msaScope ? [] : [upn, ...(isGuest ? [] : [preferred])]),
    ...(isVerified ? [email] : []),
  ]
  const name = names.find(isName)
  return name === undefined ? undefined : foldUsername(name)
}

/** A name that no operator has looked at, and that no upstream may take for another one. */
function isName(claim: unknown): claim is string {
  return typeof claim === 'string' && primaryFault(claim) === undefined && !hasDoubles(claim)
}

/** What `acct` is of a member. It is an optional claim: without it `idp` alone tells. */
const members: ReadonlySet<unknown> = new Set([undefined, 0, '0'])

/** Providers write it as a truth value, as a number and as text. */
const truths: ReadonlySet<unknown> = new Set([true, 1, 'true', '1'])

function subject(claim: unknown): Owner | 'nobody' {
  return typeof claim === 'string' && /^[!-~]{1,255}$/.test(claim) ? (claim as Owner) : 'nobody'
}
