import type { Redis } from 'ioredis'
import type { Attempt } from '../gateway/attempt.ts'
import type { Finding, KnownVerdict } from '../gateway/decision.ts'
import { lateSeconds } from '../gateway/forgotten.ts'
import type { Instant, Slot } from '../gateway/names.ts'
import type { RedisServer } from '../redis/server.ts'

/** What a cache needs of an attempt: its slots and its proof. */
export type Named = Pick<Attempt, 'slot' | 'formerSlot' | 'proof'>

/** A verdict with its expiry, the same in every cache. */
export interface Kept {
  readonly verdict: KnownVerdict
  readonly until: Instant
}

export interface Lifetimes {
  /** Seconds for which a right password is cached. */
  readonly matchTtlSeconds: number
  /** Seconds for which any other verdict is cached. */
  readonly otherTtlSeconds: number
}

/** Right passwords are kept apart from other verdicts, so that guesses cannot displace them. */
export type Pool = 'good' | 'other'

export function poolOf({ found }: Pick<Finding, 'found'>): Pool {
  return found === 'match' ? 'good' : 'other'
}

/** Seconds for which a revocation is kept: longer than any verdict lives and any late write takes. */
export function revokedSeconds({ matchTtlSeconds, otherTtlSeconds }: Lifetimes): number {
  return Math.max(lateSeconds, matchTtlSeconds, otherTtlSeconds)
}

/** The hash of a slot's verdicts in Redis: field = proof. The braces keep all keys of one slot on one node of a Cluster. */
export function poolKey(pool: Pool, slot: Slot): string {
  return `altgate:${pool}:{${slot}}`
}

/** The revision before which verdicts about a slot are invalid. */
export function goneKey(slot: Slot): string {
  return `altgate:gone:{${slot}}`
}

/**
 * Deletes every verdict about these slots from Redis and leaves a tombstone for each, which rejects verdicts found as of
 * an earlier change. Throws `Outage`; some slots may be revoked then, which only costs a check each.
 */
export type Revoke = (slots: readonly Slot[], number: number) => Promise<void>

/** Slots revoked concurrently: Redis must not have to buffer the replies for all of them. */
const batch = 500

export function createRevoke(server: RedisServer, lifetimes: Lifetimes): Revoke {
  const seconds = revokedSeconds(lifetimes)

  /** One script for each slot: those of two slots may be on two nodes. */
  function revokeOne(redis: Redis, slot: Slot, number: number): Promise<unknown> {
    const keys = [goneKey(slot), poolKey('good', slot), poolKey('other', slot)]
    return redis.eval(revoking, keys.length, ...keys, number, seconds)
  }

  return async function revoke(slots, number) {
    if (slots.length === 0) return
    await server.visitEach(slots, goneKey, async (redis, each) => {
      for (let first = 0; first < each.length; first += batch)
        await Promise.all(each.slice(first, first + batch).map(slot => revokeOne(redis, slot, number)))
    })
  }
}

/** A tombstone never goes back to an earlier revision. */
const revoking = `
local gone = tonumber(redis.call('GET', KEYS[1]) or 0)
redis.call('SET', KEYS[1], math.max(gone, tonumber(ARGV[1])), 'EX', ARGV[2])
redis.call('DEL', KEYS[2], KEYS[3])
`
