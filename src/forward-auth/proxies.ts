import { derive, type Keys } from '../gateway/key-ring.ts'
import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Answer } from '../answers/answer.ts'
import { headerText } from '../requests/client.ts'

/** The request that a proxy holds until it has a decision, as its client sent it. */
interface Original {
  readonly method: string
  /** The request target, byte for byte as the proxy will send it to the upstream. */
  readonly target: string
}

/** How one kind of proxy asks for a decision, and how a refusal is passed to it. */
export interface ProxyKind {
  /** What the proxy reports about the request; empty where it reports nothing. */
  original(request: IncomingMessage): Original
  refuse(response: ServerResponse, answer: Answer): void
  /** Where a proxy that can pass on only a status fetches the whole answer. */
  readonly answerPath?: string
  /** The answer that a request for `answerPath` gets. */
  answer?(request: IncomingMessage): Answer | undefined
  /** Where the proxy asks what to tell its client if the upstream rejects what was presented to it. */
  readonly rejectionPath?: string
  /** What a request for `rejectionPath` reports. */
  rejection?(request: IncomingMessage): Rejection
}

/** A 401 of the upstream. */
export interface Rejection {
  /** The `Authorization` that the upstream got; empty if it got none. */
  readonly presented: string
  /** Its `WWW-Authenticate`. */
  readonly challenge: string
}

/** The supported kinds of proxies, by path. */
export function proxyKinds(carried: CarriedAnswers): Readonly<Record<string, ProxyKind>> {
  return { '/nginx': nginx(carried) }
}

/** Headers of an answer that nginx can use directly; `X-Altgate-Answer` carries the whole answer. */
const passed = ['X-Altgate-Outcome', 'X-Request-Id', 'Cache-Control', 'Retry-After', 'WWW-Authenticate']

/**
 * nginx's `auth_request` accepts 2xx, 401 and 403; anything else becomes a 500. It drops the body, and with a body it
 * cannot reuse the connection. So a refusal carries the whole answer in a header. nginx keeps it in a variable, and sends
 * it back in an ordinary request for that answer. Deciding a second time would count everything twice, and could have
 * another result. docker/nginx/nginx.conf is the other side of this protocol.
 */
export function nginx({ pack, unpack }: CarriedAnswers): ProxyKind {
  return {
    // Sent twice, they are joined with a space, and a target with a space is refused.
    original: ({ headers }) => ({
      method: headerText(headers['x-original-method']),
      target: headerText(headers['x-original-uri']),
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
    answer: ({ headers }) => unpack(headerText(headers['x-altgate-answer'])),

    rejectionPath: '/nginx/rejection',
    rejection: ({ headers }) => ({
      presented: headerText(headers['x-altgate-presented']),
      challenge: headerText(headers['x-altgate-challenge']),
    }),
  }
}

/**
 * A whole answer as one header value, for a proxy that cannot pass it on and sends it back to this port:
 * `<JSON in base64url>.<HMAC>`. It is authenticated because it is sent to the client unchanged: a forged one could be a
 * challenge that makes git erase a password.
 */
interface CarriedAnswers {
  readonly pack: (answer: Answer) => string
  /** `undefined` if it was not packed with this key, was changed, or is too old; the answer then counts as lost. */
  readonly unpack: (text: string) => Answer | undefined
}

/** The proxy comes back at once; the rest allows for clock differences between gateways. */
const longestWayMs = 5 * 60_000

/** `key`: shared by all workers and gateways, because nginx may send its second request to any of them. */
export function createCarriedAnswers({
  key,
  now,
}: {
  readonly key: Keys
  /** Milliseconds since 1970. */
  readonly now: () => number
}): CarriedAnswers {
  const secrets = derive(key, ({ bytes }) => createSecretKey(bytes))
  const seal = (content: string, secret: KeyObject): string =>
    createHmac('sha256', secret).update(`altgate answer 1 ${content}`).digest('base64url')

  return {
    pack(answer) {
      const content = Buffer.from(JSON.stringify({ at: now(), answer })).toString('base64url')
      return `${content}.${seal(content, secrets.current())}`
    },

    unpack(text) {
      const dot = text.indexOf('.')
      const content = text.slice(0, Math.max(dot, 0))
      // Compared as text: several texts decode to the same bytes.
      const claimed = Buffer.from(text.slice(dot + 1))
      const isOurs = secrets.all().some(secret => {
        const expected = Buffer.from(seal(content, secret))
        return claimed.length === expected.length && timingSafeEqual(claimed, expected)
      })
      if (!isOurs) return undefined
      // The HMAC proves that `pack` made it, so the type is known.
      const { at, answer } = JSON.parse(Buffer.from(content, 'base64url').toString()) as Packed
      return Math.abs(now() - at) <= longestWayMs ? answer : undefined
    },
  }
}

interface Packed {
  readonly at: number
  readonly answer: Answer
}
