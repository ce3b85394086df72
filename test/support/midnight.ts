import { setTimeout } from 'node:timers/promises'

const day = 86_400_000

/** Longer than any test of dates takes, with the others of its process that come first. */
const margin = 120_000

/** Waits for the next day if it is about to begin, by UTC: a test and the program under test shall mean the same by "today". */
export async function awayFromMidnight(): Promise<void> {
  const left = day - (Date.now() % day)
  if (left < margin) await setTimeout(left)
}
