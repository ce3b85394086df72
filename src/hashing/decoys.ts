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
  /** Secret, and the same in every process: a name must have one decoy wherever it is tried. */
  readonly key: Uint8Array
  readonly cost: HashCost
  readonly now: () => Instant
}

/** So many names of one scope have hashes of this kind. */
interface Share {
  readonly scope: Scope
  readonly kind: Decoy
  names: number
}

/** What the names of an account lead to. A secondary name has no `@`, and a primary one has: who has which differs. */
interface Shares {
  readonly primary: readonly Share[]
  readonly secondary: readonly Share[]
  /** The shares show every change up to this one. */
  readonly asOf: Revision
  readonly readAt: Instant
  /** Milliseconds. */
  readonly took: number
}

/** Accounts that are told apart by what they are and were connected to. */
const mostSurveys = 1000

/** Milliseconds. Hashes are renewed without a change that anything is told of. */
const longest = 300_000

/** After a change the shares are read anew when so many times as long has passed as reading them takes. */
const pauses = { least: 1000, factor: 20 }

/**
 * Decoys of the kinds that the known names have, in the same shares. The name draws its decoy by an HMAC and keeps it as
 * long as the shares do: how long a guess takes says what kind of hash a name has, or would have, and not whether it has
 * one. Each kind of a scope draws by itself (weighted rendezvous hashing), so that a name draws alike on all accounts
 * that lead to the scope, and few names draw another kind when the shares change.
 */
export function createDecoys({ survey, key, cost, now }: DecoysOptions): Decoys {
  const secret = createSecretKey(key)
  const known = new LRUCache<string, Shares>(atMost(mostSurveys))
  const reading = new Map<string, Promise<Shares>>()

  /** Shared by all who ask meanwhile. Throws `Outage`. */
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
    // Of the scope that the account has left, those count who are compared with what they had there.
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
      await setImmediate() // a large scope is read in many looks, between the requests
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

  /** Between 0 and 1, both excluded. */
  function uniform({ scope, kind }: Share, username: Username): number {
    const text = JSON.stringify(['decoy', scope, kind, username])
    return (createHmac('sha256', secret).update(text).digest().readUIntBE(0, 6) + 0.5) / 2 ** 48
  }

  return {
    async like({ scope, former, username }, asOf) {
      const name = `${scope} ${former ?? ''}`
      let shares = known.get(name)
      // The first one waits, whether its name is known or not.
      if (shares === undefined) shares = await read(name, scope, former, asOf)
      else if (isOld(shares, asOf)) read(name, scope, former, asOf).catch(unlessBug)
      return draw(isPrimary(username) ? shares.primary : shares.secondary, username)
    },
  }
}

function isPrimary(username: Username): boolean {
  return username.includes('@')
}

/** What was read before goes on; the next guess tries again. The look-up of each attempt reports the outage. */
function unlessBug(error: unknown): void {
  if (!(error instanceof Outage)) throw error
}
