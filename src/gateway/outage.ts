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
