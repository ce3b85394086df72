import { createHash, timingSafeEqual } from 'node:crypto'
import md5Crypt from 'apache-md5'
import { encrypt as shaCrypt } from 'unixcrypt'
import desCrypt from 'unix-crypt-td-js'
import { unreachable } from '../gateway/decision.ts'
import type { PasswordHash } from '../gateway/ports.ts'
import type { Secret } from '../gateway/secret.ts'
import type { Algorithm } from './hash-string.ts'

/** The algorithms of htpasswd, crypt(3) and LDAP that are computed here. */
export type CryptAlgorithm = Exclude<Algorithm, 'bcrypt' | `argon2${string}`>

/** Whether the password has this hash, which `readHash` has read. Computes at once: it may take seconds. */
export function isRightByCrypt(password: Secret, hash: PasswordHash, algorithm: CryptAlgorithm): boolean {
  const text = password.reveal()
  switch (algorithm) {
    case 'apr1':
    case 'md5-crypt':
      // The package takes each character for a byte.
      return isSame(md5Crypt(Buffer.from(text).toString('latin1'), hash), hash)
    case 'sha256-crypt':
    case 'sha512-crypt':
      return isSame(shaCrypt(text, hash.slice(0, hash.lastIndexOf('$'))), hash)
    case 'des-crypt': {
      const des = hash.slice('{CRYPT}'.length)
      return isSame(desCrypt([...Buffer.from(text)], des), des)
    }
    case 'sha1':
    case 'salted-sha1':
      return isRightBySha1(text, Buffer.from(hash.slice(hash.indexOf('}') + 1), 'base64'))
    default:
      return unreachable(algorithm)
  }
}

/** `bytes`: the digest, and the salt behind it if there is one. */
function isRightBySha1(text: string, bytes: Buffer): boolean {
  const [digest, salt] = [bytes.subarray(0, 20), bytes.subarray(20)]
  return timingSafeEqual(createHash('sha1').update(text).update(salt).digest(), digest)
}

function isSame(one: string, other: string): boolean {
  return one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other))
}
