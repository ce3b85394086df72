import type { AccountName, Instant, Scope } from '../gateway/names.ts'
import type { SessionStore } from '../gateway/ports.ts'
import type { Errand } from './openid.ts'
import { hashed, isSameText } from './session.ts'

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

/** Sign-ins under way, each by itself: several tabs may be on their way at once. All throw `Outage`. */
export interface Errands {
  /** `browser`: the id in a cookie of the browser that was sent away. */
  remember(errand: SignInUnderWay, browser: string): Promise<void>
  /** Once. `undefined`: there is none, it is too old, it has been taken, or it began in another browser. */
  take(state: string, browser: string | undefined): Promise<SignInUnderWay | undefined>
}

/** Milliseconds for finding one's password and the second factor. */
export const errandLife = 10 * 60 * 1000

export function createErrands(store: SessionStore, now: () => Instant): Errands {
  return {
    async remember(errand, browser) {
      const kept: Kept = { ...errand, browser: hashed('browser', browser) }
      await store.set(hashed('sign-in', errand.state), JSON.stringify(kept), now() + errandLife)
    },
    async take(state, browser) {
      const name = hashed('sign-in', state)
      const text = await store.get(name)
      if (text === undefined || browser === undefined) return undefined
      // Only `remember` writes under these names.
      const { browser: its, ...errand } = JSON.parse(text) as Kept
      // Somebody else's sign-in, sent here to be taken for this person's (login CSRF): leave it to its browser.
      if (!isSameText(its, hashed('browser', browser))) return undefined
      // Of two who come with the same state at once, one takes it.
      return (await store.delete(name)) ? errand : undefined
    },
  }
}

interface Kept extends SignInUnderWay {
  readonly browser: string
}
