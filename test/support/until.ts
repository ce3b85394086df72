import { setTimeout } from 'node:timers/promises'

/** Milliseconds that a test waits for something. Long: the machine may be busy with other tests. */
export const deadlineMs = 60_000

/**
 * Waits for a condition that nothing announces. Rejects with the condition's text if it does not become true. `pauseMs`:
 * between the first looks; longer where a look costs more than a glance, and what is waited for stays. The longer the wait,
 * the longer the pauses: looking every 5 ms takes from what is waited for the processor that it needs. `longestPauseMs`: as
 * short as the first where what is waited for is soon over.
 */
export async function until(
  condition: () => boolean | Promise<boolean>,
  pauseMs = 5,
  longestPauseMs = 100,
): Promise<void> {
  const start = performance.now()
  while (!(await condition())) {
    const waited = performance.now() - start
    if (waited > deadlineMs)
      throw new Error(`not within ${deadlineMs / 1000} seconds: ${condition.toString()}`)
    await setTimeout(Math.max(pauseMs, Math.min(waited / 20, longestPauseMs)))
  }
}
