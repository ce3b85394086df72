import type { Secret } from '../gateway/secret.ts'

/** Who calls. `name` is what the report calls it. */
export type Caller = Good | Wrong | Unknown | Anonymous

/** Presents its credential, and expects this decision. */
export interface Good extends Share {
  readonly kind: 'good'
  readonly user: string
  readonly password: Secret
  readonly expect: 'allow' | 'reset-needed' | 'disabled'
}

/** Guesses the password of a user name that somebody has; never the same one twice. */
export interface Wrong extends Share {
  readonly kind: 'wrong'
  readonly user: string
}

/** Guesses both; never the same user name twice. */
export interface Unknown extends Share {
  readonly kind: 'unknown'
}

/** Presents nothing, as git does with the first request of each process. */
export interface Anonymous extends Share {
  readonly kind: 'anonymous'
}

interface Share {
  readonly name: string
  /** How often it calls, compared with the others. */
  readonly weight: number
  /** What it asks for, after the target's address. */
  readonly path: string
}

/** What one load test does. */
export interface Plan {
  readonly target: Target
  readonly callers: readonly Caller[]
  readonly load: Load
  readonly thresholds: Thresholds
}

export interface Target {
  readonly name: string
  /** The address of an account: http or https, without user, query and fragment. */
  readonly url: string
  readonly loadTestSecret?: Secret
}

export interface Load {
  /** Requests due in each second; one after the other, each for `durationSeconds`. */
  readonly ratesPerSecond: readonly number[]
  readonly arrivals: 'poisson' | 'uniform'
  /** Before anything is counted, at the first rate. */
  readonly warmUpSeconds: number
  readonly durationSeconds: number
  /** From when a request was due to the end of its answer. */
  readonly timeoutSeconds: number
  /** What is due above that waits. */
  readonly requestsInFlight: number
}

/** What makes a load test fail besides a defect; both are about each `good` caller. */
export interface Thresholds {
  readonly p99Ms?: number
  readonly errorPercent?: number
}
