import type { Claim, Dated } from './answer.ts'

/** What one process has seen of an account. */
export interface Seen {
  /** The last answer that was acted upon, and what was kept of the account then: while that stays so, it counts. */
  readonly agreed?: Dated & { readonly kept: Claim }
  /** An answer that says something else than what is kept, and when it was first heard. */
  readonly sighting?: Dated
}

/** What follows from an answer. */
export interface Observed {
  readonly seen: Seen
  /** The account must be kept with this connection from now on. */
  readonly keep: boolean
}

/**
 * A move is believed when two answers say the same, at least `spacing` milliseconds apart, and none between them says
 * otherwise: a source that flaps changes nothing. What is found for the first time is believed at once: nobody's
 * password is at stake. That an account is gone is never written down: it may come back, and its history with it.
 */
export function observe(seen: Seen, { claim, at }: Dated, kept: Claim, spacing: number): Observed {
  if (claim === kept) return { seen: { agreed: { claim, at, kept } }, keep: false }
  if (kept === 'none') return { seen: { agreed: { claim, at, kept: claim } }, keep: true }
  const sighting = seen.sighting?.claim === claim ? seen.sighting : { claim, at }
  if (at - sighting.at < spacing) return { seen: { ...seen, sighting }, keep: false }
  if (claim === 'none') return { seen: { agreed: { claim, at, kept }, sighting }, keep: false }
  return { seen: { agreed: { claim, at, kept: claim } }, keep: true }
}

/** Whether a move has been heard of that is not yet believed. */
export function isOpen({ agreed, sighting }: Seen): boolean {
  return sighting !== undefined && agreed?.claim !== sighting.claim
}
