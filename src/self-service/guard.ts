import cookie from '@fastify/cookie'
import formbody from '@fastify/formbody'
import helmet from '@fastify/helmet'
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { Desk } from './desk.ts'
import { readFields } from './fields.ts'
import { isFromHere } from './from-here.ts'
import { framed, type Page } from './page.ts'
import { notFromHere, plainHttp, wrongType } from './pages/trouble.ts'

/** No browser says more; what comes with a tab or something behind it is not looked at at all (CVE-2026-25223). */
const formType = /^application\/x-www-form-urlencoded(?:; ?charset=utf-8)?$/i

const oneYear = 365 * 24 * 60 * 60

/** Everything that holds for all of the page: what browsers may do with it, and what it lets in. */
export async function addGuard(app: FastifyInstance, desk: Desk): Promise<void> {
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        styleSrc: ["'self'"],
        scriptSrc: ["'self'"],
        imgSrc: ["'self'"],
        // Sign-ins begin with links: browsers apply this to what a form is redirected to as well.
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
        baseUri: ["'none'"],
      },
    },
    referrerPolicy: { policy: 'no-referrer' },
    xFrameOptions: { action: 'deny' },
    strictTransportSecurity: desk.secure && { maxAge: oneYear, includeSubDomains: false },
  })
  await app.register(cookie)
  app.removeAllContentTypeParsers()
  await app.register(formbody, { bodyLimit: 16 * 1024, parser: text => ({ fields: readFields(text) }) })

  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id).header('cache-control', 'no-store')
    const { from, secure } = desk.senderOf(request.raw)
    const posts = request.method === 'POST'
    if (desk.secure && desk.httpsOnly && !secure) {
      return posts ? send(reply, plainHttp) : reply.redirect(desk.publicUrl + request.originalUrl, 308)
    }
    desk.throttle.count('requests', desk.networkOf(from))
    if (!posts) return
    if (!isFromHere(request.headers, desk.publicUrl)) return send(reply, notFromHere)
    if (!formType.test(request.headers['content-type'] ?? '')) return send(reply, wrongType)
  })
}

/** Sends a page. */
export function send(reply: FastifyReply, page: Page): FastifyReply {
  if (page.retryAfter !== undefined) reply.header('retry-after', page.retryAfter)
  return reply.code(page.status).type('text/html; charset=utf-8').send(framed(page, reply.request.id))
}
