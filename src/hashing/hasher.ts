import { createSharedCalls } from '../common/calls.ts'
import type { Compared, PasswordHasher } from '../gateway/ports.ts'
import { type HashCost, isOutdated, provesWhole } from './hash-string.ts'
import type { Compute } from './queue.ts'

/**
 * The hasher port over a `Compute`. Equal comparisons share one computation, and only the first takes a place in the
 * queue: the morning after a move, a thousand build jobs present one old password at once.
 *
 * Comparisons are equal if they have the same stored hash and the same proof. A reset changes the hash, so a caller after
 * the reset cannot join a computation from before it and get the old verdict. The proof covers scope and user name as
 * well as the password: if guesses at several unknown names shared the decoy's computation, their speed would reveal
 * that the names are unknown (CVE-2026-88010).
 *
 * `late`: milliseconds for which a finished comparison is still shared. Its result cannot have become wrong, because its
 * key contains both sides of the comparison.
 */
export function createHasher(compute: Compute, cost: HashCost, late = 0): PasswordHasher {
  const calls = createSharedCalls<string, Compared>(compared => (compared === 'busy' ? 0 : late))

  return {
    async hash(password) {
      const answer = await compute({ password })
      if (answer === 'busy') return answer
      if (!('made' in answer)) throw new Error('asked for a hash, and got a comparison')
      return answer.made
    },
    compare({ password, proof }, against, traffic = 'production') {
      // No part contains a space, so keys are unambiguous. Load tests are kept apart, because they get `busy` sooner.
      return calls.join(`${traffic} ${proof} ${against}`, async () => {
        const answer = await compute({ password, proof, against, traffic })
        if (answer === 'busy') return answer
        if (!('compared' in answer)) throw new Error('asked for a comparison, and got a hash')
        return answer.compared
      })
    },
    outdated: hash => isOutdated(hash, cost),
    provesWhole,
  }
}
