import type { Secret } from './secret.ts'

/** What one request asks, read once at the door. */
export interface Ask {
  /** The request's id, in every text and log line about it. */
  readonly id: string
  readonly method: string
  /** The request target exactly as it stood in the request line. */
  readonly target: string
  /** The `Host` header; empty if there was none. */
  readonly host: string
  /** Every `Authorization` line: Node's own `headers` would silently keep the first of two. */
  readonly authorization: readonly Secret[]
  /** The client's address, behind trusted proxies the one they name. */
  readonly from: string
  /** Whether the client spoke https, as far as this socket or a trusted proxy can say. */
  readonly secure: boolean
  readonly lane: TrafficLane
}

/** Whose requests these are: a load test has guesses, places in the hash queue and metrics of its own. */
export type TrafficLane = 'production' | 'load-test'
