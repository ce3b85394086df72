import { createAttemptKeys } from '../../src/gateway/attempt.ts'
import type { Finding, KnownVerdict, Via } from '../../src/gateway/decision.ts'
import { msaScope, type Subject } from '../../src/gateway/names.ts'
import type { Outage } from '../../src/gateway/outage.ts'
import type { Announce, Waiting } from '../../src/gateway/ports.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { redisAt, type RedisPlace } from '../../src/redis/server.ts'
import { createPublisher } from '../../src/revocation/publisher.ts'
import { createRedisNews, type RedisNews } from '../../src/revocation/redis-news.ts'
import type { Forget } from '../../src/revocation/stale.ts'
import { createStoreNews } from '../../src/revocation/store-news.ts'
import { createRevoke } from '../../src/verdicts/kept.ts'
import { createLocalVerdicts, type LocalVerdicts } from '../../src/verdicts/local.ts'
import { createSharedVerdicts, createVerdictCache } from '../../src/verdicts/shared.ts'
import { steadyHistory } from '../support/steady-history.ts'
import { anna, openTinyStore, type TinyStore } from './tiny-store.ts'

const key = Buffer.alloc(32, 13)
const keys = createAttemptKeys(key)
const lifetimes = { matchTtlSeconds: 300, otherTtlSeconds: 30 }

export interface SmallGatewayOptions {
  /** Where it is, or its address. */
  readonly redis: RedisPlace | string
  /** Of the tiny store. */
  readonly file: string
  readonly leaseMs: number
}

/** As much of a gateway process as says yes or no to a password: real caches, real news, and the tiny store. */
export interface SmallGateway {
  /** `slow`: what happens between the look into the store and the end of the check. */
  readonly says: (
    password: string,
    slow?: () => Promise<unknown>,
  ) => Promise<{ readonly right: boolean; readonly via: Via }>
  readonly news: RedisNews
  readonly local: LocalVerdicts
  readonly store: TinyStore
  readonly outages: readonly Outage[]
  close(): Promise<void>
}

export function startSmallGateway({ redis, file, leaseMs }: SmallGatewayOptions): SmallGateway {
  const store = openTinyStore(file)
  const outages: Outage[] = []
  const outage = (each: Outage): void => void outages.push(each)
  const local = createLocalVerdicts({ ...lifetimes, goodEntries: 100, otherEntries: 100, now: Date.now })
  const server = redisAt(placeOf(redis))
  const shared = createSharedVerdicts({
    server,
    history: steadyHistory,
    key,
    now: Date.now,
    patience: 1000,
    outage: () => {},
  })
  const verdicts = createVerdictCache({ local, shared })
  const forget: Forget = stale => local.forget(stale.slots, stale.revision)
  const storeNews = createStoreNews({
    changes: store,
    slotOf: keys.slot,
    forget,
    forgetAll: each => local.forgetAll(each),
    outage,
  })
  const news = createRedisNews({ server, storeNews, forget, history: steadyHistory, outage, leaseMs })

  async function says(text: string, slow?: () => Promise<unknown>): Promise<{ right: boolean; via: Via }> {
    await news.catchUp()
    const password = new Secret(text)
    const attempt = {
      scope: msaScope,
      former: undefined,
      username: anna,
      password,
      slot: keys.slot(msaScope, anna),
      proof: keys.proof(msaScope, undefined, anna, password),
    }
    const known = await verdicts.recall(attempt)
    if (known !== undefined) return { right: known.found === 'match', via: known.via }
    const { asOf, password: kept } = store.read()
    await slow?.()
    const finding: Finding =
      kept === text ? { found: 'match', username: anna, subject: 'anna-1' as Subject } : { found: 'mismatch' }
    const verdict: KnownVerdict = { ...finding, asOf, via: 'store' }
    verdicts.remember(attempt, verdict)
    return { right: verdict.found === 'match', via: 'store' }
  }

  async function close(): Promise<void> {
    shared.close()
    await news.close()
  }

  return { says, news, local, store, outages, close }
}

/** How a command tells the gateways on this Redis. */
export function announceOn(
  redis: RedisPlace | string,
  took: (seconds: number) => void = () => {},
  waiting?: Waiting,
): Announce {
  const server = redisAt(placeOf(redis))
  return createPublisher({
    server,
    revoke: createRevoke(server, lifetimes),
    slotOf: keys.slot,
    took,
    waiting,
  })
}

function placeOf(redis: RedisPlace | string): RedisPlace {
  return typeof redis === 'string' ? { url: new Secret(redis) } : redis
}

export const slotOfAnna = keys.slot(msaScope, anna)
