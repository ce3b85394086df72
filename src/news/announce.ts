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
 * - A process that is not listening yet, because it has just started or lost its connection: it has no lease, and
 *   before it gets one it reads the last announcement from Redis, and then the store's log.
 *
 * If Redis fails before the end, the change is refused as a whole: the caller rolls back. What was forgotten until
 * then costs some processes a check; nothing is half done. If the process dies between announcement and commit, the
 * old state stays true, and is found in the store.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import type { Announce } from '../gateway/ports.ts'
import type { RedisServer } from '../verdicts/redis.ts'
import type { Revoke } from '../verdicts/revoke.ts'
import { acksChannel, announcedKey, defaultLeaseMs, gatewaysKey, newsChannel } from './channels.ts'
import { createRollCall } from './roll-call.ts'
import { staleBy, type Announcement, type SlotOf } from './stale.ts'

export interface AnnounceOptions {
  readonly server: RedisServer
  /** Takes the verdicts about slots out of Redis. */
  readonly revoke: Revoke
  readonly slotOf: SlotOf
  /** Told how long an announcement took, in seconds. */
  readonly took: (seconds: number) => void
  /** Milliseconds: the longest lease of a process that a Redis which has just started cannot know of. */
  readonly leaseMs?: number
}

/** Milliseconds more than a lease: for clocks that do not run at quite the same speed. */
const margin = 50

/** For whoever makes changes, in a gateway process or beside it. Throws `Outage`: the change must not be committed. */
export function createAnnounce({
  server,
  revoke,
  slotOf,
  took,
  leaseMs = defaultLeaseMs,
}: AnnounceOptions): Announce {
  return async (change, moment, before) => {
    const { revision: _, ...stale } = staleBy(change, slotOf)
    if (stale.slots.length === 0 && stale.account === undefined) return
    const started = performance.now()
    await revoke(stale.slots, moment.number)
    const told = { ...stale, moment, before }
    await server.visit(ears => server.visit(mouth => tellAll(ears, mouth, told, leaseMs)))
    took((performance.now() - started) / 1000)
  }
}

async function tellAll(
  ears: Redis,
  mouth: Redis,
  stale: Omit<Announcement, 'id'>,
  leaseMs: number,
): Promise<void> {
  const id = randomUUID()
  const rollCall = createRollCall()
  ears.on('message', (_, text) => {
    const [heard, gateway = ''] = text.split(' ')
    if (heard === id) rollCall.answered(gateway)
  })
  await ears.subscribe(acksChannel)

  const text = JSON.stringify({ id, ...stale })
  const present = await mouth.eval(announcing, 2, announcedKey, gatewaysKey, text, newsChannel)
  const unknown = (await isYoung(mouth, leaseMs))
    ? sleep(leaseMs + margin, undefined, { ref: false })
    : undefined
  await Promise.all([rollCall.complete(readPresent(present)), unknown])

  // A Redis that was restarted meanwhile has lost it, and gateways may have come back without reading it.
  if ((await mouth.get(announcedKey)) !== text) throw new Error('the announcement is lost')
}

/** A Redis that was restarted has forgotten the gateways, but for one lease these still trust its former self. */
async function isYoung(redis: Redis, leaseMs: number): Promise<boolean> {
  const uptime = /^uptime_in_seconds:(\d+)/m.exec(await redis.info('server'))?.[1]
  return Number(uptime ?? 0) * 1000 < leaseMs + 1000 // it counts in whole seconds
}

/** The script answers with a flat list: name, milliseconds, name, milliseconds. */
function readPresent(answer: unknown): Map<string, number> {
  const list = Array.isArray(answer) ? answer.map(String) : []
  const present = new Map<string, number>()
  for (let at = 0; at < list.length; at += 2) present.set(list[at] ?? '', Number(list[at + 1]) + margin)
  return present
}

/** At one moment: kept for those who come later, told to those who listen, and a list of who may hold a lease. */
const announcing = `
redis.call('SET', KEYS[1], ARGV[1])
redis.call('PUBLISH', ARGV[2], ARGV[1])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local present = redis.call('ZRANGEBYSCORE', KEYS[2], now, '+inf', 'WITHSCORES')
for i = 2, #present, 2 do present[i] = tostring(present[i] - now) end
return present
`
