import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Answer } from '../answers/answer.ts'

/** The request that a proxy holds back until it has a decision, as its client sent it. */
interface Original {
  readonly method: string
  /** The request target, byte for byte what the proxy will send to the upstream. */
  readonly target: string
}

/** How one kind of proxy asks for a decision, and how it can be told one that is not `allow`. */
export interface ProxyKind {
  /** What it says about the request; empty where it says nothing. */
  original(request: IncomingMessage): Original
  refuse(response: ServerResponse, answer: Answer): void
  /** Where a proxy that can pass on a status alone fetches the whole answer. */
  readonly answerPath?: string
  /** The answer that such a request asks for. */
  answer?(request: IncomingMessage): Answer | undefined
}

/** The kinds of proxies that the door understands, each at its path. */
export function proxyKinds(carried: CarriedAnswers): Readonly<Record<string, ProxyKind>> {
  return { '/nginx': nginx(carried) }
}

/** What of an answer nginx can use itself; the rest travels in `X-Altgate-Answer`. */
const passed = ['X-Altgate-Outcome', 'X-Request-Id', 'Cache-Control', 'Retry-After', 'WWW-Authenticate']

/**
 * nginx's `auth_request` knows three answers: 2xx, 401 and 403; all others become a 500. It drops their bodies, and a
 * body would cost it the connection. So a refusal carries the whole answer in a header, and nginx, which keeps headers
 * in variables, brings it back as an ordinary request for that answer. To decide a second time would count everything
 * twice, and could come out differently. docker/nginx/nginx.conf is the other end of this conversation.
 */
export function nginx({ pack, unpack }: CarriedAnswers): ProxyKind {
  return {
    original: ({ headers }) => ({
      method: textOf(headers['x-original-method']),
      target: textOf(headers['x-original-uri']),
    }),

    refuse(response, answer) {
      const headers = ['Content-Length', '0', 'X-Altgate-Answer', pack(answer)]
      for (const name of passed) {
        const value = answer.headers[name]
        if (value !== undefined) headers.push(name, value)
      }
      response.writeHead(answer.status === 401 ? 401 : 403, headers).end()
    },

    answerPath: '/nginx/answer',
    answer: ({ headers }) => unpack(textOf(headers['x-altgate-answer'])),
  }
}

/** Node joins repeated headers with commas, and no address with a blank in it is let through. */
function textOf(value: string | readonly string[] | undefined): string {
  return typeof value === 'string' ? value : (value?.join(', ') ?? '')
}

/**
 * A whole answer as the value of one header, for a proxy that cannot pass it on itself and brings it back to the door:
 * `<JSON in base64url>.<HMAC>`. Sealed, because what comes back is sent as it stands: an answer that another program
 * made could be a challenge that makes git erase a password, or no answer at all.
 */
interface CarriedAnswers {
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
