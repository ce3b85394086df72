import type { Outage, Part } from '../gateway/outage.ts'
import type { Logger } from './log.ts'

/** Milliseconds between two log lines about one part: when it is down, every request meets it. */
const quiet = 5000

/** Counts every outage, and logs each part's at most every five seconds. */
export function createOutageReport(log: Logger, count: (part: Part) => void): (outage: Outage) => void {
  const lastLogged = new Map<Part, number>()

  return outage => {
    count(outage.part)
    const now = performance.now()
    if (now - (lastLogged.get(outage.part) ?? -Infinity) < quiet) return
    lastLogged.set(outage.part, now)
    log.warn({ part: outage.part, cause: String(outage.cause) }, outage.message)
  }
}
