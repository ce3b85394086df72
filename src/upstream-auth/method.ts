import type { Authorize } from '../gateway/upstream-auth.ts'

/** One way to tell an upstream who it is, set up for the accounts that use it. */
export interface Method {
  readonly authorize: Authorize
  /** Public keys by which upstreams check what it says; left out where there is nothing to check. */
  readonly publicKeys?: () => readonly PublicKey[]
}

/** A member of a JSON Web Key Set (RFC 7517). */
export interface PublicKey {
  readonly kid: string
  readonly [member: string]: unknown
}

/** Told what goes wrong without a request failing over it; must not throw. */
export type Warn = (sentence: string, cause: unknown) => void

/** What methods are made with. */
export interface MethodParts {
  /** How people reach the gateway: who speaks in an assertion. */
  readonly publicUrl: string
  /** 32 bytes that every process with this store has: signing keys are derived from them. */
  readonly masterKey: Uint8Array
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** The same by a clock that nobody sets, for what is remembered; `now` if left out. */
  readonly steadyNow?: () => number
  readonly warn: Warn
}

/**
 * Azure DevOps then answers tools with a plain 401 instead of a redirect to its sign-in page. Not together with
 * Bearer: where a directory has Conditional Access, it makes Azure DevOps refuse good tokens.
 */
export const noSignInPage = ['X-TFS-FedAuthRedirect', 'Suppress'] as const
