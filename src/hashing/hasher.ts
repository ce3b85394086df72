import { createSharedCalls } from '../common/calls.ts'
import type { Compared, PasswordHasher } from '../gateway/ports.ts'
import { type HashCost, isOutdated, provesWhole } from './hash-string.ts'
import type { Compute } from './queue.ts'

/**
 * The port over whoever computes. Equal comparisons share one computation, and none but the first takes a place
 * in the queue: the morning after a move, a thousand build jobs present one old password at once.
 *
 * Two things make comparisons equal. The stored hash: after a reset it is another one, so nobody who asks after
 * the reset can join a flight from before it and be handed the old verdict. And the proof, which covers scope and
 * user name as well as the password: if guesses at several unknown names shared the decoy's flight, their speed
 * would tell that the names are unknown (CVE-2026-88010).
 *
 * `late`: milliseconds for which a comparison that has ended still counts as under way. It cannot have become wrong: what
 * was compared with what is in its name.
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
      // No part holds a blank, so no two triples make one key. Nobody joins a load test, which may be told `busy` sooner.
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
