import { createHmac, createSecretKey, randomInt, timingSafeEqual } from 'node:crypto'
import type { PasswordId } from './names.ts'
import { Secret } from './secret.ts'

/** What the store keeps of a generated password: a keyed hash, which proves it and from which it cannot be guessed. */
export type PasswordMac = string & { readonly passwordMac: never }

/** A new generated password. */
export interface Generated {
  /** Shown once, and kept nowhere. */
  readonly password: Secret
  readonly id: PasswordId
  readonly mac: PasswordMac
}

/**
 * Generated passwords prove themselves: `agp_`, a public part of 10 characters by which the store finds them, 22 random
 * characters (130 bits), and 6 characters of an HMAC over both. What is random needs no slow hash, so the store keeps an
 * HMAC, which costs microseconds. A wrong checksum is refused without a look-up. Secret scanners find these passwords by
 * their prefix. Older ones have no public part; it is derived from the password.
 */
export interface GeneratedPasswords {
  make(): Generated
  /** Whether it has our prefix but was not generated here: mistyped, truncated or guessed. */
  isForged(password: Secret): boolean
  /**
   * What a password of our form is found by; `undefined` for any other. `old`: it may still be stored as a password
   * hash. The checksum is not looked at.
   */
  read(password: Secret): { readonly id: PasswordId; readonly old: boolean } | undefined
  macOf(password: Secret): PasswordMac
  /** Takes the same time wherever the two differ, and also if there is no such password. */
  proves(password: Secret, mac: PasswordMac | undefined): boolean
}

/** Of passwords, and of tokens of the API. */
type Prefix = 'agp_' | 'aga_'

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const length = { id: 10, random: 22, checksum: 6 }
const form = new RegExp(
  `^([0-9A-Za-z]{${length.id}})?([0-9A-Za-z]{${length.random}})([0-9A-Za-z]{${length.checksum}})$`,
)

/** `key`: 32 random bytes kept in the store, so that every process that shares the store accepts the same passwords. */
export function createGeneratedPasswords(key: Uint8Array, prefix: Prefix = 'agp_'): GeneratedPasswords {
  const checksums = createSecretKey(key)
  const keyFor = (use: string) =>
    createSecretKey(createHmac('sha256', key).update(`altgate generated password ${use} 1`).digest())
  const [macs, ids] = [keyFor('mac'), keyFor('id')]
  const missing = 'no such password' as PasswordMac

  /** 6 of 62 characters are 35 bits; reducing 64 bits to them favours none by more than one in 300 million. */
  function checksumOf(text: string): string {
    return spelled(createHmac('sha256', checksums).update(text).digest(), length.checksum)
  }

  function macOf(password: Secret): PasswordMac {
    return `1:${createHmac('sha256', macs).update(password.reveal()).digest('base64url')}` as PasswordMac
  }

  return {
    make() {
      const draw = (count: number) =>
        Array.from({ length: count }, () => alphabet.charAt(randomInt(alphabet.length))).join('') // unbiased
      const id = draw(length.id)
      const random = draw(length.random)
      const password = new Secret(prefix + id + random + checksumOf(id + random))
      return { password, id: id as PasswordId, mac: macOf(password) }
    },
    isForged(password) {
      const text = password.reveal()
      if (!text.startsWith(prefix)) return false
      const [, id = '', random, checksum] = form.exec(text.slice(prefix.length)) ?? []
      if (random === undefined || checksum === undefined) return true
      return !timingSafeEqual(Buffer.from(checksum), Buffer.from(checksumOf(id + random)))
    },
    read(password) {
      const text = password.reveal()
      if (!text.startsWith(prefix)) return undefined
      const [, id, random] = form.exec(text.slice(prefix.length)) ?? []
      if (random === undefined) return undefined
      if (id !== undefined) return { id: id as PasswordId, old: false }
      const derived = createHmac('sha256', ids).update(random).digest()
      return { id: spelled(derived, length.id) as PasswordId, old: true }
    },
    macOf,
    proves(password, mac = missing) {
      const [own, stored] = [Buffer.from(macOf(password)), Buffer.from(mac)]
      return own.length === stored.length && timingSafeEqual(own, stored)
    },
  }
}

/** The first 64 bits in base 62, reduced to so many characters. */
function spelled(bytes: Buffer, characters: number): string {
  const base = BigInt(alphabet.length)
  let rest = bytes.readBigUInt64BE()
  let text = ''
  while (text.length < characters) {
    text = alphabet.charAt(Number(rest % base)) + text
    rest /= base
  }
  return text
}
