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
  stage: Stage,
  { store, redis, seconds, users }: KnownOptions,
): Promise<void> {
  const { key, asOf, history } = await read(store)
  const { slot, proof } = createAttemptKeys(key)
  const seal = createSeal(key, history)
  const until = Date.now() + seconds * 1000
  const password = new Secret(anna.password)
  const client = new Redis(redis)
  try {
    for (let first = 0; first < users; first += batch) {
      stage.say(`${first.toLocaleString('en-US')} of ${users.toLocaleString('en-US')} verdicts are in Redis`)
      const pipeline = client.pipeline()
      for (let number = first; number < Math.min(users, first + batch); number += 1) {
        const username = foldUsername(userNumber(number))
        const subject = `subject-${number}` as Subject // any text that only this user has
        const verdict = { found: 'match', username, subject, asOf, via: 'store' } as const
        const name = proof(msaScope, undefined, username, password)
        const pool = poolKey('good', slot(msaScope, username))
        const text = seal.close(name, { verdict, until })
        if (text === undefined) throw new Error('the store has gone back')
        pipeline.hset(pool, name, text).pexpireat(pool, until)
      }
      await pipeline.exec()
    }
  } finally {
    client.disconnect()
  }
}

/** The store's key of verdicts, and the revision as of which they hold. */
async function read(url: string) {
  const store = await openStore({ url: new Secret(url) })
  try {
    const { history } = store
    return { key: await store.key('verdicts'), asOf: await store.changes.revision(), history }
  } finally {
    await store.close()
  }
}
