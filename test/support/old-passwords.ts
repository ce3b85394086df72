import { createHmac, randomBytes } from 'node:crypto'

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** A generated password as they were before they had a public part: 22 random characters and 6 of an HMAC over them. */
export function oldPassword(key: Uint8Array): string {
  const random = Array.from(randomBytes(22), byte => alphabet.charAt(byte % 62)).join('')
  let rest = createHmac('sha256', key).update(random).digest().readBigUInt64BE() % 62n ** 6n
  let checksum = ''
  while (checksum.length < 6) {
    checksum = alphabet.charAt(Number(rest % 62n)) + checksum
    rest /= 62n
  }
  return `agp_${random}${checksum}`
}
