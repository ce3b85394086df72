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
 * How a change takes effect in every process before anybody is told that it is made.
 *
 * The order is revoke, announce, commit; the caller holds the store's write lock all the while, so changes come one
 * after the other. When `announce` has resolved and the caller has committed, no process says yes to what was
 * before, because each place that could still know it is closed:
 *
 * - Redis: the verdicts are deleted, and a tombstone refuses those found as of an earlier revision.
 * - A process that hears the announcement: it forgets and then acknowledges. Until the commit the store still shows
 *   the old state, and a check that is under way may finish with it; but such a reader is as of an earlier revision,
 *   and what he wants to remember is refused, here (`gateway/forgotten.ts`) as in Redis.
 * - A process that says nothing, because it hangs or its connection is dead: it believes its memory only while its
 *   lease runs. We wait until that has run out. When it wakes up it asks the store's log before all else.
 * - A process whose lease this Redis does not know of, because it has just started, or was promoted, or was given the
 *   news of a Cluster: for the first lease after that we wait as if there were one.
 * - A process that is not listening yet, because it has just started or lost its connection: it has no lease, and
 *   before it gets one it reads the last announcement from Redis, and then the store's log.
 *
 * Before the end we look again, on a new connection to wherever the primary is then: after a failover it may be another
 * one, which has never heard of it. If Redis fails before the end, the change is refused as a whole: the caller rolls back. What was forgotten until
 * then costs some processes a check; nothing is half done. If the process dies between announcement and commit, the
 * old state stays true, and is found in the store.
 */

export interface PublisherOptions {
  readonly server: RedisServer
  /** Takes the verdicts about slots out of Redis. */
  readonly revoke: Revoke
  readonly slotOf: SlotOf
  /** Told how long an announcement took, in seconds. */
  readonly took: (seconds: number) => void
  /** Milliseconds: the longest lease of a process that a Redis which has just started cannot know of. */
  readonly leaseMs?: number
  /** Told of those that let a change wait. */
  readonly waiting?: Waiting | undefined
}

/** Milliseconds more than a lease: for clocks that do not run at quite the same speed. */
const margin = 50

/** Milliseconds after which it is told who has not confirmed. */
const toldAfter = 1000

/** For whoever makes changes, in a gateway process or beside it. Throws `Outage`: the change must not be committed. */
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
    if (stale.slots.length === 0 && stale.account === undefined) return
    const started = performance.now()
    await revoke(stale.slots, moment.number)
    const told = { id: randomUUID(), ...stale, moment, before }
    const visit = <T>(task: (redis: Redis) => Promise<T>) => server.visit(announcedKey, task)
    await visit(subscriber => visit(publisher => tellAll(subscriber, publisher, told, { leaseMs, waiting })))
    // A Redis that was restarted or replaced meanwhile has lost it, and gateways may have come back without reading it.
    if ((await visit(redis => redis.get(announcedKey))) !== JSON.stringify(told))
      throw server.outage(new Error('the announcement is lost'))
    took((performance.now() - started) / 1000)
  }
}

async function tellAll(
  subscriber: Redis,
  publisher: Redis,
  announcement: Announcement,
  { leaseMs, waiting }: { readonly leaseMs: number; readonly waiting: Waiting },
): Promise<void> {
  const rollCall = createAcknowledgements()
  subscriber.on('message', (_, text) => {
    const [heard, gateway = ''] = text.split(' ')
    if (heard === announcement.id) rollCall.answered(gateway)
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
  const telling = setTimeout(
    () => waiting([...new Set(rollCall.silent().map(hostOf))], (longest - toldAfter) / 1000),
    toldAfter,
  ).unref()
  try {
    await Promise.all([rollCall.complete(present), unknown > 0 && sleep(unknown, undefined, { ref: false })])
  } finally {
    clearTimeout(telling)
  }
}

/** A flat list: name, milliseconds, name, milliseconds. */
function readPresent(list: readonly string[]): Map<string, number> {
  const present = new Map<string, number>()
  for (let at = 0; at < list.length; at += 2) present.set(list[at] ?? '', Number(list[at + 1]) + margin)
  return present
}

/**
 * At one moment: kept for those who come later, told to those who listen, for how long this primary has been one, and a
 * list of who may hold a lease.
 */
const announcing = `${primaryAge}
redis.call('SET', KEYS[1], ARGV[1])
redis.call('PUBLISH', ARGV[2], ARGV[1])
local answer = redis.call('ZRANGEBYSCORE', KEYS[2], now, '+inf', 'WITHSCORES')
for i = 2, #answer, 2 do answer[i] = tostring(answer[i] - now) end
table.insert(answer, 1, tostring(primaryAge(KEYS[3], ARGV[3], now)))
return answer
`
