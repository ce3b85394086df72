import { setTimeout as delay } from 'node:timers/promises'
import type { Test } from 'tap'
import { ask } from '../support/ask.ts'
import type { Fault } from './fault.ts'
import { startTraffic, type Tally } from './traffic.ts'
import { type FaultWorld, startFaultWorld } from './world.ts'

/** What one fault did to the callers. */
export interface Played {
  readonly fault: Fault
  readonly tally: Tally
  /** From the mending to the last right password that was not let in, or sign-in that failed; 0 if there was none after it. */
  readonly secondsToNormal: number
  /** Why the gateway is not what it was: it has ended, or does not become ready. */
  readonly gone: string | undefined
}

export interface Length {
  /** At least so many requests in all. */
  readonly requests: number
  /** Callers of each kind; left out: four. */
  readonly connections?: number
  /** So long lasts the fault. */
  readonly brokenMs: number
  /** So long the traffic goes on after it. */
  readonly afterMs: number
  /** So long rests each caller between two requests; left out: not at all. */
  readonly restMs?: number
  /** The same once the fault is over; left out: as before. */
  readonly restAfterMs?: number
  /** The traffic goes on until so long no right password was turned away, or for half a minute; left out: not for that. */
  readonly quietMs?: number
}

/** Milliseconds: a sign-in that began before the mending takes as long as the gateway waits for a provider, and then the next. */
const patience = 12_000

/** Milliseconds: whatever is not normal by then does not become so. */
const longestMs = 30_000

/** Plays a fault in a world of its own. `watch` is given what is counted while it is. */
export async function play(
  t: Pick<Test, 'teardown'>,
  fault: Fault,
  length: Length,
  watch: (tally: Tally) => void,
): Promise<Played> {
  return await playIn(await startFaultWorld(t, fault.needs), fault, length, watch)
}

/** Breaks a part under traffic, mends it, and counts. */
export async function playIn(
  world: FaultWorld,
  fault: Fault,
  length: Length,
  watch: (tally: Tally) => void = () => {},
): Promise<Played> {
  const traffic = startTraffic(
    world.gateways.map(({ url }) => url),
    world.callers,
    { connections: length.connections ?? 4, restMs: length.restMs, signers: world.signers },
  )
  watch(traffic.tally)
  await traffic.reach(length.requests / 4, 10)
  await fault.breaks(world)
  await delay(length.brokenMs)
  await fault.mends?.(world)
  const mended = performance.now()
  if (length.restAfterMs !== undefined) traffic.rest(length.restAfterMs)
  await delay(length.afterMs)
  await traffic.reach(length.requests, 60)
  const quietSince = () => Math.max(mended, traffic.tally.lastTrouble)
  while (performance.now() < Math.min(quietSince() + (length.quietMs ?? 0), mended + longestMs))
    await delay(50)
  const signsIn = () => world.signers.length === 0 || traffic.tally.lastSignIn > mended
  while (!signsIn() && performance.now() < mended + patience) await delay(50)
  const tally = await traffic.stop()

  let gone: string | undefined
  if (!signsIn()) gone = 'nobody could sign in since'
  for (const gateway of world.gateways) {
    const { status } = await ask(`${gateway.operationsUrl}/ready`).catch(() => ({ status: 0 }))
    if (status !== 200) gone = `ready says ${status}: ${gateway.logs().slice(-600)}`
  }
  const secondsToNormal = Math.max(0, tally.lastTrouble - mended, tally.lastFailedSignIn - mended) / 1000
  return { fault, tally, secondsToNormal, gone }
}
