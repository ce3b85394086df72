import { randomUUID } from 'node:crypto'
import type { Slot } from '../gateway/names.ts'
import { Outage } from '../gateway/outage.ts'
import type { Gateways, Revocations } from '../gateway/ports.ts'
import type { RedisServer } from '../redis/server.ts'
import type { Revoke } from '../verdicts/kept.ts'
import { acksChannel, createAcknowledgements, gatewaysKey, newsChannel } from './channels.ts'

/**
 * A trial change takes the same path as a change, and changes nothing. It measures how long a change would take, so that a
 * hanging gateway is noticed before a password has to be revoked.
 */
export interface CanaryOptions {
  /** Seconds between trials, for all gateways together; 0: none. */
  readonly seconds: number
  readonly gateways: Gateways
  readonly revocations: Revocations
  /** Missing where the settings name no Redis. */
  readonly redis?: { readonly server: RedisServer; readonly revoke: Revoke } | undefined
  /** Called with the seconds that a change or a trial took. */
  readonly took: (seconds: number) => void
}

/** Milliseconds between two checks whether a trial is due and whether commands have left measurements. */
const pause = 1000

/** Runs in the primary process of each gateway. The store ensures that only one of them makes a trial at a time. */
export function keepCanary({ seconds, gateways, revocations, redis, took }: CanaryOptions): {
  stop(): void
} {
  let busy = false

  async function look(): Promise<void> {
    for (const each of await revocations.take()) took(each)
    const number = seconds === 0 ? undefined : await gateways.canaryIsDue(seconds * 1000)
    if (number === undefined) return
    const began = performance.now()
    await (redis ? announceTrial(redis) : gateways.settleCanary(number))
    took((performance.now() - began) / 1000)
  }

  const timer = setInterval(() => {
    if (busy) return
    busy = true
    look()
      .catch((error: unknown) => {
        if (!(error instanceof Outage)) throw error // the health checks report it
      })
      .finally(() => (busy = false))
  }, pause)
  return { stop: () => clearInterval(timer) }
}

/** No credential's: the names of real slots are hashes. */
const noSlot = 'canary' as Slot

/** Like an announcement (`publisher.ts`), but not kept for gateways that start later. */
async function announceTrial({ server, revoke }: NonNullable<CanaryOptions['redis']>): Promise<void> {
  const canary = randomUUID()
  await revoke([noSlot], 0)
  await server.visit(gatewaysKey, subscriber =>
    server.visit(gatewaysKey, async publisher => {
      const acknowledgements = createAcknowledgements()
      subscriber.on('message', (_, text) => {
        const [heard, gateway = ''] = text.split(' ')
        if (heard === canary) acknowledgements.answered(gateway)
      })
      await subscriber.subscribe(acksChannel)
      const answer = await publisher.eval(
        announcingTrial,
        1,
        gatewaysKey,
        newsChannel,
        JSON.stringify({ canary }),
      )
      const list = Array.isArray(answer) ? answer.map(String) : []
      const present = new Map<string, number>()
      for (let at = 0; at < list.length; at += 2) present.set(list[at] ?? '', Number(list[at + 1]))
      await acknowledgements.complete(present)
    }),
  )
}

/** The id to acknowledge, if the message is a trial. */
export function readCanary(text: string): string | undefined {
  return /^\{"canary":"([0-9a-f-]{36})"\}$/.exec(text)?.[1]
}

/** Publishes a trial; returns the gateways that must acknowledge it: name, milliseconds of lease, name, milliseconds. */
const announcingTrial = `
redis.call('PUBLISH', ARGV[1], ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local present = redis.call('ZRANGEBYSCORE', KEYS[1], now, '+inf', 'WITHSCORES')
for i = 2, #present, 2 do present[i] = tostring(present[i] - now) end
return present
`
