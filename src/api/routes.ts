import type { FastifyInstance } from 'fastify'
import type { Tools } from '../administration/tools.ts'
import type { TokenScope } from '../gateway/api-token.ts'
import type { Settings } from '../settings/schema.ts'
import { Given } from './given.ts'
import { object, type Schema, shared } from './schemas.ts'

/** How every error is answered. */
export const problem = {
  description: 'An error (RFC 9457).',
  content: { 'application/problem+json': { schema: shared('Problem') } },
}

/** The settings that answers depend on. */
export type ApiSettings = Pick<Settings, 'publicUrl' | 'accounts' | 'passwords' | 'refusals'>

/** What a route works with. */
export interface Call {
  readonly tools: Tools
  readonly settings: ApiSettings
  readonly given: Given
  /** Who makes its changes, as the history has it. */
  readonly actor: string
  /** Whether the request came by https. */
  readonly isSecure: boolean
}

export interface Route {
  readonly does: string
  readonly needs: TokenScope
  readonly params?: Schema
  readonly query?: Schema
  readonly body?: Schema
  /** The schema of what it answers. */
  readonly answer: Schema
  readonly act: (call: Call) => Promise<object>
}

/**
 * Adds routes by `METHOD /path`. Changes are POST or DELETE: the port reads bodies of POST alone, because bodies of all
 * other methods belong to upstreams.
 */
export function addRoutes(
  app: FastifyInstance,
  { tools, settings }: Pick<Call, 'tools' | 'settings'>,
  routes: Readonly<Record<string, Route>>,
): void {
  for (const [what, { does, needs, params, query, body, answer, act }] of Object.entries(routes)) {
    const [method = '', url = ''] = what.split(' ')
    app.route({
      method,
      url,
      exposeHeadRoute: false,
      config: { needs },
      schema: {
        summary: does,
        security: [{ bearer: [needs] }],
        ...(params && { params }),
        // With an empty object of properties: without one, the document would take `type` itself for a parameter.
        querystring: query ?? object({}),
        ...(body && { body }),
        response: { 200: answer, default: problem },
      },
      async handler(request, reply) {
        const actor = `api:${request.token?.name}`
        const given = new Given(request)
        const said = await act({ tools, settings, given, actor, isSecure: request.isSecure })
        return reply.type('application/json; charset=utf-8').send(JSON.stringify(said))
      },
    })
  }
}

const usualLimit = 100

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
