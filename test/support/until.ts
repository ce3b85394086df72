import { setTimeout } from 'node:timers/promises'

/** Waits for a condition that nobody announces. The test's own time limit ends it if it never comes true. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await setTimeout(5)
}
