import type { IncomingHttpHeaders } from 'node:http'
import cookie from '@fastify/cookie'
import formbody from '@fastify/formbody'
import helmet from '@fastify/helmet'
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { PageContext } from './context.ts'
import { type Brand, framed, languageOf, type Page } from './html.ts'
import { type Language, languageFor } from './languages.ts'
import { notFromHere, plainHttp, wrongType } from './pages/trouble.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Whose gateway the page says it is; `null` before the hooks of the page. */
    brand: Brand | null
    /** What the reader wants to read; `null` before them as well. */
    language: Language | null
  }
}

/** Browsers send nothing beyond this. A type with a tab or other parameters is refused unparsed (CVE-2026-25223). */
const formType = /^application\/x-www-form-urlencoded(?:; ?charset=utf-8)?$/i

const oneYear = 365 * 24 * 60 * 60

/** Adds what applies to every route of the page: security headers, body parsing, rate limits and form checks. */
export async function addGuard(app: FastifyInstance, context: PageContext): Promise<void> {
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
    strictTransportSecurity: context.secure && { maxAge: oneYear, includeSubDomains: false },
  })
  await app.register(cookie)
  app.removeAllContentTypeParsers()
  await app.register(formbody, { bodyLimit: 16 * 1024, parser: text => ({ fields: readFields(text) }) })

  app.decorateRequest('brand', null)
  app.decorateRequest('language', null)
  app.addHook('onRequest', async (request, reply) => {
    request.brand = context.brand ?? {}
    // The console is in English.
    const isConsole = request.originalUrl.startsWith('/_altgate/admin')
    request.language = isConsole ? 'en' : languageFor(request.headers['accept-language'])
    reply.header('x-request-id', request.id).header('cache-control', 'no-store')
    const { from, secure } = context.senderOf(request.raw)
    const posts = request.method === 'POST'
    if (context.secure && context.httpsOnly && !secure) {
      return posts ? send(reply, plainHttp) : reply.redirect(context.publicUrl + request.originalUrl, 308)
    }
    context.throttle.count('requests', context.networkOf(from))
    if (!posts) return
    if (!isFromHere(request.headers, context.publicUrl)) return send(reply, notFromHere)
    if (!formType.test(request.headers['content-type'] ?? '')) return send(reply, wrongType)
    // With a key that has been retired no password may be made.
    await context.catchUp()
  })
}

/** Sends a page. */
export function send(reply: FastifyReply, page: Page): FastifyReply {
  if (page.retryAfter !== undefined) reply.header('retry-after', page.retryAfter)
  const { id: requestId, brand, language: wanted } = reply.request
  const language = languageOf(page, wanted ?? 'en')
  // A cache on the way must not give one reader's language to another.
  reply.header('content-language', language).header('vary', 'Accept-Language')
  const whole = framed(page, { requestId, language, brand: brand ?? {} })
  return reply.code(page.status).type('text/html; charset=utf-8').send(whole)
}

/**
 * Whether a form was sent from this page, as far as browsers tell. Pages with `Referrer-Policy: no-referrer` send
 * `Origin: null`, which proves nothing; `Sec-Fetch-Site` does, and in any case the token in the form.
 */
function isFromHere(headers: IncomingHttpHeaders, publicUrl: string): boolean {
  const site = headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin') return false
  // Forms navigate. A script that an upstream serves on this origin could make any other kind of request.
  const mode = headers['sec-fetch-mode']
  if (mode !== undefined && mode !== 'navigate') return false
  const { origin } = headers
  if (origin === undefined || origin === 'null') return true
  // `git.example.com.` is the same host: the dot makes the name absolute.
  return origin.replace(/\.(?=:\d+$|$)/, '') === new URL(publicUrl).origin
}

/** The fields of a form or a query, each given once. */
export type Fields = ReadonlyMap<string, string>

const mostFields = 20

/**
 * Reads `application/x-www-form-urlencoded`. `undefined`: it is ambiguous: an escape that is not
 * UTF-8, bytes that no browser sends unescaped, a field given twice, or more fields than any form here has.
 */
export function readFields(text: string): Fields | undefined {
  if (!/^[!-~]*$/.test(text)) return undefined
  const fields = new Map<string, string>()
  const pairs = text.split('&').filter(pair => pair !== '')
  if (pairs.length > mostFields) return undefined
  for (const pair of pairs) {
    const equals = pair.indexOf('=')
    const name = decoded(equals === -1 ? pair : pair.slice(0, equals))
    const value = decoded(equals === -1 ? '' : pair.slice(equals + 1))
    if (name === undefined || value === undefined || fields.has(name)) return undefined
    fields.set(name, value)
  }
  return fields
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}
