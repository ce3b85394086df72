import { derive, firstOf, type Keys } from '../gateway/key-ring.ts'
import {
  createHash,
  createHmac,
  createSecretKey,
  type KeyObject,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import '@fastify/cookie'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { LRUCache } from 'lru-cache'
import { atMost } from '../engine/memory.ts'
import type { AccountName, Instant, Owner, Scope, Username } from '../gateway/names.ts'
import type { SessionStore } from '../gateway/ports.ts'
import { seal, unseal } from '../gateway/sealed.ts'
import type { Wanted } from './acting.ts'
import type { SignInRequest } from './openid.ts'

/** An identity that signed in during a session. A person has one in each scope. */
export interface Identity {
  readonly scope: Scope
  readonly owner: Owner
  /** The provider's name for the user, if it can be a user name. */
  readonly username?: Username
  /** The account whose page the user signed in for. */
  readonly account: AccountName
  /** It was the page for the scope that the account was about to move to. */
  readonly coming?: true
  /** When the user signed in. */
  readonly at: Instant
}

export interface Session {
  /** Part of every form; must be submitted with it. */
  readonly csrf: string
  /** One, unless a form of the session requested each further one. */
  readonly identities: readonly Identity[]
}

/** Sessions, by the id in the cookie; the store sees a hash of it. All throw `Outage`. */
export interface Sessions {
  find(id: string | undefined): Promise<Session | undefined>
  /** Ends the session with that id and starts one that has only these identities. Returns the new id. */
  start(before: string | undefined, identities: readonly Identity[]): Promise<string>
  end(id: string | undefined): Promise<void>
}

interface SessionOptions {
  readonly store: SessionStore
  /** Milliseconds until a session expires after the last sign-in. */
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
      // An id from before the sign-in may be known to an attacker (session fixation).
      await end(before)
      return fresh
    },
  }
}

/** 256 random bits. */
function newId(): string {
  return randomBytes(32).toString('base64url')
}

/** The name of an entry in the store, which only the holder of its id can derive. */
export function hashed(
  kind: 'session' | 'console' | 'sign-in' | 'contest' | 'passwords',
  id: string,
): string {
  return createHash('sha256').update(`${kind}:${id}`).digest('base64url')
}

/** Whether two texts are equal. The time taken does not tell where they differ. */
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
  /** The sealed sign-in that a browser has kept for that state while it was at an identity provider. */
  pendingSignIn(request: FastifyRequest, state: string): string | undefined
  /** Each has its own cookie, so that tabs starting at the same moment do not overwrite one another's. */
  keepPendingSignIn(request: FastifyRequest, reply: FastifyReply, state: string, kept: string): void
  dropPendingSignIn(reply: FastifyReply, state: string): void
}

/**
 * Whether a user opens this address, as far as browsers tell. An upstream can serve scripts on this host, and they can read
 * whatever they load or frame, the tokens of forms included, but not what a user opens.
 */
function isNavigation({ 'sec-fetch-dest': dest }: IncomingHttpHeaders): boolean {
  return dest === undefined || dest === 'document'
}

/** Pending sign-ins of one browser: half a kilobyte each, in the header of every request to this host. */
const mostPending = 6

/** `secure`: the public address is https. `name`: of the session; the console has sessions of its own. */
export function createCookies(secure: boolean, name: 'altgate' | 'altgate-console' = 'altgate'): Cookies {
  // `__Host-` prevents other hosts of the domain from setting the cookie, and requires the path `/`.
  const prefix = secure ? '__Host-' : ''
  const sessionName = prefix + name
  const pendingPrefix = `${prefix}altgate-sign-in-`
  // Lax: providers return the browser from their own site, and the cookie must be sent with that request.
  const options = { path: secure ? '/' : '/_altgate', secure, httpOnly: true, sameSite: 'lax' } as const

  const pendingName = (state: string) => pendingPrefix + hashed('sign-in', state).slice(0, 16)

  /** Names of the oldest cookies, to be removed before one more is added. */
  function surplus({ cookies }: FastifyRequest): readonly string[] {
    const names = Object.keys(cookies).filter(name => name.startsWith(pendingPrefix))
    const ends = (name: string) => endOf(cookies[name] ?? '') || 0
    return names.toSorted((one, other) => ends(other) - ends(one)).slice(mostPending - 1)
  }

  return {
    session({ cookies, headers }) {
      if (!isNavigation(headers)) return undefined
      const id = cookies[sessionName]
      return id !== undefined && /^[\w-]{43}$/.test(id) ? id : undefined
    },
    keepSession: (reply, id) => void reply.setCookie(sessionName, id, options),
    dropSession: reply => void reply.clearCookie(sessionName, options),
    pendingSignIn: ({ cookies }, state) => cookies[pendingName(state)],
    keepPendingSignIn(request, reply, state, kept) {
      for (const name of surplus(request)) reply.clearCookie(name, options)
      reply.setCookie(pendingName(state), kept, { ...options, maxAge: pendingSignInLife / 1000 })
    },
    dropPendingSignIn: (reply, state) => void reply.clearCookie(pendingName(state), options),
  }
}

/** A browser that is at an identity provider. */
export interface PendingSignIn extends SignInRequest {
  readonly account: AccountName
  readonly scope: Scope
  readonly issuer: string
  /** The page to show afterwards; left out: that of the account. */
  readonly next?: string
  /** It is for the console, which belongs to no account. */
  readonly console?: true
  /** What it asks for beyond who the user is. */
  readonly wanted?: Wanted
  /** It already asks for what was demanded of the user, or for the password again. */
  readonly stepUp?: 'demand' | 'password'
  /** The session whose form requested it, by its name in the store. Its identities are kept together with the new one. */
  readonly beside?: string
  /** The network that the form came from: an attacker who planted both cookies in a browser sent it from elsewhere. */
  readonly besideFrom?: string
}

/**
 * Pending sign-ins, each separate because several tabs may sign in at once. Browsers keep them, sealed, and any gateway
 * can read them. Nothing is written to the store, so unknown clients cannot fill it by starting sign-ins.
 */
export interface PendingSignIns {
  /** The sealed value that the browser keeps. */
  send(pending: PendingSignIn): string
  /** `undefined`: it was not started in this browser, is too old, or has been taken in this process. */
  find(state: string, kept: string | undefined): PendingSignIn | undefined
  /** From then on it is not found in this process, so that its provider is asked once at most. */
  take(pending: PendingSignIn): void
  /** Whether this is the first completion of the sign-in, across all gateways. Throws `Outage`. */
  end(pending: PendingSignIn): Promise<boolean>
}

interface PendingSignInsOptions {
  readonly store: Pick<SessionStore, 'add'>
  /** 32 bytes, shared by every process of every gateway with this store, that seal nothing else. */
  readonly key: Keys
  readonly now: () => Instant
}

/** Milliseconds in which a user must enter the password and the second factor. */
const pendingSignInLife = 10 * 60 * 1000

/** Taken sign-ins that this process remembers. Without them, a replayed one would ask its provider each time. */
const mostTaken = 30_000

export function createPendingSignIns({ store, key, now }: PendingSignInsOptions): PendingSignIns {
  const secrets = derive(key, ({ bytes }) => createSecretKey(bytes))
  const taken = new LRUCache<string, true>(atMost(mostTaken))

  /** One key per sign-in: it binds the sealed value to the state, and no key seals enough to exhaust its random IVs. */
  function keyFor(state: string, secret: KeyObject): Buffer {
    return createHmac('sha256', secret).update(`altgate sign-in 1 ${state}`).digest()
  }

  return {
    send({ state, ...rest }) {
      const end = String(now() + pendingSignInLife)
      return `${end}.${seal(keyFor(state, secrets.current()), JSON.stringify(rest), boundTo(end))}`
    },

    find(state, kept = '') {
      const [end = '', sealed = ''] = kept.split('.')
      if (!(Number(end) > now())) return undefined
      const opened = firstOf(secrets.all(), secret => unseal(keyFor(state, secret), sealed, boundTo(end)))
      if (opened === undefined || taken.has(state)) return undefined
      // Only `send` can have made it.
      return { ...(JSON.parse(opened.toString()) as Omit<PendingSignIn, 'state'>), state }
    },

    take: ({ state }) => void taken.set(state, true),

    // A code is valid once at its provider (RFC 6749, 4.1.2), but not every provider enforces it.
    end: ({ state }) => store.add(hashed('sign-in', state), '', now() + pendingSignInLife),
  }
}

function boundTo(end: string): string {
  return `sign-in under way, until ${end}`
}

/** When the kept value expires; `NaN` if this gateway did not write it. */
function endOf(kept: string): Instant {
  return Number(kept.split('.', 1)[0])
}
