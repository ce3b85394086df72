import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import type { Announce, Waiting } from '../gateway/ports.ts'
import type { RedisServer } from '../redis/server.ts'
import type { Revoke } from '../verdicts/kept.ts'
import {
  acksChannel,
  announcedKey,
  createAcknowledgements,
  defaultLeaseMs,
  gatewaysKey,
  hostOf,
  newsChannel,
  primaryAge,
  primaryKey,
  runIdOf,
} from './channels.ts'
import { type Announcement, type SlotOf, staleBy } from './stale.ts'

/**
 * How a change takes effect in every process before it is reported as made.
 *
 * The order is revoke, announce, commit; the caller holds the store's write lock throughout, so changes are made one
 * after the other. When `announce` has resolved and the caller has committed, no process accepts the previous state,
 * because each place that could still have it is covered:
 *
 * - Redis: the verdicts are deleted, and a tombstone refuses those found as of an earlier revision.
 * - A process that receives the announcement forgets, then acknowledges. Until the commit the store still shows the
 *   old state, and a pending check may finish with it; but its result is as of an earlier revision, and caching it is
 *   refused, in memory (`gateway/forgotten.ts`) as in Redis.
 * - A process that does not answer, because it hangs or its connection is dead, trusts its memory only during its
 *   lease. The publisher waits until that has expired. When the process resumes, it first reads the store's log.
 * - A process whose lease this Redis does not know, because Redis has just started, was promoted, or was given the keys
 *   in a Cluster: during the first lease after that, the publisher waits as if there were one.
 * - A process that is not subscribed, because it has just started or lost its connection, has no lease. Before it gets
 *   one it reads the last announcement from Redis, acknowledges it, and then reads the store's log.
 *
 * Finally the publisher verifies the announcement on a new connection to the primary of that moment: after a failover it
 * may be another server, which never received it. If Redis fails before the end, the whole change is refused and the
 * caller rolls back; what was forgotten until then only costs some checks. If the process dies between announcement and
 * commit, the old state remains valid, and the store has it.
 */

export interface PublisherOptions {
  readonly server: RedisServer
  /** Takes the verdicts about slots out of Redis. */
  readonly revoke: Revoke
  readonly slotOf: SlotOf
  /** Called with the seconds that an announcement took. */
  readonly took: (seconds: number) => void
  /** Milliseconds: the longest lease that a newly started Redis may not know. */
  readonly leaseMs?: number
  /** Called with the hosts that a change waits for. */
  readonly waiting?: Waiting | undefined
}

/** Milliseconds added to a lease, because clocks do not run at exactly the same speed. */
const margin = 50

/** Milliseconds after which missing acknowledgements are reported. */
const reportAfter = 1000

/** For gateway processes and commands that make changes. Throws `Outage`: the change must not be committed. */
export function createPublisher({
  server,
  revoke,
  slotOf,
  took,
  leaseMs = defaultLeaseMs,
  waiting = () => {},
}: PublisherOptions): Announce {
  return async (change, moment, before) => {
    const { revision: _, ...stale } = staleBy(change, slotOf)
    const { account, accounts = [], slots, reach } = stale
    if (slots.length === 0 && account === undefined && accounts.length === 0 && reach === undefined) return
    const started = performance.now()
    await revoke(slots, moment.number)
    const announcement = { id: randomUUID(), ...stale, moment, before }
    const visit = <T>(task: (redis: Redis) => Promise<T>) => server.visit(announcedKey, task)
    await visit(subscriber =>
      visit(publisher => announceTo(subscriber, publisher, announcement, { leaseMs, waiting })),
    )
    // A Redis that was restarted or replaced meanwhile has lost it, and gateways may have reconnected without reading it.
    if ((await visit(redis => redis.get(announcedKey))) !== JSON.stringify(announcement))
      throw server.outage(new Error('the announcement is lost'))
    took((performance.now() - started) / 1000)
  }
}

async function announceTo(
  subscriber: Redis,
  publisher: Redis,
  announcement: Announcement,
  { leaseMs, waiting }: { readonly leaseMs: number; readonly waiting: Waiting },
): Promise<void> {
  const acknowledgements = createAcknowledgements()
  subscriber.on('message', (_, text) => {
    const [heard, gateway = ''] = text.split(' ')
    if (heard === announcement.id) acknowledgements.answered(gateway)
  })
  await subscriber.subscribe(acksChannel)

  const keys = [announcedKey, gatewaysKey, primaryKey]
  const text = JSON.stringify(announcement)
  const run = await runIdOf(publisher)
  const answer = await publisher.eval(announcing, keys.length, ...keys, text, newsChannel, run)
  const [age, ...list] = Array.isArray(answer) ? answer.map(String) : []
  const present = readPresent(list)
  const unknown = leaseMs + margin - Number(age ?? 0)
  const longest = Math.max(unknown, ...present.values())
  const reporting = setTimeout(
    () => waiting([...new Set(acknowledgements.silent().map(hostOf))], (longest - reportAfter) / 1000),
    reportAfter,
  ).unref()
  try {
    await Promise.all([
      acknowledgements.complete(present),
      unknown > 0 && sleep(unknown, undefined, { ref: false }),
    ])
  } finally {
    clearTimeout(reporting)
  }
}

/** A flat list: name, milliseconds, name, milliseconds. */
function readPresent(list: readonly string[]): Map<string, number> {
  const present = new Map<string, number>()
  for (let at = 0; at < list.length; at += 2) present.set(list[at] ?? '', Number(list[at + 1]) + margin)
  return present
}

/**
 * Atomically: keeps the announcement for later subscribers, publishes it, and returns how long this server has been the
 * primary, with a list of the gateways that may hold a lease.
 */
const announcing = `${primaryAge}
redis.call('SET', KEYS[1], ARGV[1])
redis.call('PUBLISH', ARGV[2], ARGV[1])
local answer = redis.call('ZRANGEBYSCORE', KEYS[2], now, '+inf', 'WITHSCORES')
for i = 2, #answer, 2 do answer[i] = tostring(answer[i] - now) end
table.insert(answer, 1, tostring(primaryAge(KEYS[3], ARGV[3], now)))
return answer
`
