import { Outage } from '../gateway/outage.ts'

/** Milliseconds between two looks at each part. */
const pause = 2000

/** How the parts that the gateway depends on are: `ok`, or what is wrong. */
export interface WatchedParts {
  readonly states: Readonly<Record<string, string>>
  stop(): void
}

/** Looks after each part now and then. `probes` resolve if the part answers and throw `Outage` if not. */
export function watchParts(probes: Readonly<Record<string, () => Promise<void>>>): WatchedParts {
  const states: Record<string, string> = {}
  const busy = new Set<string>()

  async function look(part: string, probe: () => Promise<void>): Promise<void> {
    if (busy.has(part)) return // a hung part must not be asked again and again
    busy.add(part)
    try {
      await probe()
      states[part] = 'ok'
    } catch (error) {
      if (!(error instanceof Outage)) throw error
      states[part] = error.message
    } finally {
      busy.delete(part)
    }
  }

  function lookAtAll(): void {
    for (const [part, probe] of Object.entries(probes)) void look(part, probe)
  }

  lookAtAll()
  const timer = setInterval(lookAtAll, pause)
  return { states, stop: () => clearInterval(timer) }
}
