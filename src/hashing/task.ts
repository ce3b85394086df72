import type { TrafficLane } from '../gateway/ask.ts'
import type { Proof } from '../gateway/names.ts'
import type { Decoy, PasswordHash } from '../gateway/ports.ts'
import type { Secret } from '../gateway/secret.ts'

/** One computation: a new hash, or a comparison. The password is a `Secret` until it is sent to who computes. */
export type Task = Making<Secret> | (Comparing<Secret> & Asked)

/** What the process that computes need not know. */
export interface Asked {
  readonly proof: Proof
  readonly traffic: TrafficLane
}

export interface Making<Password> {
  readonly password: Password
}

export interface Comparing<Password> {
  readonly password: Password
  readonly against: PasswordHash | Decoy
}

/** What was computed. */
export type Answer = { readonly made: PasswordHash } | { readonly compared: 'match' | 'mismatch' }

/** Computes a task somewhere else. `busy`: too many wait. Throws `Outage`. */
export type Compute = (task: Task) => Promise<Answer | 'busy'>
