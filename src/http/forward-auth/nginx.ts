import type { CarriedAnswers } from './carried-answer.ts'
import type { ProxyKind } from './proxies.ts'

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
