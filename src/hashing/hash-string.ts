import { randomBytes } from 'node:crypto'
import { unreachable } from '../gateway/decision.ts'
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
  /** The length of the salt decides whether a round hashes one block more. */
  | { readonly algorithm: 'sha256-crypt' | 'sha512-crypt'; readonly rounds: number; readonly salt: number }
  | { readonly algorithm: 'apr1' | 'md5-crypt'; readonly salt: number }
  | { readonly algorithm: 'sha1' | 'salted-sha1' | 'des-crypt' }

export type Algorithm = HashParts['algorithm']

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

/**
 * MD5 crypt of Apache and of crypt(3). No salt of either has more than eight characters. The last character holds two
 * bits: the others of its spellings would refuse the right password.
 */
const md5Crypt = /^\$(apr1|1)\$([!-#%-9;-~]{0,8})\$[./0-9A-Za-z]{21}[./01]$/

/** SHA crypt, `$5$` and `$6$`. Without a number of rounds it is 5000; crypt(3) writes none below 1000. */
const shaCrypt =
  /^\$(?:5(?=.*\$[./0-9A-Za-z]{42}[./0-9A-D]$)|6(?=.*\$[./0-9A-Za-z]{85}[./01]$))\$(?:rounds=([1-9]\d{3,8})\$)?([./0-9A-Za-z]{0,16})\$[^$]+$/
const usualRounds = 5000

/** DES crypt. A bare one can begin with `decoy`, so it is kept with the prefix that LDAP gives it. */
const desCrypt = /^\{CRYPT\}[./0-9A-Za-z]{12}[.26AEIMQUYcgkosw]$/
const bareDesCrypt = /^[./0-9A-Za-z]{13}$/

/** SHA-1 as Apache and LDAP write it: of the password, or of password and salt, with the salt behind it. */
const sha1 = /^\{(S?SHA)\}([A-Za-z0-9+/]+={0,2})$/
const sha1Bytes = 20
const mostSaltBytes = 64

/** Bytes: of the salt at least what argon2 accepts, of the hash at least 128 bits. */
const saltBytes = { least: 8, most: 64 }
const hashBytes = { least: 16, most: 64 }

/** Parses a hash string. A hash that is rejected here is never computed and never matches. */
export function readHash(text: string): HashParts | Unreadable {
  if (/^\$argon2(?:id|i|d)\$/.test(text)) return readArgon2(text)
  if (/^\$2[aby]\$/.test(text)) return readBcrypt(text)
  if (/^\$(?:apr1|1)\$/.test(text)) return readMd5Crypt(text)
  if (/^\$[56]\$/.test(text)) return readShaCrypt(text)
  if (/^\{S?SHA\}/.test(text)) return readSha1(text)
  if (text.startsWith('{CRYPT}')) return desCrypt.test(text) ? { algorithm: 'des-crypt' } : 'malformed'
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
  if (!('cost' in read)) return `decoy${oldKindOf(read)}`
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
  const crypt = /^(\$(?:apr1|1|[56]\$rounds=\d+))\$(\d+)$/.exec(kind)
  if (crypt !== null) {
    const [, begin = '', salt] = crypt
    const characters = begin.startsWith('$5') ? 43 : begin.startsWith('$6') ? 86 : 22
    return `${begin}$${'.'.repeat(Number(salt))}$${'.'.repeat(characters)}` as PasswordHash
  }
  if (kind === '{SHA}') return `${kind}${randomBytes(sha1Bytes).toString('base64')}` as PasswordHash
  if (kind === '{SSHA}') return `${kind}${randomBytes(sha1Bytes + 8).toString('base64')}` as PasswordHash
  if (kind === '{CRYPT}') return `${kind}${'.'.repeat(13)}` as PasswordHash
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

/** Bytes that DES crypt reads, seven bits of each; a shorter password is filled with zeros, which no password contains. */
const desLimit = 8

/** Whether a match with this hash proves all bytes of the password, and that there are no more of them. */
export function provesWhole(password: Secret, hash: PasswordHash): boolean {
  const read = readHash(hash)
  if (typeof read === 'string') return false
  const bytes = Buffer.from(password.reveal())
  if (read.algorithm === 'des-crypt') return bytes.length < desLimit && bytes.every(byte => byte < 0x80)
  // With 72 bytes there is no terminator: the hash may have been made from a longer password.
  return read.algorithm !== 'bcrypt' || bytes.length < bcryptLimit
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

function readMd5Crypt(text: string): HashParts | Unreadable {
  const [, id, salt = ''] = md5Crypt.exec(text) ?? []
  if (id === undefined) return 'malformed'
  return { algorithm: id === '1' ? 'md5-crypt' : 'apr1', salt: salt.length }
}

function readShaCrypt(text: string): HashParts | Unreadable {
  const match = shaCrypt.exec(text)
  if (match === null) return 'malformed'
  const [, rounds = usualRounds, salt = ''] = match
  const algorithm = text.startsWith('$5$') ? 'sha256-crypt' : 'sha512-crypt'
  return { algorithm, rounds: Number(rounds), salt: salt.length }
}

function readSha1(text: string): HashParts | Unreadable {
  const [, scheme, base64 = ''] = sha1.exec(text) ?? []
  const bytes = Buffer.from(base64, 'base64')
  if (scheme === undefined || bytes.toString('base64') !== base64) return 'malformed'
  const salt = bytes.length - sha1Bytes
  if (scheme === 'SHA') return salt === 0 ? { algorithm: 'sha1' } : 'malformed'
  return salt > 0 && salt <= mostSaltBytes ? { algorithm: 'salted-sha1' } : 'malformed'
}

type OldParts = Exclude<HashParts, { readonly cost: HashCost } | { readonly algorithm: 'bcrypt' }>

function oldKindOf(parts: OldParts): string {
  switch (parts.algorithm) {
    case 'apr1':
      return `$apr1$${parts.salt}`
    case 'md5-crypt':
      return `$1$${parts.salt}`
    case 'sha256-crypt':
      return `$5$rounds=${parts.rounds}$${parts.salt}`
    case 'sha512-crypt':
      return `$6$rounds=${parts.rounds}$${parts.salt}`
    case 'sha1':
      return '{SHA}'
    case 'salted-sha1':
      return '{SSHA}'
    case 'des-crypt':
      return '{CRYPT}'
    default:
      return unreachable(parts)
  }
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
export type HashFlaw = Unreadable | 'too-dear' | 'yescrypt' | 'not-hashed'

/** The highest cost of an imported hash: a foreign file must not exhaust the machine's memory and time. */
const dearest: HashCost = { memoryKiB: 256 * 1024, passes: 16, parallelism: 8 }

/** Of bcrypt; takes a lane two to three seconds. */
const mostRounds = 15

/** Of SHA crypt; takes a lane as long. */
const mostShaRounds = 500_000

/** A hash made elsewhere, as it may be stored: argon2 in a PHC string, and all that htpasswd and crypt(3) make but yescrypt. */
export function readImportedHash(text: string): PasswordHash | HashFlaw {
  const hash = withoutLdap(text)
  const read = readHash(hash)
  if (read === 'algorithm') return flawOf(hash)
  if (typeof read === 'string') return read
  if (isTooDear(read)) return 'too-dear'
  return hash as PasswordHash // it has just been read as one
}

/** LDAP writes schemes in any case, and puts one in front of the hashes of crypt(3). Here only DES crypt has it. */
function withoutLdap(text: string): string {
  if (bareDesCrypt.test(text)) return `{CRYPT}${text}`
  const scheme = /^\{[a-z]+\}/i.exec(text)?.[0] ?? ''
  const hash = text.slice(scheme.length)
  return scheme.toUpperCase() === '{CRYPT}' && hash.startsWith('$') ? hash : scheme.toUpperCase() + hash
}

function flawOf(hash: string): HashFlaw {
  if (hash.startsWith('$y$')) return 'yescrypt'
  return /^[${_]/.test(hash) ? 'algorithm' : 'not-hashed'
}

/** Whether a stolen store gives most such passwords away within hours: one fast digest, or eight characters. */
export function isWeak(algorithm: string): boolean {
  return algorithm === 'sha1' || algorithm === 'salted-sha1' || algorithm === 'des-crypt'
}

function isTooDear(parts: HashParts): boolean {
  if ('cost' in parts) return !isAtLeast(dearest, parts.cost)
  if (!('rounds' in parts)) return false
  return parts.rounds > (parts.algorithm === 'bcrypt' ? mostRounds : mostShaRounds)
}
