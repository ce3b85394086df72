import { once } from 'node:events'
import { Agent, request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'

/** What a client got for one request. */
export interface Answered {
  readonly status: number
  /** `X-Altgate-Outcome`; `allow` where the upstream answered. */
  readonly outcome: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
  /** The client's end of the connection. */
  readonly clientPort: number
}

export interface AskOptions {
  /** User name and password, for the Authorization header. */
  readonly as?: readonly [username: string, password: string]
  /** More headers; an array is sent as so many lines. */
  readonly headers?: Readonly<Record<string, string | string[]>>
  /** A connection for each request if left out. */
  readonly agent?: Agent
  /** Ends the request, and then it throws. */
  readonly signal?: AbortSignal
}

/** Sends a GET, its address byte for byte as it is written. */
export async function ask(
  url: string,
  { as, headers = {}, agent, signal }: AskOptions = {},
): Promise<Answered> {
  const asking = request(url, {
    agent: agent ?? false,
    ...(signal && { signal }),
    path: url.replace(/^http:\/\/[^/]+/, ''), // `URL` would resolve and escape it
    headers: { ...(as && { authorization: basicOf(...as) }), ...headers },
  })
  const answered = once(asking, 'response')
  asking.end()
  const [response] = (await answered) as [IncomingMessage] // what `response` is documented to give
  const { statusCode = 0, headers: got, socket } = response
  const clientPort = socket.localPort ?? 0
  const outcome = got['x-altgate-outcome']
  return {
    status: statusCode,
    outcome: typeof outcome === 'string' ? outcome : 'allow',
    headers: got,
    body: await text(response),
    clientPort,
  }
}

/** Statuses and outcomes, each once, in order: `200 allow, 401 refused`. */
export function summary(answers: readonly Answered[]): string {
  return [...new Set(answers.map(({ status, outcome }) => `${status} ${outcome}`))].sort().join(', ')
}

/** The value of an Authorization header. */
export function basicOf(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}

/** One connection, kept open from one request to the next. */
export function oneConnection(): Agent {
  return new Agent({ keepAlive: true, maxSockets: 1 })
}
