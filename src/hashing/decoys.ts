import { createHmac, createSecretKey } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import { atMost } from '../engine/memory.ts'
import type { Instant, Revision, Scope, Username } from '../gateway/names.ts'
import { Outage } from '../gateway/outage.ts'
import type { Decoy, Decoys, HashSurvey } from '../gateway/ports.ts'
import { type HashCost, kindOf } from './hash-string.ts'

export interface DecoysOptions {
  readonly survey: HashSurvey
  /** Secret, and the same in every process, so that a name has the same decoy everywhere. */
  readonly key: Uint8Array
  readonly cost: HashCost
  readonly now: () => Instant
}

/** The number of names in a scope that have hashes of one kind. */
interface Share {
  readonly scope: Scope
  readonly kind: Decoy
  names: number
}

/** The hash kinds behind an account's names. Primary names have an `@`, secondary ones do not, and their shares differ. */
interface Shares {
  readonly primary: readonly Share[]
  readonly secondary: readonly Share[]
  /** The shares include every change up to this one. */
  readonly asOf: Revision
  readonly readAt: Instant
  /** Milliseconds. */
  readonly took: number
}

/** Pairs of present and former scope that are kept. */
const mostSurveys = 1000

/** Milliseconds. Hashes are also renewed without a change that is announced. */
const longest = 300_000

/** After a change the shares are read again, but not before `factor` times the duration of the last read has passed. */
const pauses = { least: 1000, factor: 20 }

/**
 * Decoys of the same kinds as the known names, in the same shares. An HMAC of the name selects its decoy, which stays the
 * same as long as the shares do: the time of a guess reveals what kind of hash a name has, or would have, but not whether
 * it has one. Weighted rendezvous hashing over the kinds of a scope gives a name the same kind on all accounts of the
 * scope, and changes few names when the shares change.
 */
export function createDecoys({ survey, key, cost, now }: DecoysOptions): Decoys {
  const secret = createSecretKey(key)
  const known = new LRUCache<string, Shares>(atMost(mostSurveys))
  const reading = new Map<string, Promise<Shares>>()

  /** Shared by all callers that ask meanwhile. Throws `Outage`. */
  function read(name: string, scope: Scope, former: Scope | undefined, asOf: Revision): Promise<Shares> {
    const underWay = reading.get(name)
    if (underWay !== undefined) return underWay
    const begun = sharesOf(scope, former, asOf)
    reading.set(name, begun)
    const landed = () => reading.delete(name)
    begun.then(shares => known.set(name, shares)).then(landed, landed)
    return begun
  }

  async function sharesOf(scope: Scope, former: Scope | undefined, asOf: Revision): Promise<Shares> {
    const began = now()
    const counts = { primary: new Map<string, Share>(), secondary: new Map<string, Share>() }
    await count(counts, scope, undefined)
    // Of the former scope, only names that are not in the present one are compared with their former hash.
    if (former !== undefined) await count(counts, former, scope)
    return {
      primary: [...counts.primary.values()],
      secondary: [...counts.secondary.values()],
      asOf,
      readAt: now(),
      took: now() - began,
    }
  }

  async function count(
    counts: Record<'primary' | 'secondary', Map<string, Share>>,
    scope: Scope,
    unlessIn: Scope | undefined,
  ): Promise<void> {
    let after = '' as Username
    for (;;) {
      const found = await survey(scope, unlessIn, after)
      for (const { username, hash } of found) {
        const kind = kindOf(hash, cost)
        const shares = counts[isPrimary(username) ? 'primary' : 'secondary']
        const share = shares.get(`${scope} ${kind}`) ?? { scope, kind, names: 0 }
        share.names += 1
        shares.set(`${scope} ${kind}`, share)
        after = username
      }
      if (found.length === 0) return
      await setImmediate() // lets requests run between the reads of a large scope
    }
  }

  function isOld({ asOf, readAt, took }: Shares, newest: Revision): boolean {
    const age = now() - readAt
    return age >= longest || (newest > asOf && age >= Math.max(pauses.least, pauses.factor * took))
  }

  function draw(shares: readonly Share[], username: Username): Decoy {
    const [only] = shares
    if (only === undefined || shares.length === 1) return only?.kind ?? 'decoy'
    let drawn = only
    let best = Number.POSITIVE_INFINITY
    for (const share of shares) {
      const score = -Math.log(uniform(share, username)) / share.names
      if (score >= best) continue
      best = score
      drawn = share
    }
    return drawn.kind
  }

  /** Between 0 and 1, exclusive. */
  function uniform({ scope, kind }: Share, username: Username): number {
    const text = JSON.stringify(['decoy', scope, kind, username])
    return (createHmac('sha256', secret).update(text).digest().readUIntBE(0, 6) + 0.5) / 2 ** 48
  }

  return {
    async like({ scope, former, username }, asOf) {
      const name = `${scope} ${former ?? ''}`
      let shares = known.get(name)
      // The first attempt waits, whether its name is known or not.
      if (shares === undefined) shares = await read(name, scope, former, asOf)
      else if (isOld(shares, asOf)) read(name, scope, former, asOf).catch(unlessBug)
      return draw(isPrimary(username) ? shares.primary : shares.secondary, username)
    },
  }
}

function isPrimary(username: Username): boolean {
  return username.includes('@')
}

/** The previous shares stay in use, and the next guess tries again. The look-up of each attempt reports the outage. */
function unlessBug(error: unknown): void {
  if (!(error instanceof Outage)) throw error
}
