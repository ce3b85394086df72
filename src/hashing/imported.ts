import type { PasswordHash } from '../gateway/ports.ts'
import { isAtLeast, type HashCost } from './cost.ts'
import { readHash, type HashParts, type Unreadable } from './hash-string.ts'

/** Why a hash cannot be imported. */
export type HashFlaw = Unreadable | 'too-dear'

/** The dearest that may come in: somebody else's file must not be able to take the machine's memory and time. */
const dearest: HashCost = { memoryKiB: 256 * 1024, passes: 16, parallelism: 8 }

/** Of bcrypt; takes a lane two to three seconds. */
const mostRounds = 15

/** A hash made elsewhere, as it may be stored: argon2 in a PHC string, or bcrypt (`$2a$`, `$2b$`, `$2y$`). */
export function readImportedHash(text: string): PasswordHash | HashFlaw {
  const read = readHash(text)
  if (typeof read === 'string') return read
  if (isTooDear(read)) return 'too-dear'
  return text as PasswordHash // it has just been read as one
}

function isTooDear(parts: HashParts): boolean {
  return parts.algorithm === 'bcrypt' ? parts.rounds > mostRounds : !isAtLeast(dearest, parts.cost)
}
