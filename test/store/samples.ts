import type { Change } from '../../src/gateway/history.ts'
import {
  type AccountName,
  type DirectoryId,
  foldUsername,
  msaScope,
  type Owner,
  type Revision,
  type Scope,
} from '../../src/gateway/names.ts'
import type { PasswordHash } from '../../src/gateway/ports.ts'
import type { Directory, NewCredential } from '../../src/gateway/registry.ts'

export const actor = 'cli:root'
export const fabrikam = 'fabrikam' as AccountName
export const contoso = 'contoso' as AccountName
export const upstream = 'https://tfs.example.com/'

export const north = {
  id: 'aaaaaaaa-0000-4000-8000-000000000001' as DirectoryId,
  name: 'North',
} satisfies Directory
export const south = {
  id: 'bbbbbbbb-0000-4000-8000-000000000002' as DirectoryId,
  name: 'South',
  issuer: 'https://login.example.com/south',
} satisfies Directory

export const msa = msaScope
export const inNorth = north.id as string as Scope
export const inSouth = south.id as string as Scope
export const toNorth = { kind: 'entra', directoryId: north.id, directoryName: 'North' } as const
export const toSouth = { kind: 'entra', directoryId: south.id, directoryName: 'South' } as const

export const anna = foldUsername('anna@example.com')
export const boris = foldUsername('boris@example.com')
export const shortAnna = foldUsername('anna')
export const annie = foldUsername('annie')

/** Who they are to the identity provider. */
export const annaOwner = 'dddddddd-0000-4000-8000-00000000000a' as Owner
export const borisOwner = 'dddddddd-0000-4000-8000-00000000000b' as Owner

/** Not a computed hash: the store does not look inside. */
export function hashOf(word: string): PasswordHash {
  return `$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$${word}` as PasswordHash
}

/** So many credentials with both names. */
export function manyCredentials(count: number): readonly NewCredential[] {
  return Array.from({ length: count }, (_, index) => ({
    username: foldUsername(`user${index}@example.com`),
    secondary: foldUsername(`user${index}`),
    hash: hashOf(`imported${index}`),
  }))
}

export function revision(number: number): Revision {
  return number as Revision
}

/** There are no other processes to tell. */
export async function silently(_change: Change): Promise<void> {}

/** What a broken store throws. */
export const outage = { name: 'Outage', part: 'store', message: 'store is unavailable' }
