import '@fastify/cookie'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { errandLife } from './errands.ts'
import { newId } from './session.ts'

/** The two cookies of the page. Neither can be read by scripts, and neither is sent with cross-site requests. */
export interface Cookies {
  /** The id of the session, if the browser has sent one that can be one. */
  session(request: FastifyRequest): string | undefined
  keepSession(reply: FastifyReply, id: string): void
  dropSession(reply: FastifyReply): void
  /** Which browser this is while it is away at an identity provider. */
  browser(request: FastifyRequest): string | undefined
  /** The same one for every sign-in that is under way, or tabs would push each other out. */
  keepBrowser(request: FastifyRequest, reply: FastifyReply): string
}

/** `secure`: people reach the gateway by https. */
export function createCookies(secure: boolean): Cookies {
  // `__Host-` keeps other hosts of the domain from setting it, and browsers then insist on the path `/`.
  const prefix = secure ? '__Host-' : ''
  const names = { session: `${prefix}altgate`, browser: `${prefix}altgate-sign-in` }
  // Lax: providers send people back by a link from their own site, and the cookie must come with it.
  const options = { path: secure ? '/' : '/_altgate', secure, httpOnly: true, sameSite: 'lax' } as const

  const read = (request: FastifyRequest, name: string) => {
    const id = request.cookies[name]
    return id !== undefined && /^[\w-]{43}$/.test(id) ? id : undefined
  }

  return {
    session: request => read(request, names.session),
    keepSession: (reply, id) => void reply.setCookie(names.session, id, options),
    dropSession: reply => void reply.clearCookie(names.session, options),
    browser: request => read(request, names.browser),
    keepBrowser(request, reply) {
      const id = read(request, names.browser) ?? newId()
      reply.setCookie(names.browser, id, { ...options, maxAge: errandLife / 1000 })
      return id
    },
  }
}
