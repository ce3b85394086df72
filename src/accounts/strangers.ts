import type { Instant } from '../gateway/names.ts'

/** The questions about names that are nobody's account as far as we know: strangers can invent them without end. */
export interface Strangers {
  /** Whether one more may be asked about; takes it off the budget then. */
  admit(): boolean | Promise<boolean>
}

/**
 * A budget of so many in a minute, filled evenly; after a quiet minute that many can be asked at once. `elsewhere`:
 * the budget that all processes share, asked only if ours has something left.
 */
export function createStrangers(options: {
  readonly perMinute: number
  readonly now: () => Instant
  readonly elsewhere?: Strangers | undefined
}): Strangers {
  const { perMinute, now, elsewhere } = options
  let left = perMinute
  let filled = now()

  return {
    admit() {
      const since = now() - filled
      filled += since
      left = Math.min(perMinute, left + (Math.max(0, since) * perMinute) / 60_000)
      if (left < 1) return false
      left -= 1
      return elsewhere === undefined || elsewhere.admit()
    },
  }
}
