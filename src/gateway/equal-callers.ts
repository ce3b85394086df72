import type { Attempt, Caller } from './attempt.ts'

/** Callers from one address who present one password at one time: a build that starts a thousand jobs. */
export interface EqualCallers {
  /** Resolves when the one who went ahead is done; rejects with what made him fail. `undefined`: nobody did. */
  ahead(attempt: Attempt, caller: Caller): Promise<unknown> | undefined
  /** Goes ahead of those who come meanwhile; whoever has waited once goes his own way. */
  lead<T>(attempt: Attempt, caller: Caller, findOut: () => Promise<T>): Promise<T>
}

/**
 * The first finds out, the others wait and then look at what is known since. They are not given what he found: it may
 * be from before a change that they must know of, and only the cache of verdicts can tell.
 */
export function createEqualCallers(): EqualCallers {
  const leaders = new Map<string, Promise<unknown>>()

  return {
    ahead(attempt, caller) {
      return leaders.size === 0 ? undefined : leaders.get(nameOf(attempt, caller))
    },
    lead(attempt, caller, findOut) {
      const name = nameOf(attempt, caller)
      const finding = findOut()
      if (leaders.has(name)) return finding
      const leave = () => leaders.delete(name)
      leaders.set(name, finding)
      finding.then(leave, leave)
      return finding
    },
  }
}

/** The proof covers scopes and user name; guesses are counted by address and lane. */
function nameOf({ proof }: Attempt, { from, lane }: Caller): string {
  return `${proof} ${lane} ${from}`
}
