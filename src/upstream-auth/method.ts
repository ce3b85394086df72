import type { Keys } from '../gateway/key-ring.ts'
import type { Authorize } from '../gateway/upstream-auth.ts'

/** One way to authenticate to an upstream, configured for the accounts that use it. */
export interface Method {
  readonly authorize: Authorize
  /** Public keys by which upstreams verify its signatures; left out where there are none. */
  readonly publicKeys?: () => readonly PublicKey[]
}

/** A member of a JSON Web Key Set (RFC 7517). */
export interface PublicKey {
  readonly kid: string
  readonly [member: string]: unknown
}

/** Reports a fault that does not fail a request; must not throw. */
export type Warn = (sentence: string, cause: unknown) => void

/** What methods are made with. */
export interface MethodParts {
  /** The public address of the gateway, which is the issuer of assertions. */
  readonly publicUrl: string
  /** 32 bytes each, shared by every process with this store, from which signing keys are derived. */
  readonly masterKey: Keys
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** The same by a clock that is never adjusted, for cached values; `now` if left out. */
  readonly steadyNow?: () => number
  readonly warn: Warn
}

/**
 * Makes Azure DevOps answer tools with a plain 401 instead of a redirect to its sign-in page. Not together with Bearer:
 * where a directory has Conditional Access, it makes Azure DevOps refuse valid tokens.
 */
export const noSignInPage = ['X-TFS-FedAuthRedirect', 'Suppress'] as const
