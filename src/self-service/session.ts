import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { AccountName, Instant, Owner, Scope, Username } from '../gateway/names.ts'
import type { SessionStore } from '../gateway/ports.ts'

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

export interface SessionOptions {
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
