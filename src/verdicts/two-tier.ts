import type { VerdictCache } from '../gateway/ports.ts'
import type { KnownVerdict } from '../gateway/decision.ts'
import type { Kept, Named } from './kept.ts'
import type { LocalVerdicts } from './local.ts'
import type { SharedVerdicts } from './shared.ts'

/** This process's memory in front of the one that all share; without `shared`, on one machine, just the memory. */
export function createVerdictCache({
  local,
  shared,
}: {
  readonly local: LocalVerdicts
  readonly shared?: SharedVerdicts | undefined
}): VerdictCache {
  /**
   * A Redis that lost its data or failed over can still hold what was revoked: what this process was told to
   * forget counts, and it is asked when the answer is here, because the news may have come while it was on its way.
   */
  function believe(attempt: Named, kept: Kept | undefined): KnownVerdict | undefined {
    return kept !== undefined && local.adopt(attempt, kept) ? kept.verdict : undefined
  }

  return {
    recall(attempt, asked) {
      return local.recall(attempt) ?? shared?.recall(attempt, asked)?.then(kept => believe(attempt, kept))
    },
    remember(attempt, verdict) {
      const kept = local.remember(attempt, verdict)
      if (kept !== undefined) shared?.remember(attempt, kept)
    },
  }
}
