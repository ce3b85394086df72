import { createSecretKey, type KeyObject } from 'node:crypto'
import type { Grant } from '../gateway/delegation.ts'
import { seal, unseal } from '../gateway/sealed.ts'
import { Secret } from '../gateway/secret.ts'

/** A sealing key from the settings. */
export interface SealingKey {
  readonly id: string
  /** 32 bytes, as base64 or in hexadecimal. */
  readonly key: Secret
}

/** What a sealed token is bound to: in the row of another user, or of another provider, it does not open. */
export type Bound =
  | { readonly refreshOf: Pick<Grant, 'scope' | 'owner' | 'issuer' | 'clientId'> }
  | { readonly accessOf: Pick<Grant, 'scope' | 'owner'>; readonly of: string }

/** Seals tokens with the first key, and opens what any of the keys has sealed. */
export interface Sealing {
  /** The key that seals. */
  readonly first: string
  /** The id of the key, a dot, and the sealed token. */
  seal(token: Secret, bound: Bound): string
  /** `undefined`: none of the keys has sealed it for this. */
  open(sealed: string, bound: Bound): Secret | undefined
}

/** Throws if there is no key; the settings demand one. */
export function createSealing(keys: readonly SealingKey[]): Sealing {
  const known = new Map(keys.map(({ id, key }) => [id, keyObjectOf(key)]))
  const [first] = known
  if (first === undefined) throw new Error('there is no sealing key')
  const [id, key] = first

  return {
    first: id,
    seal: (token, bound) => `${id}.${seal(key, token.reveal(), textOf(bound))}`,
    open(sealed, bound) {
      const its = known.get(keyIdOf(sealed))
      const opened = its && unseal(its, sealed.slice(sealed.indexOf('.') + 1), textOf(bound))
      return opened && new Secret(opened.toString('utf8'))
    },
  }
}

/** The id of the key that has sealed a token. Ids hold no dot. */
export function keyIdOf(sealed: string): string {
  return sealed.slice(0, Math.max(0, sealed.indexOf('.')))
}

function keyObjectOf(key: Secret): KeyObject {
  const text = key.reveal()
  return createSecretKey(text.length === 64 ? Buffer.from(text, 'hex') : Buffer.from(text, 'base64'))
}

/** JSON, so that no two bounds are one text. */
function textOf(bound: Bound): string {
  if ('accessOf' in bound)
    return JSON.stringify(['access', bound.accessOf.scope, bound.accessOf.owner, bound.of])
  const { scope, owner, issuer, clientId } = bound.refreshOf
  return JSON.stringify(['refresh', scope, owner, issuer, clientId])
}
