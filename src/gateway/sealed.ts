import { createCipheriv, createDecipheriv, randomBytes, type CipherKey } from 'node:crypto'

const cipher = 'aes-256-gcm'
const ivBytes = 12
const tagBytes = 16

/**
 * Encrypts and authenticates text with AES-256-GCM: random IV, ciphertext and tag in base64url. `bound` is authenticated
 * but not part of the result, so that a sealed text is valid for one purpose only. One key seals at most 2^32 texts
 * (NIST SP 800-38D, 8.3).
 */
export function seal(key: CipherKey, text: string, bound: string): string {
  const iv = randomBytes(ivBytes)
  const sealing = createCipheriv(cipher, key, iv).setAAD(Buffer.from(bound))
  const sealed = [iv, sealing.update(text, 'utf8'), sealing.final(), sealing.getAuthTag()]
  return Buffer.concat(sealed).toString('base64url')
}

/** The text, in UTF-8. `undefined` if it was sealed with another key or for another purpose, or was changed. */
export function unseal(key: CipherKey, sealed: string, bound: string): Buffer | undefined {
  const bytes = Buffer.from(sealed, 'base64url')
  if (bytes.length < ivBytes + tagBytes) return undefined
  const opening = createDecipheriv(cipher, key, bytes.subarray(0, ivBytes), { authTagLength: tagBytes })
    .setAAD(Buffer.from(bound))
    .setAuthTag(bytes.subarray(-tagBytes))
  const opened = opening.update(bytes.subarray(ivBytes, -tagBytes))
  try {
    opening.final()
  } catch {
    return undefined
  }
  return opened
}
