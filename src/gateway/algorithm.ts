import type { Decoy, PasswordHash } from './ports.ts'

/** For people: what a hash says it was made with; `unknown` if it was damaged and matches nothing. */
export function algorithmOf(hash: PasswordHash): string {
  const id = /^\$(argon2id|argon2i|argon2d|2[aby])\$/.exec(hash)?.[1]
  if (id === undefined) return 'unknown'
  return id.startsWith('2') ? 'bcrypt' : id
}

/** Whether it stands in the place of a hash. */
export function isDecoy(against: PasswordHash | Decoy): against is Decoy {
  return against.startsWith('decoy')
}
