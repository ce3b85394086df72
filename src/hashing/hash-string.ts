import { randomBytes } from 'node:crypto'
import type { Decoy, PasswordHash } from '../gateway/ports.ts'
import type { Secret } from '../gateway/secret.ts'

/** The parameters in a hash string. */
type HashParts =
  | {
      readonly algorithm: 'argon2id' | 'argon2i' | 'argon2d'
      readonly version: 16 | 19
      readonly cost: HashCost
    }
  /** `rounds` is the logarithm of their number. */
  | { readonly algorithm: 'bcrypt'; readonly rounds: number }

/** Why a hash cannot be read. A closed list, because the hash itself must not go into a message. */
export type Unreadable = 'algorithm' | 'malformed'

/**
 * PHC string of the argon2 reference implementation; without a version it is 1.0 (16). The `argon2` package
 * writes `p` before `t`. Nine digits fit into argon2's 32 bits; more would be truncated silently.
 */
const argon2 =
  /^\$(argon2id|argon2i|argon2d)(?:\$v=(16|19))?\$m=([1-9]\d{0,8}),(?:t=([1-9]\d{0,8}),p=([1-9]\d{0,8})|p=([1-9]\d{0,8}),t=([1-9]\d{0,8}))\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/

/**
 * 60 characters. The last ones of salt and hash hold fewer than six bits each: bcryptjs compares text, so any other
 * spelling of the same bytes would refuse the right password.
 */
const bcrypt = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{30}[.CGKOSWaeimquy26]$/

/** Bytes: of the salt at least what argon2 accepts, of the hash at least 128 bits. */
const saltBytes = { least: 8, most: 64 }
const hashBytes = { least: 16, most: 64 }

/** Parses a hash string. A hash that is rejected here is never computed and never matches. */
export function readHash(text: string): HashParts | Unreadable {
  if (/^\$argon2(?:id|i|d)\$/.test(text)) return readArgon2(text)
  if (/^\$2[aby]\$/.test(text)) return readBcrypt(text)
  return 'algorithm'
}

/**
 * A decoy that takes as long as this hash: it has exactly the parameters that the time depends on. An unreadable hash
 * takes as long as one of our own.
 */
export function kindOf(hash: PasswordHash, cost: HashCost): Decoy {
  const read = readHash(hash)
  if (typeof read === 'string') return 'decoy'
  if (read.algorithm === 'bcrypt') return `decoy$2b$${String(read.rounds).padStart(2, '0')}`
  const { memoryKiB, passes, parallelism } = read.cost
  const kind = `$${read.algorithm}$v=${read.version}$m=${memoryKiB},t=${passes},p=${parallelism}`
  const ours = `$argon2id$v=19$m=${cost.memoryKiB},t=${cost.passes},p=${cost.parallelism}`
  return kind === ours ? 'decoy' : `decoy${kind}`
}

/** A hash of a decoy's kind that belongs to no password. */
export function hashLike(decoy: Decoy): PasswordHash {
  const kind = decoy.slice('decoy'.length)
  const text = (bytes: number) => randomBytes(bytes).toString('base64').replace(/=+$/, '')
  // 22 and 31 characters of bcrypt's own base64, the last one of each in the spelling that it must have.
  if (kind.startsWith('$2b$')) return `${kind}$${'.'.repeat(22)}${'.'.repeat(31)}` as PasswordHash
  return `${kind}$${text(16)}$${text(32)}` as PasswordHash
}

/** Whether a hash is anything but argon2id, version 19, at no less than `cost` in every dimension. */
export function isOutdated(hash: PasswordHash, cost: HashCost): boolean {
  const read = readHash(hash)
  if (typeof read === 'string' || read.algorithm !== 'argon2id' || read.version !== 19) return true
  return !isAtLeast(read.cost, cost)
}

/** Bytes that bcrypt reads; a shorter password is followed by a terminator, which no password contains. */
const bcryptLimit = 72

/** Whether a match with this hash proves all bytes of the password, and that there are no more of them. */
export function provesWhole(password: Secret, hash: PasswordHash): boolean {
  const read = readHash(hash)
  if (typeof read === 'string') return false
  // With 72 bytes there is no terminator: the hash may have been made from a longer password.
  return read.algorithm !== 'bcrypt' || Buffer.byteLength(password.reveal()) < bcryptLimit
}

function readArgon2(text: string): HashParts | Unreadable {
  const match = argon2.exec(text)
  if (match === null) return 'malformed'
  const [, algorithm, version, m, t, p, pFirst, tLast, salt = '', hash = ''] = match
  const cost = { memoryKiB: Number(m), passes: Number(t ?? tLast), parallelism: Number(p ?? pFirst) }
  if (cost.memoryKiB < 8 * cost.parallelism) return 'malformed' // argon2 needs eight blocks a lane
  if (!holds(salt, saltBytes) || !holds(hash, hashBytes)) return 'malformed'
  return {
    algorithm: algorithm as 'argon2id' | 'argon2i' | 'argon2d', // the expression's three alternatives
    version: version === '19' ? 19 : 16,
    cost,
  }
}

function readBcrypt(text: string): HashParts | Unreadable {
  const rounds = Number(bcrypt.exec(text)?.[1])
  return rounds >= 4 && rounds <= 31 ? { algorithm: 'bcrypt', rounds } : 'malformed'
}

/** Base64 without padding, in its canonical spelling: Node decodes others as well, other argon2 implementations do not. */
function holds(base64: string, bytes: { readonly least: number; readonly most: number }): boolean {
  const decoded = Buffer.from(base64, 'base64')
  if (decoded.length < bytes.least || decoded.length > bytes.most) return false
  return decoded.toString('base64').replace(/=+$/, '') === base64
}

/** What one argon2id computation costs. OWASP's minimum, 19456 KiB and 2 passes, takes about 30 ms of one core. */
export interface HashCost {
  readonly memoryKiB: number
  readonly passes: number
  readonly parallelism: number
}

/** True if `cost` is not below `other` in any dimension. */
function isAtLeast(cost: HashCost, other: HashCost): boolean {
  return (
    cost.memoryKiB >= other.memoryKiB && cost.passes >= other.passes && cost.parallelism >= other.parallelism
  )
}

/** Why a hash cannot be imported. */
type HashFlaw = Unreadable | 'too-dear'

/** The highest cost of an imported hash: a foreign file must not exhaust the machine's memory and time. */
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
