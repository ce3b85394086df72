import type { Keys } from '../gateway/key-ring.ts'
import type { ApiTokens, StoredToken } from '../gateway/api-token.ts'
import { createGeneratedPasswords, type Generated } from '../gateway/generated-password.ts'
import type { Instant } from '../gateway/names.ts'
import { Secret } from '../gateway/secret.ts'

/** Makes and checks the tokens of the API. */
export interface TokenKeeper {
  make(): Generated
  /** The token that a client presented; `undefined`: unknown, revoked or ended. Throws `Outage`. */
  find(text: string, now: Instant): Promise<StoredToken | undefined>
}

/**
 * Tokens have the form of generated passwords, with a prefix of their own by which secret scanners find them: a public
 * part, 130 random bits and a checksum. The store keeps an HMAC. `keys`: 32 random bytes each, kept in the store.
 */
export function createTokenKeeper(keys: Keys, store: Pick<ApiTokens, 'find'>): TokenKeeper {
  const tokens = createGeneratedPasswords(keys, 'aga_')
  return {
    make: () => tokens.make(),
    async find(text, now) {
      const presented = new Secret(text)
      const form = tokens.read(presented)
      // With a wrong checksum it is mistyped or guessed, and nothing is looked up.
      if (form === undefined || form.old || tokens.isForged(presented)) return undefined
      const stored = await store.find(form.id)
      const isRight = tokens.proves(presented, stored?.mac)
      if (!isRight || stored === undefined) return undefined
      return stored.endsAt !== undefined && stored.endsAt <= now ? undefined : stored
    },
  }
}
