import { createHash } from 'node:crypto'
import { contosoDirectory, northwindDirectory } from './cast.ts'

/** One authority that the demo's identity provider plays. */
export interface PlayedAuthority {
  /** The first segments of its issuer's path. */
  readonly path: string
  readonly name: string
  /** What its tokens say as `tid`. */
  readonly tenant: string
}

/** Somebody who can sign in. */
export interface Person {
  readonly email: string
  readonly name: string
  readonly password: string
  /** Paths of the authorities that know this person. */
  readonly at: readonly string[]
}

/** The directory that every Microsoft account says it is in. */
const microsoftAccounts = '9188040d-6c67-4c5b-b112-36a304b66dad'

export const authorities: readonly PlayedAuthority[] = [
  { path: 'msa', name: 'Microsoft accounts', tenant: microsoftAccounts },
  { path: 'contoso', name: contosoDirectory.name, tenant: contosoDirectory.id },
  { path: 'northwind', name: northwindDirectory.name, tenant: northwindDirectory.id },
]

/** Everybody may know these passwords: nothing worth a secret may ever lie behind them. */
export const people: readonly Person[] = [
  {
    email: 'anna@example.com',
    name: 'Anna',
    password: 'anna-demo',
    at: ['msa', 'contoso', 'northwind'],
  },
  { email: 'ben@example.com', name: 'Ben', password: 'ben-demo', at: ['northwind'] },
]

/**
 * What a token of an authority says of a person. Whom an authority does not know it lets in nevertheless, as somebody
 * of another directory, like an app registration for several directories does: that is what the page must notice.
 */
export function claimsOf({ email, name, at }: Person, authority: PlayedAuthority) {
  const home = at.includes(authority.path) ? authority : authorities.find(({ path }) => at.includes(path))
  const tid = home?.tenant ?? authority.tenant
  return {
    sub: createHash('sha256').update(`${authority.path} ${email}`).digest('base64url'),
    oid: guidOf(`${tid} ${email}`),
    tid,
    name,
    preferred_username: email,
    email,
    email_verified: true,
  }
}

function guidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex')
  return hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-4$3-8$4-$5')
}
