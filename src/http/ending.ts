import type { Ended, UpstreamFailed } from '../gateway/decision.ts'

/** Everything that ends in an answer of our own. */
export type Ending = Ended | UpstreamFailed | Unreadable | Unserved

/** A request that HTTP itself ends, before anything was asked. */
export interface Unreadable {
  readonly outcome: 'unclear-target'
  readonly flaw: 'malformed' | 'oversized-head' | 'late-head' | 'late-body' | 'transfer-coding'
}

/** A method that is never forwarded: TRACE would echo the credential. */
export interface Unserved {
  readonly outcome: 'not-allowed'
  readonly cause: 'method'
}
