import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto'
import type { Answer } from '../answer.ts'

/**
 * A whole answer as the value of one header, for a proxy that cannot pass it on itself and brings it back to the door:
 * `<JSON in base64url>.<HMAC>`. Sealed, because what comes back is sent as it stands: an answer that another program
 * made could be a challenge that makes git erase a password, or no answer at all.
 */
export interface CarriedAnswers {
  readonly pack: (answer: Answer) => string
  /** `undefined` if it was not packed with this key, was changed, or is too old: it counts as lost on the way. */
  readonly unpack: (text: string) => Answer | undefined
}

/** The proxy comes back at once; the rest is for clocks that differ between two gateways. */
const longestWayMs = 5 * 60_000

/** `key`: shared by every worker and gateway, because any of them may be the one that nginx asks the second time. */
export function createCarriedAnswers({
  key,
  now,
}: {
  readonly key: Uint8Array
  /** Milliseconds since 1970. */
  readonly now: () => number
}): CarriedAnswers {
  const secret = createSecretKey(key)
  const seal = (content: string): string =>
    createHmac('sha256', secret).update(`altgate answer 1 ${content}`).digest('base64url')

  return {
    pack(answer) {
      const content = Buffer.from(JSON.stringify({ at: now(), answer })).toString('base64url')
      return `${content}.${seal(content)}`
    },

    unpack(text) {
      const dot = text.indexOf('.')
      const content = text.slice(0, Math.max(dot, 0))
      // As text: decoding would take several texts for one seal.
      const claimed = Buffer.from(text.slice(dot + 1))
      const expected = Buffer.from(seal(content))
      if (claimed.length !== expected.length || !timingSafeEqual(claimed, expected)) return undefined
      // Only `pack` can have made it: what comes out is what was put in.
      const { at, answer } = JSON.parse(Buffer.from(content, 'base64url').toString()) as Packed
      return Math.abs(now() - at) <= longestWayMs ? answer : undefined
    },
  }
}

interface Packed {
  readonly at: number
  readonly answer: Answer
}
