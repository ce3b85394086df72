import { z } from 'zod'
import { autoOr, whole } from './kinds.ts'

/** The least argon2id that OWASP's Password Storage Cheat Sheet calls safe: memory in KiB, passes. */
const leastCosts = [
  [47_104, 1],
  [19_456, 2],
  [12_288, 3],
  [9216, 4],
  [7168, 5],
] as const

const leastCost = `must cost at least one of ${leastCosts.map(([memory, passes]) => `${memory}/${passes}`).join(', ')} (memoryKiB/passes, the OWASP minimum)`

/** What a password hash costs us, and an attacker who has stolen the store. */
export const hashing = z
  .strictObject({
    memoryKiB: whole(7168, 1_048_576)
      .default(19_456)
      .describe('Memory of one hash (argon2id `m`). Times `lanes`, it must fit into the machine.'),
    passes: whole(1, 100).default(2).describe('Passes over that memory (argon2id `t`).'),
    parallelism: whole(1, 16)
      .default(1)
      .describe('Threads of one hash (argon2id `p`). More than 1 is seldom worth it.'),
    lanes: autoOr(64)
      .default('auto')
      .describe(
        'Processes that hash, at a lower priority than the ones that serve. `auto` is one for each core.',
      ),
    queueLimit: whole(1, 100_000)
      .default(200)
      .describe(
        'Hashes that may wait. Above it callers are told to come again (503) instead of waiting in vain.',
      ),
  })
  .refine(({ memoryKiB, passes }) => leastCosts.some(([m, t]) => memoryKiB >= m && passes >= t), {
    error: leastCost,
  })
  .prefault({})
  .describe(
    'argon2id, for new passwords. When the cost is raised, each credential is renewed at its next use. Needs at least 47104/1, 19456/2, 12288/3, 9216/4 or 7168/5 (memoryKiB/passes), the OWASP minimum.',
  )
