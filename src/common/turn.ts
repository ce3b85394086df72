import { setTimeout as delay } from 'node:timers/promises'
import type { Instant } from '../gateway/names.ts'
import { Outage } from '../gateway/outage.ts'
import type { Turns } from '../gateway/ports.ts'

/** Milliseconds for which a gateway has the turn, unless the work says otherwise; another one takes over after its end. */
const longTurnMs = 30_000

interface TurnParts {
  readonly turns: Turns
  readonly work: Parameters<Turns['take']>[0]
  /** Names this gateway. */
  readonly holder: string
  readonly now: () => Instant
  /** Milliseconds. */
  readonly turnMs?: number
}

/** This gateway's turn at work that one gateway of a store does at a time. */
export class Turn {
  readonly #parts: TurnParts
  #keptAt: Instant | undefined
  #stopped = false

  constructor(parts: TurnParts) {
    this.#parts = parts
  }

  /** Whether it is, or has become, this gateway's turn: to be asked again before each piece of work. Throws `Outage`. */
  async isOurs(): Promise<boolean> {
    if (this.#stopped) return false
    const { turns, work, holder, now, turnMs = longTurnMs } = this.#parts
    const at = now()
    if (this.#keptAt !== undefined && at - this.#keptAt < turnMs / 3) return true
    this.#keptAt = (await turns.take(work, holder, turnMs)) ? at : undefined
    return this.#keptAt !== undefined
  }

  /** It is no longer this gateway's turn for anything that begins from now on. */
  stop(): void {
    this.#stopped = true
  }

  /** Lets another gateway have it at once. Throws `Outage`. */
  async leave(): Promise<void> {
    const { turns, work, holder } = this.#parts
    if (this.#keptAt === undefined) return
    this.#keptAt = undefined
    await turns.leave(work, holder)
  }
}

/** Milliseconds between two reports of outages: an outage fails each look. */
const reportEvery = 60_000

/** Passes outages on, but not too often. */
export function seldom(outage: (outage: Outage) => void, now: () => Instant): (outage: Outage) => void {
  let toldAt: Instant | undefined
  return told => {
    const at = now()
    if (toldAt !== undefined && at - toldAt < reportEvery) return
    toldAt = at
    outage(told)
  }
}

/** Work that comes up now and then. */
interface Looking {
  /** Does what is due. Throws `Outage`. */
  look(): Promise<void>
  close(): Promise<void>
}

/** Looks again and again, with a pause in between, until it is closed. `outage` is told of outages. */
export function keepLooking(
  work: Looking,
  pauseMs: number,
  outage: (outage: Outage) => void,
): { close(): Promise<void> } {
  const stop = new AbortController()
  async function run(): Promise<void> {
    while (!stop.signal.aborted) {
      await work.look().catch((error: unknown) => {
        if (!(error instanceof Outage)) throw error
        outage(error)
      })
      await delay(pauseMs, undefined, { signal: stop.signal }).catch(() => {})
    }
  }
  void run()
  return {
    close() {
      stop.abort()
      return work.close()
    },
  }
}
