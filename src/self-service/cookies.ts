import '@fastify/cookie'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { endOf, errandLife } from './errands.ts'
import { hashed } from './session.ts'

/** The cookies of the page. None can be read by scripts, and none is sent with cross-site requests. */
export interface Cookies {
  /** The id of the session, if the browser has sent one that can be one. */
  session(request: FastifyRequest): string | undefined
  keepSession(reply: FastifyReply, id: string): void
  dropSession(reply: FastifyReply): void
  /** What a browser has kept of the sign-in of that state while it was away at an identity provider. */
  errand(request: FastifyRequest, state: string): string | undefined
  /** In a cookie of its own: tabs that begin at the same moment do not push each other out. */
  keepErrand(request: FastifyRequest, reply: FastifyReply, state: string, kept: string): void
  dropErrand(reply: FastifyReply, state: string): void
}

/** Sign-ins that one browser may have under way: half a kilobyte each, in the header of every request to this host. */
const mostErrands = 6

/** `secure`: people reach the gateway by https. */
export function createCookies(secure: boolean): Cookies {
  // `__Host-` keeps other hosts of the domain from setting it, and browsers then insist on the path `/`.
  const prefix = secure ? '__Host-' : ''
  const sessionName = `${prefix}altgate`
  const errandPrefix = `${prefix}altgate-sign-in-`
  // Lax: providers send people back by a link from their own site, and the cookie must come with it.
  const options = { path: secure ? '/' : '/_altgate', secure, httpOnly: true, sameSite: 'lax' } as const

  const errandName = (state: string) => errandPrefix + hashed('sign-in', state).slice(0, 16)

  /** Names of those that have to go, the oldest, before one more comes. */
  function surplus({ cookies }: FastifyRequest): readonly string[] {
    const names = Object.keys(cookies).filter(name => name.startsWith(errandPrefix))
    const ends = (name: string) => endOf(cookies[name] ?? '') || 0
    return names.toSorted((one, other) => ends(other) - ends(one)).slice(mostErrands - 1)
  }

  return {
    session({ cookies }) {
      const id = cookies[sessionName]
      return id !== undefined && /^[\w-]{43}$/.test(id) ? id : undefined
    },
    keepSession: (reply, id) => void reply.setCookie(sessionName, id, options),
    dropSession: reply => void reply.clearCookie(sessionName, options),
    errand: ({ cookies }, state) => cookies[errandName(state)],
    keepErrand(request, reply, state, kept) {
      for (const name of surplus(request)) reply.clearCookie(name, options)
      reply.setCookie(errandName(state), kept, { ...options, maxAge: errandLife / 1000 })
    },
    dropErrand: (reply, state) => void reply.clearCookie(errandName(state), options),
  }
}
