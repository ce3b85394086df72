import { createHash, createHmac, createSecretKey, randomBytes, timingSafeEqual } from 'node:crypto'
import '@fastify/cookie'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { LRUCache } from 'lru-cache'
import { atMost } from '../engine/memory.ts'
import type { AccountName, Instant, Owner, Scope, Username } from '../gateway/names.ts'
import type { SessionStore } from '../gateway/ports.ts'
import { seal, unseal } from '../gateway/sealed.ts'
import type { SignInRequest } from './openid.ts'

/** Somebody who has signed in during a session. One person can be several: one in each scope. */
export interface Identity {
  readonly scope: Scope
  readonly owner: Owner
  /** What the authority calls the person, if that can be a user name. */
  readonly username?: Username
  /** The account whose page they came for. */
  readonly account: AccountName
  /** When they proved who they are. */
  readonly at: Instant
}

export interface Session {
  /** Goes into every form, and must come back with it. */
  readonly csrf: string
  /** One; more only where a form of the session asked for each further one. */
  readonly identities: readonly Identity[]
}

/** Sessions, by the id in the cookie; the store sees a hash of it. All throw `Outage`. */
export interface Sessions {
  find(id: string | undefined): Promise<Session | undefined>
  /** Ends the session of that id and starts one that has these identities and nothing else. Gives the new id. */
  start(before: string | undefined, identities: readonly Identity[]): Promise<string>
  end(id: string | undefined): Promise<void>
}

interface SessionOptions {
  readonly store: SessionStore
  /** Milliseconds that a session lives after the last sign-in. */
  readonly life: number
  readonly now: () => Instant
}

export function createSessions({ store, life, now }: SessionOptions): Sessions {
  async function find(id: string | undefined): Promise<Session | undefined> {
    const text = id === undefined ? undefined : await store.get(hashed('session', id))
    // Only `start` below writes under these names.
    return text === undefined ? undefined : (JSON.parse(text) as Session)
  }

  async function end(id: string | undefined): Promise<void> {
    if (id !== undefined) await store.delete(hashed('session', id))
  }

  return {
    find,
    end,
    async start(before, identities) {
      const session: Session = { csrf: newId(), identities }
      const fresh = newId()
      await store.set(hashed('session', fresh), JSON.stringify(session), now() + life)
      // An id from before the sign-in may be known to somebody else (session fixation).
      await end(before)
      return fresh
    },
  }
}

/** 256 bits that nobody can guess. */
function newId(): string {
  return randomBytes(32).toString('base64url')
}

/** The name of something in the store that can be found only by whoever holds its id. */
export function hashed(kind: 'session' | 'sign-in' | 'contest', id: string): string {
  return createHash('sha256').update(`${kind}:${id}`).digest('base64url')
}

/** Whether two texts are the same, in a time that tells nothing about where they differ. */
export function isSameText(one: string, other: string): boolean {
  return timingSafeEqual(digest(one), digest(other))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

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
      reply.setCookie(errandName(state), kept, { ...options, maxAge: pendingSignInLife / 1000 })
    },
    dropErrand: (reply, state) => void reply.clearCookie(errandName(state), options),
  }
}

/** Somebody is on the way to an identity provider and back. */
export interface PendingSignIn extends SignInRequest {
  readonly account: AccountName
  readonly scope: Scope
  readonly issuer: string
  /** The session whose form asked for it, by the name in the store: its identities are kept beside the new one. */
  readonly beside?: string
  /** From which network the form came. Whoever planted both cookies in a browser asked from elsewhere. */
  readonly besideFrom?: string
}

/**
 * Sign-ins under way, each by itself: several tabs may be on their way at once. Their browsers keep them, sealed, and
 * whichever gateway they come back to reads them: strangers begin as many as they like, and the store is not written.
 */
export interface PendingSignIns {
  /** What the browser that is sent away has to keep. */
  send(pending: PendingSignIn): string
  /** `undefined`: it did not begin in this browser, is too old, or has been taken in this process. */
  find(state: string, kept: string | undefined): PendingSignIn | undefined
  /** From now on it is not found in this process: whatever comes of it, its provider is asked once. */
  take(pending: PendingSignIn): void
  /** Whether this is the first time, in all gateways, that the sign-in has come to its end. Throws `Outage`. */
  end(pending: PendingSignIn): Promise<boolean>
}

interface ErrandsOptions {
  readonly store: Pick<SessionStore, 'add'>
  /** 32 bytes that every process of every gateway with this store has, and that seal nothing else. */
  readonly key: Uint8Array
  readonly now: () => Instant
}

/** Milliseconds for finding one's password and the second factor. */
const pendingSignInLife = 10 * 60 * 1000

/** Sign-ins of which this process remembers that they were taken. Without it providers could be asked again and again. */
const mostTaken = 30_000

export function createPendingSignIns({ store, key, now }: ErrandsOptions): PendingSignIns {
  const secret = createSecretKey(key)
  const taken = new LRUCache<string, true>(atMost(mostTaken))

  /** A key for each: it ties what is kept to the state, and no key ever seals enough to wear out its random IVs. */
  function keyFor(state: string): Buffer {
    return createHmac('sha256', secret).update(`altgate sign-in 1 ${state}`).digest()
  }

  return {
    send({ state, ...rest }) {
      const end = String(now() + pendingSignInLife)
      return `${end}.${seal(keyFor(state), JSON.stringify(rest), boundTo(end))}`
    },

    find(state, kept = '') {
      const [end = '', sealed = ''] = kept.split('.')
      if (!(Number(end) > now())) return undefined
      const opened = unseal(keyFor(state), sealed, boundTo(end))
      if (opened === undefined || taken.has(state)) return undefined
      // Only `send` can have made it.
      return { ...(JSON.parse(opened.toString()) as Omit<PendingSignIn, 'state'>), state }
    },

    take: ({ state }) => void taken.set(state, true),

    // A code serves once at its provider (RFC 6749, 4.1.2), but not every provider keeps to it.
    end: ({ state }) => store.add(hashed('sign-in', state), '', now() + pendingSignInLife),
  }
}

function boundTo(end: string): string {
  return `sign-in under way, until ${end}`
}

/** When that which a browser keeps has no use any more; no number if it is not one of ours. */
function endOf(kept: string): Instant {
  return Number(kept.split('.', 1)[0])
}
