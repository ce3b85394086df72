import type { Logger } from './log.ts'

/** Milliseconds between two log lines: what is thrown once for each request must not fill a disk. */
const quiet = 1000

/**
 * The last resort, for a process that serves: an error that nobody caught is a bug of ours or of a library. It is
 * logged and counted, and the process goes on. To end would cut every request that is under way, and whoever can bring
 * the error about could end the next process as well. What a request, a connection or a statement throws is caught
 * where it belongs; what gets here has left nothing of theirs half done that others share. Errors before a process
 * serves still end it.
 */
export function keepServing({ log, count }: { readonly log: Logger; readonly count: () => void }): void {
  let unlogged = 0
  let loggedAt = -Infinity

  function report(error: unknown, origin: string): void {
    count()
    unlogged += 1
    if (performance.now() - loggedAt < quiet) return
    // The text alone: errors of libraries carry commands with passwords in them.
    const stack = error instanceof Error ? error.stack : 'not an error'
    log.error({ stack, origin, bugs: unlogged }, 'a bug: an error that nobody caught; the process goes on')
    loggedAt = performance.now()
    unlogged = 0
  }

  process.on('uncaughtException', (error, origin) => {
    try {
      report(error, origin)
    } catch {
      // Where even this cannot be told there is nobody left to tell; thrown from here it would end the process.
    }
  })
}
