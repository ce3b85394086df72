import { setTimeout as delay } from 'node:timers/promises'
import type { Settings } from './settings/schema.ts'
import type { Logger } from './telemetry/logs.ts'

/** The time that a gateway has from SIGTERM to its end. */
export interface Stopping {
  /** Of the grace for requests under way. */
  secondsLeft(): number
  /** Gives load balancers the time to notice what `/ready` says. Who pressed Ctrl-C has none, and waits for it. */
  drain(fleet: { listening(): number; drain(): void }): Promise<void>
}

/** Seconds that closing may take after the last request. */
const closingSeconds = 10

/** Begins to count when `stop` is aborted, however far the start has come. */
export function beginStopping({
  settings: { stop: limits },
  stop,
  log,
}: {
  readonly settings: Settings
  readonly stop: AbortSignal
  readonly log: Logger
}): Stopping {
  let since: number | undefined
  void aborted(stop).then(() => {
    since = performance.now()
    setTimeout(giveUp, (limits.graceSeconds + closingSeconds) * 1000, log).unref()
  })
  return {
    secondsLeft() {
      const gone = since === undefined ? 0 : (performance.now() - since) / 1000
      return Math.max(0, limits.graceSeconds - gone)
    },
    async drain(fleet) {
      if (stop.reason === 'SIGINT' || fleet.listening() === 0) return
      fleet.drain()
      await delay(Math.min(limits.drainSeconds, limits.graceSeconds) * 1000)
    },
  }
}

/** Whatever hangs while it is being closed must not keep the process for ever. */
function giveUp(log: Logger): void {
  log.fatal('something could not be closed in time')
  process.exit(1)
}

/** Resolves when the signal is aborted. */
export async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }))
}
