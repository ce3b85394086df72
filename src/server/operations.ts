import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type AddressInfo, isIPv6 } from 'node:net'
import { createServer } from '../engine/http.ts'
import { closeGently, Connections, unbounded } from './connections.ts'

export interface OperationsOptions {
  /** Whether this process should get requests, and the state of each part in a word or a sentence. */
  ready(): { readonly ready: boolean; readonly parts: Readonly<Record<string, string>> }
  metrics(): Promise<{ readonly contentType: string; readonly body: string }>
  /** What the gateway says of itself, for programs and for people. Left out: nothing. */
  readonly status?: { document(): Promise<object>; page(): Promise<StatusPage> }
  /** What `altgate reload` asks for; resolves with what to tell it. Left out: there is nothing to reload. */
  reload?(): Promise<object>
  /** Left out: unlimited. */
  readonly connections?: Connections
}

export interface OperationsServer {
  /** Resolves with its URL. Rejects with Node's error if it cannot listen. */
  listen(where: { readonly host: string; readonly port: number }): Promise<string>
  /** Waits for requests under way. */
  close(): Promise<void>
}

/** A page of HTML, and the policy that names its only script and style. */
export interface StatusPage {
  readonly body: string
  readonly policy: string
}

interface Page {
  readonly status: number
  readonly contentType: string
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Web pages cannot send it to another origin without asking first, which this server never allows. */
const reloadHeader = 'x-altgate-reload'

/**
 * The operations port: `/live` (the process runs), `/ready` (it can do its work), `/metrics` and `/status`. From this machine
 * it also takes the order of `altgate reload`. It requires no password, so it is a separate server, which must not be
 * reachable from outside. It is plain node:http: for some pages a framework would take 100 ms of each start.
 */
export function createOperationsServer(options: OperationsOptions): OperationsServer {
  const { connections = new Connections(unbounded) } = options
  // Collecting costs every worker some milliseconds, so concurrent requests share one collection.
  let collecting: ReturnType<OperationsOptions['metrics']> | undefined
  const pages = new Map<string | undefined, () => Page | Promise<Page | undefined>>([
    ['/live', () => ({ status: 200, contentType: plain, body: 'ok\n' })],
    [
      '/ready',
      () => {
        const now = options.ready()
        return { status: now.ready ? 200 : 503, contentType: json, body: JSON.stringify(now) }
      },
    ],
    [
      '/metrics',
      async () => {
        collecting ??= options.metrics().finally(() => (collecting = undefined))
        return { status: 200, ...(await collecting) }
      },
    ],
    ['/status.json', showDocument],
    ['/status', showStatus],
  ])

  async function showDocument(): Promise<Page | undefined> {
    const document = await options.status?.document()
    if (document === undefined) return undefined
    return { status: 200, contentType: json, body: JSON.stringify(document), headers: keptNowhere }
  }

  async function showStatus(): Promise<Page | undefined> {
    const page = await options.status?.page()
    if (page === undefined) return undefined
    const headers = { ...keptNowhere, 'Content-Security-Policy': page.policy }
    return { status: 200, contentType: html, body: page.body, headers }
  }

  async function reload({ socket, headers }: IncomingMessage): Promise<Page> {
    const { remoteAddress = '', localAddress } = socket
    // A connection of this machine to itself has the same address at both ends, unless it is a loopback one.
    const isLocal = remoteAddress === localAddress || /^(?:::1$|(?:::ffff:)?127\.)/.test(remoteAddress)
    if (!isLocal || headers[reloadHeader] === undefined) return notAllowed
    const told = (await options.reload?.()) ?? { outcome: 'starting' }
    return { status: 200, contentType: json, body: JSON.stringify(told) }
  }

  function pageFor(request: IncomingMessage): Page | Promise<Page | undefined> | undefined {
    const { method, url } = request
    if (method === 'POST') return url === '/reload' ? reload(request) : undefined
    return method === 'GET' || method === 'HEAD' ? pages.get(url?.split('?', 1)[0])?.() : undefined
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status, contentType, body, headers } = (await pageFor(request)) ?? notFound
    const length = Buffer.byteLength(body)
    response.writeHead(status, { 'Content-Type': contentType, 'Content-Length': length, ...headers })
    response.end(body)
  }

  const limits = { headersTimeout: connections.limits.headSeconds * 1000 }
  const server = createServer(
    limits,
    connections.inTurn((request, response) => {
      // A worker that does not answer; a throw here would end the gateway.
      serve(request, response).catch(() => response.writeHead(500, { 'Content-Length': 0 }).end())
    }),
  )
  connections.watch(server)
  return {
    async listen({ host, port: wanted }) {
      server.listen({ host, port: wanted })
      await once(server, 'listening')
      const { port } = server.address() as AddressInfo // listening on TCP: never null, never a pipe's name
      return `http://${isIPv6(host) ? `[${host}]` : host}:${port}`
    },
    close: () => closeGently(server),
  }
}

const plain = 'text/plain; charset=utf-8'
const json = 'application/json; charset=utf-8'
const html = 'text/html; charset=utf-8'
const notFound: Page = {
  status: 404,
  contentType: plain,
  body: 'Here are /live, /ready, /metrics, /status and /status.json.\n',
}

/** No other site may embed it, or read it by loading it as something else. */
const keptNowhere = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
}
const notAllowed: Page = {
  status: 403,
  contentType: plain,
  body: 'Only altgate reload on this machine may do this.\n',
}
