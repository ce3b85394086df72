import { createHmac, createSecretKey, randomInt, timingSafeEqual } from 'node:crypto'
import { Secret } from './secret.ts'

/**
 * Generated passwords contain a checksum: `agp_`, 22 random characters (130 bits), and 6 characters of an HMAC over
 * them. A guess has to match the HMAC too, so a wrong one is refused without a password hash. Secret scanners find
 * these passwords by their prefix.
 */
export interface GeneratedPasswords {
  make(): Secret
  /** Whether it has our prefix but was not generated here: mistyped, truncated or guessed. */
  isForged(password: Secret): boolean
}

const prefix = 'agp_'
const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const length = { random: 22, checksum: 6 }
const form = new RegExp(`^([0-9A-Za-z]{${length.random}})([0-9A-Za-z]{${length.checksum}})$`)

/** `key`: 32 random bytes kept in the store, so that every process that shares the store accepts the same passwords. */
export function createGeneratedPasswords(key: Uint8Array): GeneratedPasswords {
  const secret = createSecretKey(key)

  /** 6 of 62 characters are 35 bits; reducing 64 bits to them favours none by more than one in 300 million. */
  function checksumOf(random: string): string {
    const bits = createHmac('sha256', secret).update(random).digest().readBigUInt64BE()
    return spelled(bits % BigInt(alphabet.length ** length.checksum))
  }

  return {
    make() {
      const draw = () => alphabet.charAt(randomInt(alphabet.length)) // unbiased
      const random = Array.from({ length: length.random }, draw).join('')
      return new Secret(prefix + random + checksumOf(random))
    },
    isForged(password) {
      const text = password.reveal()
      if (!text.startsWith(prefix)) return false
      const [, random, checksum] = form.exec(text.slice(prefix.length)) ?? []
      if (random === undefined || checksum === undefined) return true
      return !timingSafeEqual(Buffer.from(checksum), Buffer.from(checksumOf(random)))
    },
  }
}

/** A number in base 62, padded to the checksum's length. */
function spelled(number: bigint): string {
  const base = BigInt(alphabet.length)
  let rest = number
  let text = ''
  while (text.length < length.checksum) {
    text = alphabet.charAt(Number(rest % base)) + text
    rest /= base
  }
  return text
}
