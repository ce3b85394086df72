import { createHmac, createSecretKey } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { atMost } from '../engine/memory.ts'
import type { AccountName, Instant, Scope } from '../gateway/names.ts'
import type { SessionStore } from '../gateway/ports.ts'
import { seal, unseal } from '../gateway/sealed.ts'
import type { Errand } from './openid.ts'
import { hashed } from './session.ts'

/** Somebody is on the way to an identity provider and back. */
export interface SignInUnderWay extends Errand {
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
export interface Errands {
  /** What the browser that is sent away has to keep. */
  send(errand: SignInUnderWay): string
  /** `undefined`: it did not begin in this browser, is too old, or has been taken in this process. */
  find(state: string, kept: string | undefined): SignInUnderWay | undefined
  /** From now on it is not found in this process: whatever comes of it, its provider is asked once. */
  take(errand: SignInUnderWay): void
  /** Whether this is the first time, in all gateways, that the sign-in has come to its end. Throws `Outage`. */
  end(errand: SignInUnderWay): Promise<boolean>
}

export interface ErrandsOptions {
  readonly store: Pick<SessionStore, 'add'>
  /** 32 bytes that every process of every gateway with this store has, and that seal nothing else. */
  readonly key: Uint8Array
  readonly now: () => Instant
}

/** Milliseconds for finding one's password and the second factor. */
export const errandLife = 10 * 60 * 1000

/** Sign-ins of which this process remembers that they were taken. Without it providers could be asked again and again. */
const mostTaken = 30_000

export function createErrands({ store, key, now }: ErrandsOptions): Errands {
  const secret = createSecretKey(key)
  const taken = new LRUCache<string, true>(atMost(mostTaken))

  /** A key for each: it ties what is kept to the state, and no key ever seals enough to wear out its random IVs. */
  function keyFor(state: string): Buffer {
    return createHmac('sha256', secret).update(`altgate sign-in 1 ${state}`).digest()
  }

  return {
    send({ state, ...rest }) {
      const end = String(now() + errandLife)
      return `${end}.${seal(keyFor(state), JSON.stringify(rest), boundTo(end))}`
    },

    find(state, kept = '') {
      const [end = '', sealed = ''] = kept.split('.')
      if (!(Number(end) > now())) return undefined
      const opened = unseal(keyFor(state), sealed, boundTo(end))
      if (opened === undefined || taken.has(state)) return undefined
      // Only `send` can have made it.
      return { ...(JSON.parse(opened.toString()) as Omit<SignInUnderWay, 'state'>), state }
    },

    take: ({ state }) => void taken.set(state, true),

    // A code serves once at its provider (RFC 6749, 4.1.2), but not every provider keeps to it.
    end: ({ state }) => store.add(hashed('sign-in', state), '', now() + errandLife),
  }
}

function boundTo(end: string): string {
  return `sign-in under way, until ${end}`
}

/** When that which a browser keeps has no use any more; no number if it is not one of ours. */
export function endOf(kept: string): Instant {
  return Number(kept.split('.', 1)[0])
}
