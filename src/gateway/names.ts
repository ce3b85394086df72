declare const brand: unique symbol
type Brand<T, Name extends string> = T & { readonly [brand]: Name }

/** The name of an account, as in a host name or a path: lower case, `fabrikam`. */
export type AccountName = Brand<string, 'AccountName'>

/** A user name as it is stored and compared: NFC, lower case. Never trimmed: clients send names verbatim. */
export type Username = Brand<string, 'Username'>

/** The id of a Microsoft Entra directory (tenant): a GUID in lower case. */
export type DirectoryId = Brand<string, 'DirectoryId'>

/** Where a credential counts: `msa`, or the id of one Entra directory. */
export type Scope = Brand<string, 'Scope'>

/** The user of a credential, as the upstream is told: stable across renames and resets. */
export type Subject = Brand<string, 'Subject'>

/**
 * A user's id at the identity provider of one scope: `oid` in an Entra directory, the stable `sub` of a Microsoft
 * account. Never an e-mail address, because those are reassigned.
 */
export type Owner = Brand<string, 'Owner'>

/** Counts the changes of the whole store. Every read states its revision. */
export type Revision = Brand<number, 'Revision'>

/** Identifies a user name in its scope: an HMAC of both. */
export type Slot = Brand<string, 'Slot'>

/** Identifies a password: an HMAC of scope, former scope, user name and password. */
export type Proof = Brand<string, 'Proof'>

/** The public part of a generated password: 10 characters. It names the password in the store and proves nothing. */
export type PasswordId = Brand<string, 'PasswordId'>

/** Milliseconds since 1970, UTC. */
export type Instant = number

export const msaScope = 'msa' as Scope

/** Longest user name in characters: an e-mail address has at most 64 + 1 + 255 (RFC 5321). */
export const longestUsername = 320

/** Longest password in bytes of UTF-8. */
export const longestPassword = 1024

const accountName = /^[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?$/

/** How the id of an Entra directory is written, in lower case. */
export const guid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** The tenant of all Microsoft accounts: it looks like a directory and is none. */
export const microsoftAccountsTenant = '9188040d-6c67-4c5b-b112-36a304b66dad'

/** Ids that are not directories: the null GUID, and the one that all Microsoft accounts share. */
const noDirectory = new Set(['00000000-0000-0000-0000-000000000000', microsoftAccountsTenant])

/** `undefined` if no account can have that name: letters, digits, `-` and `_`, at most 63. */
export function readAccountName(text: string): AccountName | undefined {
  const name = text.toLowerCase()
  return accountName.test(name) ? (name as AccountName) : undefined
}

/** `undefined` if it is not the id of an Entra directory. */
export function readDirectoryId(text: string): DirectoryId | undefined {
  const id = text.toLowerCase()
  return guid.test(id) && !noDirectory.has(id) ? (id as DirectoryId) : undefined
}

/** `msa` or a directory id, as in `--scope`; `undefined` for anything else. */
export function readScope(text: string): Scope | undefined {
  return text.toLowerCase() === msaScope ? msaScope : (readDirectoryId(text) as Scope | undefined)
}

/** NFC and lower case (RFC 8265, UsernameCaseMapped), so that all spellings of a name are one name. */
export function foldUsername(text: string): Username {
  return text.normalize('NFC').toLowerCase().normalize('NFC') as Username
}
