import { randomBytes } from 'node:crypto'
import argon2 from 'argon2'
import bcrypt from 'bcryptjs'
import { LRUCache } from 'lru-cache'
import { atMost } from '../engine/memory.ts'
import type { Attempt } from '../gateway/attempt.ts'
import { Outage } from '../gateway/outage.ts'
import { type Decoy, isDecoy, type PasswordHash, type PasswordHasher } from '../gateway/ports.ts'
import { Secret } from '../gateway/secret.ts'
import { isRightByCrypt } from './crypt.ts'
import {
  type Algorithm,
  type HashCost,
  hashLike,
  isOutdated,
  provesWhole,
  readHash,
  type Unreadable,
} from './hash-string.ts'

/** A `PasswordHasher` that is never busy. */
export interface Argon2id extends PasswordHasher {
  hash(password: Secret): Promise<PasswordHash>
  compare(attempt: Pick<Attempt, 'password'>, against: PasswordHash | Decoy): Promise<'match' | 'mismatch'>
}

export interface Argon2idOptions {
  readonly cost: HashCost
  /** Called for every stored hash that cannot be read: its user cannot sign in until the password is set again. */
  readonly onFlaw: (flaw: Unreadable) => void
}

/** Decoys kept, one for each kind of imported hash; the least recently used is made again when needed. */
const mostDecoys = 100

/**
 * Hashes in this process: makes argon2id, verifies all that can be imported. For the lanes, and for commands, which hash
 * once. Throws `Outage` if argon2 cannot compute, for lack of memory or because it does not accept the cost.
 */
export async function createArgon2id({ cost, onFlaw }: Argon2idOptions): Promise<Argon2id> {
  // Made with the present cost: the time taken by a decoy of another cost would reveal which names exist.
  const decoys = new LRUCache<Decoy, PasswordHash>(atMost(mostDecoys))
  decoys.set('decoy', await makeHash(new Secret(randomBytes(32).toString('base64')), cost))

  async function compare(
    { password }: Pick<Attempt, 'password'>,
    against: PasswordHash | Decoy,
  ): Promise<'match' | 'mismatch'> {
    if (isDecoy(against)) return pretend(password, against)
    const read = readHash(against)
    // An empty or damaged hash never matches (CVE-2026-85595), and takes as long as a wrong password.
    if (typeof read === 'string') {
      onFlaw(read)
      return pretend(password, 'decoy')
    }
    return (await isRight(password, against, read.algorithm)) ? 'match' : 'mismatch'
  }

  async function pretend(password: Secret, decoy: Decoy): Promise<'mismatch'> {
    const hash = decoys.get(decoy) ?? hashLike(decoy)
    decoys.set(decoy, hash)
    const read = readHash(hash)
    if (typeof read !== 'string') await isRight(password, hash, read.algorithm)
    return 'mismatch'
  }

  return {
    hash: password => makeHash(password, cost),
    compare,
    outdated: hash => isOutdated(hash, cost),
    provesWhole,
  }
}

/** One hash, and no decoy to compare with. Throws `Outage` like `createArgon2id`. */
export async function makeHash(password: Secret, cost: HashCost): Promise<PasswordHash> {
  const made = await orOutage(
    argon2.hash(password.reveal(), {
      type: argon2.argon2id,
      memoryCost: cost.memoryKiB,
      timeCost: cost.passes,
      parallelism: cost.parallelism,
    }),
  )
  // The package writes `p` before `t`; libargon2, with which other programs import these hashes, reads only the other order.
  return made.replace(/,(p=\d+),(t=\d+)\$/, ',$2,$1$') as PasswordHash // a PHC string
}

async function isRight(password: Secret, hash: PasswordHash, algorithm: Algorithm): Promise<boolean> {
  switch (algorithm) {
    case 'bcrypt':
      return await orOutage(bcrypt.compare(password.reveal(), hash))
    case 'argon2id':
    case 'argon2i':
    case 'argon2d':
      return await orOutage(argon2.verify(hash, password.reveal()))
    default:
      return isRightByCrypt(password, hash, algorithm)
  }
}

/** The hash has been read and is well-formed, so any failure is ours. */
async function orOutage<T>(computing: Promise<T>): Promise<T> {
  try {
    return await computing
  } catch (cause) {
    throw new Outage('hashing', cause)
  }
}
