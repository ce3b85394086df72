import { LRUCache } from 'lru-cache'
import { atMost } from '../engine/memory.ts'
import type { UserToken } from '../gateway/delegation.ts'
import { createForgotten, lateSeconds } from '../gateway/forgotten.ts'
import type { Instant, Revision, Slot } from '../gateway/names.ts'

/** A token that this process uses. */
export interface Held {
  readonly token: UserToken
  /** From then on it is renewed ahead, or looked for in the store, while it stays in use. */
  readonly renewAt: Instant
}

/** What was found out about a user, with what can make it void. */
export interface Found<T> {
  readonly asOf: Revision
  /** Of the user names that lead to it: changes of their credentials and grants are told by slot. */
  readonly slots: readonly Slot[]
  readonly value: T
}

/** The tokens in the memory of one process. */
export interface TokenMemory {
  recall(key: string): Held | undefined
  /** Not kept if there was a change since `asOf`. Gives the same object for the same token as before. */
  remember(key: string, found: Found<Held>): Held
  drop(key: string): void
  /** Whether there was a change since it was read. */
  isVoid(found: Found<unknown>): boolean
  /** Discards what was read about these slots before the revision, including what arrives later. */
  forget(slots: readonly Slot[], revision: Revision): void
  forgetAll(revision: Revision): void
}

/** Tokens of about two kilobytes each. */
const mostTokens = 20_000

/** Changed slots that are tracked individually. */
const mostForgotten = 100_000

export function createTokenMemory(now: () => Instant): TokenMemory {
  const held = new LRUCache<string, Found<Held> & { readonly until: Instant }>(atMost(mostTokens))
  const forgotten = createForgotten<Slot>({ most: mostForgotten, keepSeconds: lateSeconds, now })

  function isVoid({ asOf, slots }: Found<unknown>): boolean {
    return forgotten.coversAny(asOf) && slots.some(slot => forgotten.covers(slot, asOf))
  }

  return {
    recall(key) {
      const known = held.get(key)
      if (known === undefined || known.until <= now() || isVoid(known)) return undefined
      return known.value
    },
    remember(key, found) {
      const { token, renewAt } = found.value
      const known = held.get(key)?.value.token
      // One object for one token, unless it is used for longer than was expected.
      const value =
        known && isSame(known, token) && known.endsAt > now() ? { token: known, renewAt } : found.value
      if (isVoid(found)) return value
      // Not for longer than forgotten slots are known; then it is read again.
      held.set(key, { ...found, value, until: Math.min(token.endsAt, now() + lateSeconds * 1000) })
      return value
    },
    drop: key => void held.delete(key),
    isVoid,
    forget(slots, revision) {
      for (const slot of slots) forgotten.add(slot, revision)
    },
    forgetAll(revision) {
      forgotten.addAll(revision)
    },
  }
}

/** Whether it is the same token, wherever it was read. */
export function isSame(one: UserToken, other: UserToken): boolean {
  return one.token.reveal() === other.token.reveal()
}
