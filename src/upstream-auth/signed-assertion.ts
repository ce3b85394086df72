import { randomBytes, sign } from 'node:crypto'
import type { Allowed, Goal } from '../gateway/upstream-auth.ts'
import { noSignInPage, type Method, type MethodParts } from './method.ts'
import { signingKeys, type SigningAlgorithm, type SigningKey } from './signing-keys.ts'

export interface SignedAssertionOptions {
  readonly method: 'signed-assertion'
  readonly algorithm: SigningAlgorithm
  /** Days for which a key signs. */
  readonly keyDays: number
}

/** Seconds for which an assertion is good. */
const life = 60

/** Explicit typing (RFC 8725, 3.11): no other token of anybody can pass for an assertion, nor the other way round. */
const type = 'altgate-assertion+jwt'

/**
 * Who this is, signed for this one request. `Authorization: Bearer`, because that is where the JWT middleware of
 * every platform looks, and what every log leaves out. Written by hand: jose signs asynchronously and takes three
 * times as long, on every request.
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

/** `htm` and `htu` bind it to method and address, as RFC 9449 has them: without the query. */
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
