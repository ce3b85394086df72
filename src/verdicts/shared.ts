import type { Redis } from 'ioredis'
import type { KnownVerdict } from '../gateway/decision.ts'
import type { Keys } from '../gateway/key-ring.ts'
import type { Instant, Slot } from '../gateway/names.ts'
import type { Outage } from '../gateway/outage.ts'
import type { VerdictCache } from '../gateway/ports.ts'
import { guardRedis } from '../redis/breaker.ts'
import type { RedisServer } from '../redis/server.ts'
import { goneKey, type Kept, type Named, type Pool, poolKey, poolOf } from './kept.ts'
import type { LocalVerdicts } from './local.ts'
import { createSeal, type Moments } from './seal.ts'

/** The verdicts shared by all processes (L2). Losing one only costs time: it never throws, and no request waits for it long. */
export interface SharedVerdicts {
  /**
   * One round trip. `undefined`: Redis is unhealthy or has no verdict, or this attempt asks again after it timed out.
   */
  recall(attempt: Named, asked?: 'again'): Promise<Kept | undefined> | undefined
  /** In the background. Dropped if Redis is unhealthy; rejected if the slot was revoked after the verdict was found. */
  remember(attempt: Named, kept: Kept): void
  close(): void
}

interface SharedOptions {
  readonly server: RedisServer
  readonly history: Moments
  /** Redis never sees them. */
  readonly key: Keys
  /** The clock of `Kept.until`. */
  readonly now: () => Instant
  /** Milliseconds by which the clock shared by all processes, used for expiry in Redis, is ahead of it. */
  readonly ahead?: () => number
  /** Milliseconds a request waits for Redis; a hung one costs the first few about twice that. */
  readonly patience: number
  /** Called when Redis becomes unhealthy; not again until it has recovered. */
  readonly outage: (outage: Outage) => void
}

/** What the good pool and the other one hold of a proof. */
type Pools = readonly (string | null)[]

/** Proofs for each slot: guesses at one name must not fill Redis. A set holds up to 21 passwords, some with a predecessor. */
const most: Record<Pool, number> = { good: 32, other: 16 }

export function createSharedVerdicts(options: SharedOptions): SharedVerdicts {
  const { server, history, key, now, ahead = () => 0, patience, outage } = options
  const seal = createSeal(key, history)
  const guarded = guardRedis({ server, name: 'verdicts', patience, outage })

  async function read(attempt: Named, asked: Promise<Pools | undefined>): Promise<Kept | undefined> {
    const { proof } = attempt
    const answer = await asked
    if (answer === undefined) server.timedOut.add(attempt)
    const [good, other] = answer ?? []
    const text = good ?? other
    const kept = typeof text === 'string' ? seal.open(proof, text) : undefined
    return kept && { ...kept, until: kept.until - ahead() }
  }

  return {
    recall(attempt, asked) {
      if (asked === 'again' && server.timedOut.has(attempt)) return undefined
      const { slot } = attempt
      const name = seal.name(attempt.proof)
      const answer = guarded.ask(goneKey(slot), redis =>
        Promise.all([redis.hget(poolKey('good', slot), name), redis.hget(poolKey('other', slot), name)]),
      )
      return answer && read(attempt, answer)
    },
    remember({ slot, proof }, kept) {
      const life = kept.until - now()
      if (life <= 0) return
      const moment = history.momentOf(kept.verdict.asOf)
      const text = seal.close(proof, { ...kept, until: kept.until + ahead() })
      if (moment === undefined || text === undefined) return // the store was restored to an earlier state meanwhile
      const pool = poolOf(kept.verdict)
      void guarded.ask(goneKey(slot), redis =>
        writeUnlessGone(redis, { slot, name: seal.name(proof) }, pool, text, moment.number, life),
      )
    },
    close: () => guarded.close(),
  }
}

function writeUnlessGone(
  redis: Redis,
  { slot, name }: { readonly slot: Slot; readonly name: string },
  pool: Pool,
  text: string,
  asOf: number,
  life: number,
): Promise<unknown> {
  const keys = [poolKey(pool, slot), poolKey(pool === 'good' ? 'other' : 'good', slot), goneKey(slot)]
  return redis.eval(remembering, keys.length, ...keys, name, text, asOf, most[pool], Math.ceil(life))
}

/** When a pool of a slot is full, the verdict that expires first is removed. */
const remembering = `
local pool, otherPool, gone = KEYS[1], KEYS[2], redis.call('GET', KEYS[3])
local proof, text, asOf, most, life = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]
if gone and asOf < tonumber(gone) then return 0 end

if redis.call('HEXISTS', pool, proof) == 0 and redis.call('HLEN', pool) >= most then
  local kept, first, soonest = redis.call('HGETALL', pool)
  for i = 1, #kept, 2 do
    local ends = tonumber(string.match(kept[i + 1], '^%d+') or 0)
    if not soonest or ends < soonest then first, soonest = kept[i], ends end
  end
  redis.call('HDEL', pool, first)
end
redis.call('HDEL', otherPool, proof)
redis.call('HSET', pool, proof, text)
redis.call('PEXPIRE', pool, life)
return 1
`

/** This process's cache in front of the shared one; without `shared`, on one machine, only the former. */
export function createVerdictCache({
  local,
  shared,
}: {
  readonly local: LocalVerdicts
  readonly shared?: SharedVerdicts | undefined
}): VerdictCache {
  /**
   * A Redis that lost its data or failed over can still have revoked verdicts, so this process's own revocations decide.
   * They are checked when the answer has arrived, because the news may have arrived while it was under way.
   */
  function adopt(attempt: Named, kept: Kept | undefined): KnownVerdict | undefined {
    return kept !== undefined && local.adopt(attempt, kept) ? kept.verdict : undefined
  }

  return {
    recall(attempt, asked) {
      return local.recall(attempt) ?? shared?.recall(attempt, asked)?.then(kept => adopt(attempt, kept))
    },
    remember(attempt, verdict) {
      const kept = local.remember(attempt, verdict)
      if (kept !== undefined) shared?.remember(attempt, kept)
    },
  }
}
