import { setTimeout } from 'node:timers/promises'

/** Milliseconds that a test waits for something. Long: the machine may be busy with other tests. */
const deadlineMs = 60_000

/**
 * Waits for a condition that nothing announces. Rejects with the condition's text if it does not become true. `pauseMs`:
 * between two looks; longer where a look costs more than a glance, and what is waited for stays.
 */
export async function until(condition: () => boolean | Promise<boolean>, pauseMs = 5): Promise<void> {
  const end = performance.now() + deadlineMs
  while (!(await condition())) {
    if (performance.now() > end)
      throw new Error(`not within ${deadlineMs / 1000} seconds: ${condition.toString()}`)
    await setTimeout(pauseMs)
  }
}
