import manifest from '../../package.json' with { type: 'json' }
import swagger from '@fastify/swagger'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import type { Tools } from '../administration/tools.ts'
import { accountRoutes } from './accounts.ts'
import { credentialRoutes } from './credentials.ts'
import { addGuard, type GuardParts } from './guard.ts'
import { peopleRoutes, tokenJson } from './people.ts'
import { bodyLines } from './given.ts'
import { type ApiObserver, mostBytes, Rejected, sendProblem } from './problems.ts'
import { addRoutes, type ApiSettings, boundHeavy, linesType, problem } from './routes.ts'
import { components, shared } from './schemas.ts'
import { storeRoutes } from './store.ts'

export interface ApiParts extends GuardParts {
  readonly tools: Tools
  readonly settings: ApiSettings
  readonly observer: ApiObserver
}

/**
 * The API for operators, mounted under `/_altgate/api/v1` on the public port. Its only authority is a token in a header,
 * which no browser sends by itself, so no other site can use it; there is no CORS.
 */
export function createApi(parts: ApiParts): FastifyPluginAsync {
  return async app => {
    app.setErrorHandler((error, request, reply) => sendProblem(error, request, reply, parts.observer))
    app.setNotFoundHandler(() => {
      throw new Rejected(404, 'not-found', `There is no such address. ${seeDocument}`)
    })
    addGuard(app, parts)
    boundHeavy(app)
    readBodies(app)
    judge(app)
    await describe(app, parts)
    app.get('/', { schema: tokenSchema, exposeHeadRoute: false }, async request =>
      request.token === null ? {} : tokenJson(request.token),
    )
    addRoutes(app, parts, { ...accountRoutes, ...credentialRoutes, ...peopleRoutes, ...storeRoutes })
    app.get('/openapi.json', { schema: { hide: true }, exposeHeadRoute: false }, async (_, reply) =>
      reply.type('application/json; charset=utf-8').send(JSON.stringify(app.swagger())),
    )
  }
}

const seeDocument = 'All addresses are in the OpenAPI document: /_altgate/api/v1/openapi.json'

const tokenSchema = {
  summary: 'Shows the token of the request.',
  security: [{ bearer: [] }],
  response: { 200: shared('Token'), default: problem },
}

/** A type with other parameters is refused unparsed (CVE-2026-25223). */
const jsonType = /^application\/json(?:; ?charset="?utf-8"?)?$/i
const jsonLinesType = /^application\/x-ndjson(?:; ?charset="?utf-8"?)?$/i

function readBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer', bodyLimit: mostBytes },
    (_, body: Buffer, done) => {
      try {
        done(null, JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)))
      } catch {
        done(new Rejected(400, 'malformed', 'The body is not JSON in UTF-8. Nothing was changed.'))
      }
    },
  )
  app.addContentTypeParser(linesType, { parseAs: 'buffer', bodyLimit: mostBytes }, (_, body: Buffer, done) =>
    done(null, { [bodyLines]: body }),
  )
  app.addHook('onRequest', async ({ raw: { headers, method }, routeOptions: { config } }) => {
    const hasBody = headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
    if (!hasBody) return
    if (method !== 'POST')
      throw new Rejected(400, 'body', `Send no body with ${method}. Nothing was changed.`)
    const type = headers['content-type'] ?? ''
    if (jsonType.test(type) || (config.takesLines && jsonLinesType.test(type))) return
    const types = config.takesLines ? `application/json or ${linesType}` : 'application/json'
    throw new Rejected(415, 'wrong-type', `Send the body as ${types}, in UTF-8. Nothing was changed.`)
  })
  // Some changes need no more than an address.
  app.addHook('preValidation', async request => {
    if (request.method === 'POST') request.body ??= {}
  })
}

/** The compilers that Fastify would load are for the whole port, and cost ten megabytes where there is no API. */
function judge(app: FastifyInstance): void {
  const inBody = new Ajv2020({ strict: true, allowUnionTypes: true })
  const inText = new Ajv2020({ strict: true, allowUnionTypes: true, coerceTypes: true })
  for (const ajv of [inBody, inText]) ajv.addFormat('date-time', true)
  app.setValidatorCompiler(({ schema, httpPart, ...route }) =>
    // Lines are judged one by one, where files are.
    'contentType' in route && route.contentType === linesType
      ? () => true
      : (httpPart === 'body' ? inBody : inText).compile(schema as object),
  )
  app.setSerializerCompiler(() => JSON.stringify)
  for (const [name, schema] of Object.entries(components)) app.addSchema({ $id: name, ...schema })
}

/** The name of a schema in the document: the one that it has here. */
function nameOf(id: unknown, at: number): string {
  return typeof id === 'string' ? id : `part-${at}`
}

/** The OpenAPI document is made from the schemas that requests are judged by. */
async function describe(app: FastifyInstance, { settings }: ApiParts): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Altgate',
        version: manifest.version,
        description:
          'What operators do by command. A change is in force in every gateway when it is answered. Errors are application/problem+json (RFC 9457): `code` is for programs, `detail` says what to do next.',
      },
      servers: [{ url: settings.publicUrl }],
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', description: 'A token from `altgate token add`.' },
        },
      },
    },
    refResolver: { buildLocalReference: (json, _base, _fragment, at) => nameOf(json['$id'], at) },
  })
}
