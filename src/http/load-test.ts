import { createHash, timingSafeEqual } from 'node:crypto'
import type { TrafficLane } from '../gateway/ask.ts'
import type { Secret } from '../gateway/secret.ts'

/** Whose requests are a load test: they come from these addresses, or bear the secret. */
export interface LoadTest {
  readonly addresses: readonly string[]
  readonly secret?: Secret
}

/** Tells the lane of a request by the client's address and the value of `X-Altgate-Load-Test`, empty if it has none. */
export type LaneReader = (from: string, presented: string) => TrafficLane

/** The header as Node spells it. Like all of ours it never reaches an upstream. */
export const loadTestHeader = 'x-altgate-load-test'

export function createLaneReader(
  secret: Secret | undefined,
  isTester: (address: string) => boolean,
): LaneReader {
  const expected = secret && digest(secret.reveal())
  const knows = (text: string): boolean => expected !== undefined && timingSafeEqual(digest(text), expected)
  // Whoever presents a wrong secret is a caller like all others, and is not told so.
  return (from, presented) =>
    (presented !== '' && knows(presented)) || isTester(from) ? 'load-test' : 'production'
}

/** Of one length, whatever was presented: only then it can be compared in constant time. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
