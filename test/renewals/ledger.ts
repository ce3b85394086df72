import { leaseMs } from '../../src/delegation/renewal.ts'

/** An access token that the provider issued. Times are by `performance.now()`. */
interface Issued {
  readonly id: string
  readonly at: number
  /** A request arrived with it at the upstream. */
  seen: boolean
}

/** Redis among what is killed: tokens do not pass through it. */
export const redisName = 'Redis'

/** Something was killed, and is there again. */
interface Outage {
  readonly of: string
  readonly from: number
  /** Infinity: it is not there yet. */
  until: number
}

/** An answer that should not have been, and what was killed before. */
export interface Refusal {
  readonly gateway: string
  readonly what: string
  readonly began: number
  readonly ended: number
  readonly outages: readonly Outage[]
}

/** What happened to the requests of a run. */
export interface Tally {
  requests: number
  allowed: number
  /** `sign-in-needed` of people whose sign-in was lost, until they had signed in again. */
  signInNeeded: number
  /** 503 while a part restarted, or while turns that it had taken were still running. */
  laterInOutage: number
  /** No answer from a gateway that was killed, and was not there yet. */
  brokenInOutage: number
  /** All other answers, and missing ones: none may be here. */
  readonly refused: Refusal[]
  /** The longest that an answer took, in milliseconds. */
  slowest: number
}

export interface Verdict {
  readonly tally: Tally
  /** Access tokens that were issued to gateways. */
  readonly renewals: number
  /** Renewals of a token that was good, beside those of `died`. */
  readonly twice: number
  /** Tokens that were issued to a gateway which was killed before it had stored them. */
  readonly died: number
  /** Sign-ins that were lost with such tokens: the provider takes each refresh token once. */
  readonly lostByKill: number
  /** Sign-ins that were lost for no such reason. */
  readonly lost: number
  readonly mostInASecond: number
  readonly meanInASecond: number
}

/** Milliseconds between the moment a token was issued and the kill that lost it: the provider, the way, the store. */
const nearKill = { before: 5000, after: 2000 }

/** What was issued to whom, where it was seen, and what callers were told. `lifeMs`: of access tokens. */
export function createLedger(lifeMs: number, now: () => number = () => performance.now()) {
  const issued = new Map<string, Issued[]>()
  const byId = new Map<string, Issued>()
  const signingIn = new Set<string>()
  const outages: Outage[] = []
  const tally: Tally = {
    requests: 0,
    allowed: 0,
    signInNeeded: 0,
    laterInOutage: 0,
    brokenInOutage: 0,
    refused: [],
    slowest: 0,
  }
  let [lost, lostByKill] = [0, 0]
  /** Tokens with which a sign-in was lost. */
  const fatal = new Set<Issued>()

  function isDead({ at, seen }: Issued): boolean {
    const isNear = ({ of, from }: Outage) =>
      of !== redisName && at >= from - nearKill.after && at <= from + nearKill.before
    return !seen && outages.some(isNear)
  }

  function duringOutage(began: number, afterMs: number, of?: string): boolean {
    return outages.some(
      each => (of === undefined || each.of === of) && each.from <= now() && began <= each.until + afterMs,
    )
  }

  return {
    tally,
    /** The provider issues a token. */
    issue(person: string, id: string): void {
      if (signingIn.has(person)) return
      const one = { id, at: now(), seen: false }
      issued.set(person, [...(issued.get(person) ?? []), one])
      byId.set(id, one)
    },
    /** The upstream sees a token. */
    see(id: string): void {
      const one = byId.get(id)
      if (one !== undefined) one.seen = true
    },
    /** Something is killed; the function that it gives is called when it is there again. */
    kill(of: string): () => void {
      const outage = { of, from: now(), until: Infinity }
      outages.push(outage)
      return () => void (outage.until = now())
    },
    /** A person signs in, which issues a token that is no renewal. */
    async signIn(person: string, work: () => Promise<unknown>): Promise<void> {
      signingIn.add(person)
      await work().finally(() => signingIn.delete(person))
    },
    /** A person was told to sign in, for the first time since the last sign-in. */
    lose(person: string): void {
      const last = issued.get(person)?.at(-1)
      if (last === undefined || !isDead(last)) {
        lost += 1
        return
      }
      lostByKill += 1
      fatal.add(last)
    },
    /** A gateway answered with `what`: an outcome, or a status. `undefined`: it did not answer. */
    answer(gateway: string, began: number, what: string | undefined): void {
      tally.requests += 1
      tally.slowest = Math.max(tally.slowest, now() - began)
      if (what === 'allow') tally.allowed += 1
      else if (what === 'sign-in-needed') tally.signInNeeded += 1
      else if (what === undefined && duringOutage(began, 200, gateway)) tally.brokenInOutage += 1
      else if (what?.startsWith('503') && duringOutage(began, leaseMs)) tally.laterInOutage += 1
      else
        tally.refused.push({ gateway, what: what ?? 'no answer', began, ended: now(), outages: [...outages] })
    },
    verdict(): Verdict {
      let [renewals, twice, died] = [0, 0, 0]
      const seconds = new Map<number, number>()
      let [first, last] = [Infinity, -Infinity]
      for (const its of issued.values()) {
        renewals += its.length
        for (const [at, one] of its.entries()) {
          const before = its[at - 1]
          // The last one may be on its way still.
          if (fatal.has(one) || (at < its.length - 1 && isDead(one))) died += 1
          // A token is renewed after 60 % of its life or later, by all gateways together.
          if (before !== undefined && one.at - before.at < lifeMs / 2 && !isDead(before)) twice += 1
          // The first one of each person is asked for when the run begins, all at once.
          if (at === 0) continue
          const second = Math.floor(one.at / 1000)
          seconds.set(second, (seconds.get(second) ?? 0) + 1)
          first = Math.min(first, one.at)
          last = Math.max(last, one.at)
        }
      }
      const counted = [...seconds.values()]
      const all = counted.reduce((sum, each) => sum + each, 0)
      return {
        tally,
        renewals,
        twice,
        died,
        lostByKill,
        lost,
        mostInASecond: Math.max(0, ...counted),
        meanInASecond: all === 0 ? 0 : (all * 1000) / Math.max(1000, last - first),
      }
    },
  }
}

export type Ledger = ReturnType<typeof createLedger>

/** Renewals in one second, as a multiple of the mean: more is a storm. People by the dozen are a few more by chance. */
const mostMultiple = 4

/** Why a run did not hold, in a few words; `undefined`: it did. */
export function flawOf(verdict: Verdict, reuse: boolean): string | undefined {
  const { tally, twice, lost, lostByKill, mostInASecond, meanInASecond } = verdict
  if (tally.refused.length > 0) return 'requests were refused'
  if (tally.allowed === 0) return 'no request was let in'
  if (lost > 0) return 'sign-ins were lost'
  if (lostByKill > 0 && reuse) return 'sign-ins were lost although a used refresh token works again'
  if (twice > 0) return 'tokens were renewed twice in a life'
  return mostInASecond > mostMultiple * meanInASecond + 5 ? 'renewals came in a storm' : undefined
}
