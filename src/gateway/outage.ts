/** The parts whose failure is ours and never the caller's: the label of `altgate_outages_total`. */
export type Part = 'store' | 'redis' | 'hashing' | 'upstream' | 'accounts' | 'gateway' | 'audit'

/**
 * A part that we depend on failed. The one error a port may throw; `gateway.ts` catches it once and answers
 * 503. It must never become a 401, because git erases a stored password on 401.
 */
export class Outage extends Error {
  readonly part: Part

  constructor(part: Part, cause: unknown) {
    super(`${part} is out of order`, { cause })
    this.name = 'Outage'
    this.part = part
  }
}

/**
 * The store failed when a change was to be committed, or when it had been: nobody may say that nothing was changed.
 * `perhaps`: it may or may not be in force. `made`: it is, but not every gateway could be asked whether it knows; from
 * `lastBy` on, those that do not let nobody in by what they knew. `silent`: the hosts of those that had not confirmed when
 * they were last seen; empty if they never were.
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
