import type { Test } from 'tap'
import type { Outage } from '../../src/gateway/outage.ts'
import type { VerdictCache } from '../../src/gateway/ports.ts'
import { redisAt } from '../../src/redis/server.ts'
import { createLocalVerdicts, type LocalVerdicts } from '../../src/verdicts/local.ts'
import { createSharedVerdicts, createVerdictCache, type SharedVerdicts } from '../../src/verdicts/shared.ts'
import { addressOf, type TestRedis } from '../support/redis.ts'
import { steadyHistory } from '../support/steady-history.ts'
import { until } from '../support/until.ts'
import { attempt, key, mismatch } from './attempts.ts'

export const lifetimes = { matchTtlSeconds: 300, otherTtlSeconds: 30 }

/** The caches of one gateway process. */
export interface CachingProcess {
  readonly cache: VerdictCache
  readonly local: LocalVerdicts
  readonly shared: SharedVerdicts
  readonly outages: readonly Outage[]
  /** Waits until Redis has done all that was remembered so far. */
  readonly settled: () => Promise<void>
}

/** Milliseconds: a gateway's ten may be too short for a busy machine, where it is not the subject. */
const patience = 1000

/** A process with an empty memory, connected. */
export async function startProcess(
  t: Test,
  redis: TestRedis,
  options: {
    readonly now?: () => number
    readonly patience?: number
  } = {},
): Promise<CachingProcess> {
  const { now = Date.now } = options
  const outages: Outage[] = []
  const local = createLocalVerdicts({ ...lifetimes, goodEntries: 100, otherEntries: 10, now })
  const shared = createSharedVerdicts({
    history: steadyHistory,
    server: redisAt(addressOf(redis)),
    key,
    now,
    patience: options.patience ?? patience,
    outage: outage => void outages.push(outage),
  })
  t.teardown(() => shared.close())

  /** What goes over one connection is done in order: when the last is there, the others are. */
  async function settled(): Promise<void> {
    const last = attempt(`settled-${Math.random()}`, 'none')
    await until(async () => {
      shared.remember(last, { verdict: mismatch(1_000_000), until: now() + 1000 })
      return (await shared.recall(last)) !== undefined
    })
  }

  await settled()
  return { cache: createVerdictCache({ local, shared }), local, shared, outages, settled }
}
