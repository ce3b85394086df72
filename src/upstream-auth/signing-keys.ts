import {
  createECDH,
  createHash,
  createPrivateKey,
  hkdfSync,
  type KeyObject,
  type webcrypto,
} from 'node:crypto'
import type { PublicKey } from './method.ts'

/** How assertions are signed (RFC 7518, 3.4 and RFC 8037, 3.1). */
export type SigningAlgorithm = 'ES256' | 'EdDSA'

export interface SigningKey {
  readonly algorithm: SigningAlgorithm
  readonly privateKey: KeyObject
  readonly publicKey: PublicKey
}

export interface SigningKeysOptions {
  readonly algorithm: SigningAlgorithm
  /** Days for which a key signs, before the next one takes over. */
  readonly keyDays: number
  readonly masterKey: Uint8Array
  readonly now: () => number
}

export interface SigningKeys {
  /** The key that signs now. */
  current(): SigningKey
  /** The keys that sign now, signed before, and will sign next. */
  published(): readonly PublicKey[]
}

const day = 24 * 60 * 60 * 1000

/**
 * One key for each stretch of time, derived from the master key and the number of the stretch: all processes of all
 * machines have the same ones without a word between them, and a key is published one whole stretch before its first
 * signature and kept for one after its last.
 */
export function signingKeys({ algorithm, keyDays, masterKey, now }: SigningKeysOptions): SigningKeys {
  const made = new Map<number, SigningKey>()

  function keyOf(stretch: number): SigningKey {
    const found = made.get(stretch)
    if (found !== undefined) return found
    for (const old of made.keys()) if (old < stretch - 3) made.delete(old)
    // The length of a stretch is in the name: another length makes other keys, not the same ones at other times.
    const name = `altgate assertion ${algorithm} ${keyDays} ${stretch}`
    const key = keyFrom(algorithm, Buffer.from(hkdfSync('sha256', masterKey, '', name, 48)))
    made.set(stretch, key)
    return key
  }

  const stretchNow = () => Math.floor(now() / (keyDays * day))
  return {
    current: () => keyOf(stretchNow()),
    published() {
      const stretch = stretchNow()
      return [stretch, stretch + 1, stretch - 1].map(each => keyOf(each).publicKey)
    },
  }
}

function keyFrom(algorithm: SigningAlgorithm, seed: Buffer): SigningKey {
  const jwk = algorithm === 'ES256' ? p256Key(seed) : ed25519Key(seed)
  const privateKey = createPrivateKey({ key: jwk, format: 'jwk' })
  const { d: _, ...open } = jwk
  return { algorithm, privateKey, publicKey: { ...open, use: 'sig', alg: algorithm, kid: thumbprint(open) } }
}

/** The order of P-256's base point. */
const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

/** FIPS 186-5, A.2.1: 128 bits more than the order has, so that no number comes up noticeably more often. */
function p256Key(seed: Buffer): webcrypto.JsonWebKey {
  const scalar = (BigInt(`0x${seed.toString('hex')}`) % (order - 1n)) + 1n
  const d = Buffer.from(scalar.toString(16).padStart(64, '0'), 'hex')
  const curve = createECDH('prime256v1')
  curve.setPrivateKey(d)
  const point = curve.getPublicKey() // 4, then both coordinates
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map(each => each.toString('base64url'))
  return { crv: 'P-256', kty: 'EC', ...(x && { x }), ...(y && { y }), d: d.toString('base64url') }
}

/** What comes before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410, 7). */
const pkcs8Head = Buffer.from('302e020100300506032b657004220420', 'hex')

function ed25519Key(seed: Buffer): webcrypto.JsonWebKey {
  const der = Buffer.concat([pkcs8Head, seed.subarray(0, 32)])
  const { x, d } = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }).export({ format: 'jwk' })
  return { crv: 'Ed25519', kty: 'OKP', ...(x && { x }), ...(d && { d }) }
}

/** RFC 7638; the members already stand in the order that it asks for. */
function thumbprint(publicKey: webcrypto.JsonWebKey): string {
  return createHash('sha256').update(JSON.stringify(publicKey)).digest('base64url')
}
