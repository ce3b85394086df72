import formbody from '@fastify/formbody'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Outage } from '../gateway/outage.ts'
import type { EndpointReply } from '../oauth/exchange.ts'
import { deviceGrant } from '../oauth/metadata.ts'
import type { AuthorizationServer } from '../oauth/server.ts'
import { fieldsOf } from './changes.ts'
import type { PageContext } from './context.ts'
import { type Fields, readFields } from './guard.ts'
import { TooManyRequests } from './throttle.ts'

/** Bytes of a form: codes and tokens are short. */
const bodyLimit = 16 * 1024

/** Seconds after which a helper should try again when a part is down. */
const outageRetryAfter = 5

/**
 * The endpoints that credential helpers call, as JSON. They are no part of the page: helpers send no cookies, and a browser
 * that is led here can do nothing, because nothing here acts on a session.
 */
export async function oauthEndpoints(
  app: FastifyInstance,
  { context, server }: { readonly context: PageContext; readonly server: AuthorizationServer },
): Promise<void> {
  app.removeAllContentTypeParsers()
  await app.register(formbody, { bodyLimit, parser: text => ({ fields: readFields(text) }) })

  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id).header('cache-control', 'no-store')
    reply.header('x-content-type-options', 'nosniff')
    const { from, secure } = context.senderOf(request.raw)
    // Not redirected: the helper has sent its token in clear text, and would do so again.
    if (context.secure && context.httpsOnly && !secure)
      return send(reply, refusal(400, 'invalid_request', 'use the https address'))
    context.throttle.count('tokens', context.networkOf(from))
  })
  app.setErrorHandler((error, request, reply) => sendError(context, error, request, reply))

  app.get('/oauth/metadata', (_, reply) => send(reply, { status: 200, body: server.metadata }))
  post(app, '/oauth/token', form => server.token(form))
  post(app, '/oauth/revoke', form => server.revoke(form))
  for (const path of ['/oauth/device_authorization', '/oauth/device_authorization/:account'])
    post(app, path, async (form, request) => {
      const { from } = context.senderOf(request.raw)
      context.throttle.count('devices', context.networkOf(from))
      const { account } = request.params as { readonly account?: string }
      const device = { name: nameIn(form), from, tool: toolOf(request), at: context.now() }
      return await server.authorizeDevice(
        account === undefined ? form : new Map([...form, ['account', account]]),
        device,
      )
    })
}

type Handle = (form: Fields, request: FastifyRequest) => Promise<EndpointReply>

function post(app: FastifyInstance, path: string, handle: Handle): void {
  app.post(path, async (request, reply) => {
    const form = fieldsOf(request)
    if (form === undefined)
      return send(reply, refusal(400, 'invalid_request', 'send a form with each parameter once at most'))
    return send(reply, await handle(withClientId(form, request), request))
  })
  // RFC 6749, 3.2: only POST.
  app.get(path, (_, reply) =>
    send(reply.header('allow', 'POST'), refusal(405, 'invalid_request', 'use POST')),
  )
}

/** Go's OAuth library sends the id in the header first (RFC 6749, 2.3.1), with an empty secret. */
function withClientId(form: Fields, { headers: { authorization = '' } }: FastifyRequest): Fields {
  const [, encoded] = /^Basic ([\w+/=]+)$/i.exec(authorization) ?? []
  if (form.has('client_id') || encoded === undefined) return form
  const [id = ''] = Buffer.from(encoded, 'base64').toString().split(':')
  return /^[\w.-]{1,64}$/.test(id) ? new Map([...form, ['client_id', id]]) : form
}

/** The host name that a helper gives for its machine, to be shown to the user. */
function nameIn(form: Fields): string {
  const name = form.get('device_name') ?? ''
  return name
    .replace(/[^\p{L}\p{N}._ -]/gu, '')
    .trim()
    .slice(0, 40)
    .toWellFormed()
}

/** The product in the user agent. */
function toolOf({ headers }: FastifyRequest): string {
  return /^[\w.-]+(?:\/[\w.+-]+)?/.exec(headers['user-agent'] ?? '')?.[0].slice(0, 64) ?? ''
}

function refusal(status: number, error: string, description: string): EndpointReply {
  return { status, body: { error, error_description: description } }
}

function send(reply: FastifyReply, { status, body, retryAfter }: EndpointReply): FastifyReply {
  if (retryAfter !== undefined) reply.header('retry-after', retryAfter)
  if (body === undefined) return reply.code(status).send()
  return reply
    .code(status)
    .type('application/json')
    .send(Buffer.from(JSON.stringify(body)))
}

function sendError(
  { observer }: PageContext,
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  if (error instanceof TooManyRequests)
    return send(reply, {
      ...refusal(429, later(request), 'too many requests'),
      retryAfter: error.retryAfter,
    })
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined
  if (!(error instanceof Outage) && typeof status === 'number' && status >= 400 && status < 500)
    return send(reply, refusal(status, 'invalid_request', 'the body could not be read'))
  if (error instanceof Outage) observer.outage(error)
  else observer.bug(error, request.id)
  return send(reply, {
    ...refusal(503, later(request), 'a part of the gateway is unavailable'),
    retryAfter: outageRetryAfter,
  })
}

/**
 * Says that a request may succeed later. Of all errors, helpers that poll for a device survive only two (RFC 8628, 3.5);
 * any other error ends the sign-in of a user who is just typing the code.
 */
function later(request: FastifyRequest): string {
  return fieldsOf(request)?.get('grant_type') === deviceGrant ? 'slow_down' : 'temporarily_unavailable'
}
