/** The parts whose failure is never the client's fault: the label of `altgate_outages_total`. */
export type Part =
  | 'store'
  | 'redis'
  | 'hashing'
  | 'upstream'
  | 'accounts'
  /** The identity provider that renews the tokens of users (`gateway/delegation.ts`). */
  | 'provider'
  | 'gateway'
  | 'audit'

/**
 * A part that the gateway depends on failed. The only error a port may throw; `gateway.ts` catches it once and answers
 * 503. It must never become a 401, because git erases a stored password on 401.
 */
export class Outage extends Error {
  readonly part: Part

  constructor(part: Part, cause: unknown) {
    super(`${part} is unavailable`, { cause })
    this.name = 'Outage'
    this.part = part
  }
}

/**
 * The store failed during or after a commit, so the change may have been made. `perhaps`: it may or may not be in force.
 * `made`: it is in force, but some gateways have not confirmed it; at `lastBy` they stop trusting their memory.
 * `silent`: the hosts of those gateways, as last seen; empty if none was ever seen.
 */
export class InDoubt extends Outage {
  readonly made: 'perhaps' | 'made'
  readonly lastBy: number | undefined
  readonly silent: readonly string[]

  constructor(made: InDoubt['made'], cause: unknown, lastBy?: number, silent: readonly string[] = []) {
    super('store', cause instanceof Outage ? cause.cause : cause)
    this.made = made
    this.lastBy = lastBy
    this.silent = silent
  }
}
