import type { Logger } from './log.ts'

/** Milliseconds without another one after which it is over. */
const quiet = 10_000

/**
 * Counts the connections that the gateway closed of its own accord, and logs when that begins and when it is over: a flood
 * closes thousands in a second.
 */
export function createConnectionReport(log: Logger, count: (why: string) => void) {
  const current = new Map<string, { closed: number; over: NodeJS.Timeout }>()

  function end(why: string): void {
    log.info({ because: why, closed: current.get(why)?.closed }, 'no more connections have to be closed')
    current.delete(why)
  }

  return {
    closed(why: string, network: string): void {
      count(why)
      const under = current.get(why)
      if (under === undefined) {
        log.warn({ because: why, from: network }, 'connections of callers are closed')
        current.set(why, { closed: 1, over: setTimeout(end, quiet, why).unref() })
        return
      }
      under.closed += 1
      under.over.refresh()
    },
  }
}
