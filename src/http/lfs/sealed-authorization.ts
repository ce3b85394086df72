import { createSecretKey } from 'node:crypto'
import type { Allow } from '../../gateway/decision.ts'
import type { Instant } from '../../gateway/names.ts'
import { seal, unseal } from '../../gateway/sealed.ts'
import { Secret } from '../../gateway/secret.ts'

/** Who may use what an upstream gave out, and where. */
export interface Bound {
  readonly allowed: Pick<Allow, 'account' | 'scope' | 'subject'>
  /** The path of the action as clients know it; a query does not matter. */
  readonly path: string
}

/** An `Authorization` that an upstream gave out, in a form that tells a client nothing and fits nowhere else. */
export interface SealedAuthorization {
  seal(authorization: string, bound: Bound, until: Instant): string
  /** `undefined` if it was not sealed with this key, is bound to something else, has expired or was changed. */
  open(sealed: string, bound: Bound): Secret | undefined
}

/**
 * `<seconds since 1970> <iv, sealed text, tag>` with a full stop between them. `key`: 32 bytes that every process of
 * every gateway with this store has, and that seal nothing else.
 */
export function createSealedAuthorization(key: Uint8Array, now: () => Instant): SealedAuthorization {
  const secret = createSecretKey(key)

  return {
    seal(authorization, bound, until) {
      const end = String(Math.floor(until / 1000))
      return `${end}.${seal(secret, authorization, boundTo(bound, end))}`
    },
    open(sealed, bound) {
      const [end = '', text = ''] = sealed.split('.')
      if (!(Number(end) * 1000 > now())) return undefined
      const opened = unseal(secret, text, boundTo(bound, end))
      // As a Go client would write it: UTF-8, each byte as one character to Node.
      return opened && new Secret(opened.toString('latin1'))
    },
  }
}

/** Each field in quotation marks of its own: no two lists are one text. */
function boundTo({ allowed: { account, scope, subject }, path }: Bound, end: string): string {
  return JSON.stringify(['lfs action 1', account.name, scope, subject, spelled(path), end])
}

/** One spelling for a path: clients write an address anew before they ask for it. */
function spelled(path: string): string {
  return path.split('/').map(respelled).join('/')
}

function respelled(segment: string): string {
  try {
    return encodeURIComponent(decodeURIComponent(segment))
  } catch {
    return segment
  }
}
