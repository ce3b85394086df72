import { finished, Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import type { Tools } from '../administration/tools.ts'
import type { TokenScope } from '../gateway/api-token.ts'
import { Outage } from '../gateway/outage.ts'
import type { Settings } from '../settings/schema.ts'
import { Given } from './given.ts'
import { type ApiObserver, Rejected } from './problems.ts'
import { object, type Schema, shared } from './schemas.ts'

/** How every error is answered. */
export const problem = {
  description: 'An error (RFC 9457).',
  content: { 'application/problem+json': { schema: shared('Problem') } },
}

/** The settings that answers depend on. */
export type ApiSettings = Pick<
  Settings,
  | 'publicUrl'
  | 'accounts'
  | 'passwords'
  | 'refusals'
  | 'operations'
  | 'listen'
  | 'upstream'
  | 'redis'
  | 'upstreamAuth'
  | 'upstreamAuthByAccount'
  | 'upstreamAuthByName'
>

/** What a route works with. */
export interface Call {
  readonly tools: Tools
  readonly settings: ApiSettings
  readonly given: Given
  /** Who makes its changes, as the history has it. */
  readonly actor: string
  /** Whether the request came by https. */
  readonly isSecure: boolean
  /** Whether the answer is wanted as CSV. */
  readonly wantsCsv: boolean
}

/** An answer that is longer than what may be in memory. */
export class Streamed {
  readonly type: string
  readonly parts: AsyncIterable<string>

  constructor(type: string, parts: AsyncIterable<string>) {
    this.type = type
    this.parts = parts
  }
}

export interface Route {
  readonly does: string
  readonly needs: TokenScope
  readonly params?: Schema
  readonly query?: Schema
  readonly body?: Schema
  /** The schema of what it answers. */
  readonly answer: Schema
  /** What else it answers, by type; instead of JSON if it is lines. */
  readonly streams?: readonly (typeof csvType | typeof linesType)[]
  /** Its body may be JSON lines, and have so many bytes. */
  readonly takesLines?: { readonly mostBytes: number }
  /** It takes memory or long: only some run at a time. */
  readonly heavy?: 'always' | 'as-csv'
  readonly act: (call: Call) => Promise<object>
}

export const csvType = 'text/csv'
export const linesType = 'application/x-ndjson'

/** Milliseconds that a client has to read an answer that is streamed. */
const streamingMs = 10 * 60 * 1000

/** Whether CSV is asked for, and not less than JSON. */
function prefersCsv(accept = ''): boolean {
  const weights = new Map(
    accept.split(',').map(range => {
      const [type = '', ...parameters] = range.split(';').map(each => each.trim().toLowerCase())
      const weight = parameters.find(each => each.startsWith('q='))
      return [type, weight === undefined ? 1 : Number(weight.slice(2)) || 0] as const
    }),
  )
  const csv = weights.get(csvType) ?? 0
  return csv > 0 && csv >= (weights.get('application/json') ?? 0)
}

/** The answers by their types. */
function answersOf({ answer, streams }: Route): Schema {
  if (streams === undefined) return answer
  const json = streams.includes(linesType) ? [] : [['application/json', { schema: answer }] as const]
  const others = streams.map(type => [type, { schema: { type: 'string' } }] as const)
  return { description: 'What was asked for.', content: Object.fromEntries([...json, ...others]) }
}

function bodyOf({ body, takesLines }: Route): Schema | undefined {
  if (body === undefined || takesLines === undefined) return body
  return { content: { 'application/json': { schema: body }, [linesType]: { schema: { type: 'string' } } } }
}

/**
 * Adds routes by `METHOD /path`. Changes are POST or DELETE: the port reads bodies of POST alone, because bodies of all
 * other methods belong to upstreams.
 */
export function addRoutes(
  app: FastifyInstance,
  { tools, settings, observer }: Pick<Call, 'tools' | 'settings'> & { readonly observer: ApiObserver },
  routes: Readonly<Record<string, Route>>,
): void {
  for (const [what, route] of Object.entries(routes)) {
    const [method = '', url = ''] = what.split(' ')
    const { does, needs, params, query, heavy, takesLines, act } = route
    const body = bodyOf(route)
    app.route({
      method,
      url,
      exposeHeadRoute: false,
      config: { needs, ...(heavy && { heavy }), ...(takesLines && { takesLines: true }) },
      ...(takesLines && { bodyLimit: takesLines.mostBytes }),
      schema: {
        summary: does,
        security: [{ bearer: [needs] }],
        ...(params && { params }),
        // With an empty object of properties: without one, the document would take `type` itself for a parameter.
        querystring: query ?? object({}),
        ...(body && { body }),
        response: { 200: answersOf(route), default: problem },
      },
      async handler(request, reply) {
        const actor = `api:${request.token?.name}`
        const given = new Given(request)
        const { isSecure } = request
        const wantsCsv = prefersCsv(request.headers.accept)
        const said = await act({ tools, settings, given, actor, isSecure, wantsCsv })
        if (!(said instanceof Streamed))
          return reply.type('application/json; charset=utf-8').send(JSON.stringify(said))
        const signal = AbortSignal.timeout(streamingMs)
        return reply
          .type(`${said.type}; charset=utf-8`)
          .send(Readable.from(whole(said.parts, observer, request.id), { signal }))
      },
    })
  }
}

/** Tells of an error after the first part, when the client can only be cut off. */
async function* whole(
  parts: AsyncIterable<string>,
  observer: ApiObserver,
  requestId: string,
): AsyncGenerator<string> {
  let isBegun = false
  try {
    for await (const part of parts) {
      isBegun = true
      yield part
    }
  } catch (error) {
    if (isBegun && error instanceof Outage) observer.outage(error)
    else if (isBegun) observer.bug(error, requestId)
    throw error
  }
}

/** Requests that take memory or long, in each process. */
const mostHeavy = 2

/** Lets only some heavy requests run at a time, before anything of their bodies is read. */
export function boundHeavy(app: FastifyInstance): void {
  let running = 0
  app.addHook('onRequest', async ({ routeOptions: { config }, headers }, reply) => {
    const { heavy } = config
    if (heavy === undefined || (heavy === 'as-csv' && !prefersCsv(headers.accept))) return
    if (running >= mostHeavy) throw new Rejected(429, 'too-many-at-once', tooManyAtOnce, { retryAfter: 5 })
    running += 1
    finished(reply.raw, () => void (running -= 1))
  })
}

const tooManyAtOnce = `Of imports, exports, inventories as CSV and rehearsals, only ${mostHeavy} run at a time in each process. Nothing was changed. Wait until one has ended.`

declare module 'fastify' {
  interface FastifyContextConfig {
    heavy?: 'always' | 'as-csv'
    takesLines?: true
  }
}

/** Items of a page, unless `limit` says otherwise. */
export const usualLimit = 100

/** A page of what `list` gives. `at` names an item so that the next page begins after it. */
export async function page<T>(
  given: Given,
  list: (from: { readonly after: string; readonly most: number }) => Promise<readonly T[]> | readonly T[],
  at: (item: T) => string,
  view: (item: T) => object,
): Promise<object> {
  const limit = given.number('limit') ?? usualLimit
  const found = await list({ after: given.text('after') ?? '', most: limit + 1 })
  const items = found.slice(0, limit)
  const last = found.length > limit ? items.at(-1) : undefined
  return { items: items.map(view), ...(last !== undefined && { next: at(last) }) }
}

/** The items of a whole list that come after a name, in the order of names. */
export function afterName<T>(
  all: readonly T[],
  at: (item: T) => string,
): (from: { readonly after: string; readonly most: number }) => readonly T[] {
  return ({ after, most }) => all.filter(item => at(item) > after).slice(0, most)
}
