import type { Instant } from '../gateway/names.ts'
import { Outage } from '../gateway/outage.ts'

/** Milliseconds between two checks of each part. */
const partsEveryMs = 2000

/** The state of each part that the gateway depends on: `ok`, or what is wrong; and since when it answers, or does not. */
interface WatchedParts {
  readonly states: Readonly<Record<string, string>>
  readonly since: Readonly<Record<string, Instant>>
  stop(): void
}

/**
 * Checks each part at intervals. `probes` resolve if the part answers and throw `Outage` if not; `told` is told of each
 * result.
 */
export function watchParts(
  probes: Readonly<Record<string, () => Promise<void>>>,
  told: (part: string, flaw: Outage | undefined) => void = () => {},
  everyMs = partsEveryMs,
): WatchedParts {
  const states: Record<string, string> = {}
  const since: Record<string, Instant> = {}
  const busy = new Set<string>()

  async function look(part: string, probe: () => Promise<void>): Promise<void> {
    if (busy.has(part)) return // a hung part must not be asked again and again
    busy.add(part)
    try {
      await probe()
      saw(part, 'ok')
      told(part, undefined)
    } catch (error) {
      if (!(error instanceof Outage)) throw error
      saw(part, error.message)
      told(part, error)
    } finally {
      busy.delete(part)
    }
  }

  function saw(part: string, state: string): void {
    if ((states[part] === 'ok') !== (state === 'ok') || states[part] === undefined) since[part] = Date.now()
    states[part] = state
  }

  function lookAtAll(): void {
    for (const [part, probe] of Object.entries(probes)) void look(part, probe)
  }

  lookAtAll()
  const timer = setInterval(lookAtAll, everyMs)
  return { states, since, stop: () => clearInterval(timer) }
}
