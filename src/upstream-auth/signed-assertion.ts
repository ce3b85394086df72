import { derive, type Keys } from '../gateway/key-ring.ts'
import {
  createECDH,
  createHash,
  createPrivateKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
  sign,
  type webcrypto,
} from 'node:crypto'
import type { Allowed, Goal } from '../gateway/upstream-auth.ts'
import { type Method, type MethodParts, noSignInPage, type PublicKey } from './method.ts'

export interface SignedAssertionOptions {
  readonly method: 'signed-assertion'
  readonly algorithm: SigningAlgorithm
  /** Days for which a key signs. */
  readonly keyDays: number
}

/** Seconds for which an assertion is valid. */
const life = 60

/** Explicit typing (RFC 8725, 3.11): no other token can pass for an assertion, nor an assertion for another token. */
const type = 'altgate-assertion+jwt'

/**
 * Signs the user's identity for each request. Sent as `Authorization: Bearer`, where JWT middleware looks for it and which
 * logs leave out. Not with jose, which signs asynchronously and takes three times as long on every request.
 */
export function signedAssertion(
  { algorithm, keyDays }: SignedAssertionOptions,
  { publicUrl, masterKey, now }: MethodParts,
): Method {
  const keys = signingKeys({ algorithm, keyDays, masterKey, now })
  return {
    authorize(request, goal) {
      const claims = { iss: publicUrl, ...claimsOf(request, goal), ...timesAt(now()), jti: newId() }
      return ['Authorization', `Bearer ${jwt(keys.current(), claims)}`, ...noSignInPage]
    },
    publicKeys: () => keys.published(),
  }
}

/** `htm` and `htu` bind it to method and address as in RFC 9449, without the query. */
function claimsOf({ allowed, ask }: Allowed, { origin, path }: Goal) {
  const mark = path.indexOf('?')
  return {
    aud: origin,
    sub: allowed.subject,
    preferred_username: allowed.username,
    account: allowed.account.name,
    scope: allowed.scope,
    htm: ask.method,
    htu: origin + (mark === -1 ? path : path.slice(0, mark)),
  }
}

function timesAt(now: number): { readonly iat: number; readonly exp: number } {
  const iat = Math.floor(now / 1000)
  return { iat, exp: iat + life }
}

function newId(): string {
  return randomBytes(16).toString('base64url')
}

/** The compact form (RFC 7515, 7.1). */
function jwt({ algorithm, privateKey, publicKey }: SigningKey, claims: object): string {
  const header = { alg: algorithm, typ: type, kid: publicKey.kid }
  const text = `${base64url(header)}.${base64url(claims)}`
  const digest = algorithm === 'ES256' ? 'sha256' : null // Ed25519 hashes by itself
  const signature = sign(digest, Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' })
  return `${text}.${signature.toString('base64url')}`
}

function base64url(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}

/** How assertions are signed (RFC 7518, 3.4 and RFC 8037, 3.1). */
type SigningAlgorithm = 'ES256' | 'EdDSA'

interface SigningKey {
  readonly algorithm: SigningAlgorithm
  readonly privateKey: KeyObject
  readonly publicKey: PublicKey
}

interface SigningKeysOptions {
  readonly algorithm: SigningAlgorithm
  /** Days for which a key signs, before the next one takes over. */
  readonly keyDays: number
  readonly masterKey: Keys
  readonly now: () => number
}

interface SigningKeys {
  /** The key that signs now. */
  current(): SigningKey
  /** The present key, the previous one and the next one, of each master key. */
  published(): readonly PublicKey[]
}

const day = 24 * 60 * 60 * 1000

/**
 * One key for each period of time, derived from the master key and the number of the period: all processes on
 * all machines have the same ones without communicating. A key is published one period before its first signature and
 * kept for one after its last.
 */
export function signingKeys({ algorithm, keyDays, masterKey, now }: SigningKeysOptions): SigningKeys {
  const masters = derive(masterKey, ({ bytes }) => periodKeys(algorithm, keyDays, bytes))
  const periodNow = () => Math.floor(now() / (keyDays * day))
  return {
    current: () => masters.current()(periodNow()),
    published() {
      const period = periodNow()
      const own = masters.current()
      // Those of the master key in use come first.
      const all = [own, ...masters.all().filter(each => each !== own)]
      return all.flatMap(keyOf => [period, period + 1, period - 1].map(each => keyOf(each).publicKey))
    },
  }
}

/** The keys that are derived from one master key, by period. */
function periodKeys(
  algorithm: SigningAlgorithm,
  keyDays: number,
  masterKey: Uint8Array,
): (period: number) => SigningKey {
  const made = new Map<number, SigningKey>()
  return period => {
    const found = made.get(period)
    if (found !== undefined) return found
    for (const old of made.keys()) if (old < period - 3) made.delete(old)
    // The length of a period is in the name, so that another length makes other keys rather than shifting the same ones.
    const name = `altgate assertion ${algorithm} ${keyDays} ${period}`
    const key = keyFrom(algorithm, Buffer.from(hkdfSync('sha256', masterKey, '', name, 48)))
    made.set(period, key)
    return key
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

/** FIPS 186-5, A.2.1: 128 bits more than the order has, to make the bias negligible. */
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

/** RFC 7638; the members are already in the required order. */
function thumbprint(publicKey: webcrypto.JsonWebKey): string {
  return createHash('sha256').update(JSON.stringify(publicKey)).digest('base64url')
}
