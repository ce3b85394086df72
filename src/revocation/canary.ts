import { randomUUID } from 'node:crypto'
import type { Slot } from '../gateway/names.ts'
import { Outage } from '../gateway/outage.ts'
import type { Gateways, Revocations } from '../gateway/ports.ts'
import type { RedisServer } from '../redis/server.ts'
import type { Revoke } from '../verdicts/kept.ts'
import { acksChannel, createAcknowledgements, gatewaysKey, newsChannel } from './channels.ts'

/**
 * A trial change: it goes every way that a change goes, and changes nothing. How long that takes is how long a change
 * would take, so a gateway that hangs is seen before a password has to be taken from somebody.
 */
export interface CanaryOptions {
  /** Seconds from one trial to the next, of all gateways together; 0: none. */
  readonly seconds: number
  readonly gateways: Gateways
  readonly revocations: Revocations
  /** Missing where the settings name no Redis. */
  readonly redis?: { readonly server: RedisServer; readonly revoke: Revoke } | undefined
  /** Told how many seconds a change took, or would have. */
  readonly took: (seconds: number) => void
}

/** Milliseconds between two looks whether it is time, and whether commands have left what they measured. */
const pause = 1000

/** In the primary process of each gateway. The store sees to it that only one of them all makes a trial at a time. */
export function keepCanary({ seconds, gateways, revocations, redis, took }: CanaryOptions): {
  stop(): void
} {
  let busy = false

  async function look(): Promise<void> {
    for (const each of await revocations.take()) took(each)
    const number = seconds === 0 ? undefined : await gateways.canaryIsDue(seconds * 1000)
    if (number === undefined) return
    const began = performance.now()
    await (redis ? tellAll(redis) : gateways.settleCanary(number))
    took((performance.now() - began) / 1000)
  }

  const timer = setInterval(() => {
    if (busy) return
    busy = true
    look()
      .catch((error: unknown) => {
        if (!(error instanceof Outage)) throw error // whoever watches the parts tells of it
      })
      .finally(() => (busy = false))
  }, pause)
  return { stop: () => clearInterval(timer) }
}

/** Nobody's: the names of slots are hashes. */
const noSlot = 'canary' as Slot

/** As an announcement goes (`publisher.ts`), but that it is not kept for those who come later. */
async function tellAll({ server, revoke }: NonNullable<CanaryOptions['redis']>): Promise<void> {
  const canary = randomUUID()
  await revoke([noSlot], 0)
  await server.visit(gatewaysKey, subscriber =>
    server.visit(gatewaysKey, async publisher => {
      const rollCall = createAcknowledgements()
      subscriber.on('message', (_, text) => {
        const [heard, gateway = ''] = text.split(' ')
        if (heard === canary) rollCall.answered(gateway)
      })
      await subscriber.subscribe(acksChannel)
      const answer = await publisher.eval(trying, 1, gatewaysKey, newsChannel, JSON.stringify({ canary }))
      const list = Array.isArray(answer) ? answer.map(String) : []
      const present = new Map<string, number>()
      for (let at = 0; at < list.length; at += 2) present.set(list[at] ?? '', Number(list[at + 1]))
      await rollCall.complete(present)
    }),
  )
}

/** What to acknowledge, if it is a trial. */
export function readCanary(text: string): string | undefined {
  return /^\{"canary":"([0-9a-f-]{36})"\}$/.exec(text)?.[1]
}

/** A trial is told, and who must have heard it: name, milliseconds of lease, name, milliseconds. */
const trying = `
redis.call('PUBLISH', ARGV[1], ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local present = redis.call('ZRANGEBYSCORE', KEYS[1], now, '+inf', 'WITHSCORES')
for i = 2, #present, 2 do present[i] = tostring(present[i] - now) end
return present
`
