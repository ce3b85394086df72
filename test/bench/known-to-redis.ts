import { Redis } from 'ioredis'
import { createAttemptKeys } from '../../src/gateway/attempt.ts'
import { foldUsername, msaScope, type Subject } from '../../src/gateway/names.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { openStore } from '../../src/store/store.ts'
import { poolKey } from '../../src/verdicts/kept.ts'
import { createSeal } from '../../src/verdicts/seal.ts'
import { anna, userNumber } from './people.ts'
import type { Stage } from './stage.ts'

export interface KnownOptions {
  /** Address of the gateway's store. */
  readonly store: string
  /** Address of its Redis. */
  readonly redis: string
  /** For how long the verdicts are to live. */
  readonly seconds: number
  /** The first so many of those that `userNumber` names. */
  readonly users: number
}

/** Verdicts that are sent at once. */
const batch = 1000

/**
 * Lets Redis know that the password of these users is right, as another worker would have written it down: a hundred
 * thousand passwords need not be hashed first.
 */
export async function knownToRedis(
  stage: Pick<Stage, 'say'>,
  { store, redis, seconds, users }: KnownOptions,
): Promise<void> {
  await using open = new AsyncDisposableStack()
  const opened = await openStore({ url: new Secret(store) })
  open.defer(() => opened.close())
  const { slot, proof } = createAttemptKeys(await opened.key('names'))
  const seal = createSeal(await opened.keyRing('verdicts'), opened.history)
  const asOf = await opened.changes.revision()
  const until = Date.now() + seconds * 1000
  const password = new Secret(anna.password)
  const client = new Redis(redis)
  open.defer(() => client.disconnect())
  for (let first = 0; first < users; first += batch) {
    stage.say(`${first.toLocaleString('en-US')} of ${users.toLocaleString('en-US')} verdicts are in Redis`)
    const pipeline = client.pipeline()
    for (let number = first; number < Math.min(users, first + batch); number += 1) {
      const username = foldUsername(userNumber(number))
      const subject = `subject-${number}` as Subject // any text that only this user has
      const verdict = { found: 'match', username, subject, asOf, via: 'store' } as const
      const proven = proof(msaScope, undefined, username, password)
      const pool = poolKey('good', slot(msaScope, username))
      const text = seal.close(proven, { verdict, until })
      if (text === undefined) throw new Error('the store has gone back')
      pipeline.hset(pool, seal.name(proven), text).pexpireat(pool, until)
    }
    await pipeline.exec()
  }
}
