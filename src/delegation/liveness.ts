import { setTimeout as delay } from 'node:timers/promises'
import type { Authorities, LivenessRule } from '../common/authorities.ts'
import type {
  Confirmations,
  Grant,
  GrantRegistry,
  GrantStore,
  ScopeChoice,
  Unchecked,
  Unconfirmed,
} from '../gateway/delegation.ts'
import { msaScope, type Instant, type Scope } from '../gateway/names.ts'
import { Outage } from '../gateway/outage.ts'
import type { Turns } from '../gateway/ports.ts'
import { leaseMs as renewalMs, type Renewing, type Warn } from './renewal.ts'
import { shareOf } from './tokens.ts'

export interface LivenessParts {
  readonly authorities: Authorities
  readonly grants: Pick<GrantStore, 'unchecked'>
  readonly confirmations: Pick<Confirmations, 'unconfirmed'>
  readonly registry: Pick<GrantRegistry, 'disableUnconfirmed'>
  /** Whether this gateway can ask a provider with a grant that has not ended. */
  readonly isUsable: (grant: Grant) => boolean
  readonly turns: Turns
  /** Must ask for what was asked for before. */
  readonly renewing: Renewing
  /** Names this gateway. */
  readonly holder: string
  /** Told of outages: the checks are repeated. */
  readonly outage: (outage: Outage) => void
  readonly warn: Warn
  readonly now: () => Instant
}

/** Asks identity providers whether users are still active, as often as the settings say. */
export interface Liveness {
  /** Looks once for users whose check is due, and checks them, if it is this gateway's turn. */
  look(): Promise<void>
  /** Lets the checks in progress end, and gives the turn back. */
  close(): Promise<void>
}

/** Milliseconds for which a gateway has the turn; another one takes over after its end. */
const turnMs = 30_000

/** Checks at a time: requests that wait for tokens come first at the provider. */
const mostAtOnce = 4

/** Milliseconds between two looks for credentials whose users cannot be checked: their time is counted in days. */
const sweepEvery = 10 * 60_000

const dayMs = 86_400_000

/** A check is a renewal, so a user whose token was renewed for requests needs no check of their own. */
export function createLiveness(parts: LivenessParts): Liveness {
  const { grants, confirmations, registry, isUsable, turns, renewing, holder, outage, warn, now } = parts
  const groups = groupsOf(parts.authorities)
  let stopped = false
  let looking: Promise<void> | undefined
  let keptAt: Instant | undefined
  let sweptAt: Instant | undefined
  /** The first outage of a provider in this look. */
  let failed: Outage | undefined

  /** Whether it is still this gateway's turn. Throws `Outage`. */
  async function hasTurn(): Promise<boolean> {
    if (stopped) return false
    const at = now()
    if (keptAt !== undefined && at - keptAt < turnMs / 3) return true
    keptAt = (await turns.take('liveness', holder, turnMs)) ? at : undefined
    return keptAt !== undefined
  }

  /** Throws `Outage`, of the store. */
  async function checkAll({ whose, everyMs }: Group): Promise<void> {
    let last: Unchecked | undefined
    while (await hasTurn()) {
      const batch = await grants.unchecked(whose, everyMs * earliest, last)
      last = batch.at(-1)
      if (last === undefined) return
      const due = batch.filter(({ grant, forMs }) => forMs >= everyMs * shareOf(grant, earliest, 1))
      await inLanes(due, check)
    }
  }

  /** Throws `Outage`, of the store. */
  async function check({ grant }: Unchecked): Promise<void> {
    if (!(await hasTurn())) return
    try {
      // What an earlier check received is stored first; the next look sees it.
      if (await renewing.settle(grant)) return
      await renewing.renew(grant, { urgent: false, deadline: now() + renewalMs })
    } catch (error) {
      // A provider in trouble is left alone by the budget, so that the others of this look cost nothing.
      if (!(error instanceof Outage && error.part === 'provider')) throw error
      failed ??= error
    }
  }

  /** Switches off credentials of which no provider says whether their users are active. Throws `Outage`, of the store. */
  async function sweep({ whose, rule }: Group): Promise<void> {
    if (rule.unwatchedDays === undefined) return
    const sinceMs = rule.unwatchedDays * dayMs
    const spared: ReadonlySet<string> = new Set(rule.unwatchedUsers)
    let last: Unconfirmed | undefined
    while (await hasTurn()) {
      const batch = await confirmations.unconfirmed(whose, sinceMs, last)
      last = batch.at(-1)
      if (last === undefined) return
      for (const each of batch) if (!spared.has(each.username)) await switchOff(each, sinceMs)
    }
  }

  async function switchOff(which: Unconfirmed, sinceMs: number): Promise<void> {
    const { scope, username, grant } = which
    // Its provider has not answered for so long: an outage switches no credential off.
    if (grant !== undefined && grant.ended === undefined && isUsable(grant)) return
    if (!(await hasTurn())) return
    if (await registry.disableUnconfirmed('liveness', which, sinceMs))
      warn(switchedOff, { scope, user: username })
  }

  async function sweepAll(): Promise<void> {
    const at = now()
    if (sweptAt !== undefined && at - sweptAt < sweepEvery) return
    for (const group of groups) await sweep(group)
    if (keptAt !== undefined) sweptAt = at
  }

  async function lookOnce(): Promise<void> {
    failed = undefined
    for (const group of groups) await checkAll(group)
    await sweepAll()
    // Once for a look: a provider that is down fails for each of its users.
    if (failed !== undefined) outage(failed)
  }

  return {
    look() {
      looking ??= lookOnce().finally(() => (looking = undefined))
      return looking
    },
    async close() {
      stopped = true
      // Its outages are told to the one that looks.
      await looking?.catch(() => {})
      await renewing.close()
      if (keptAt !== undefined) await turns.leave('liveness', holder).catch(outage)
    },
  }
}

/** The scopes that are checked equally often. */
interface Group {
  readonly whose: ScopeChoice
  readonly everyMs: number
  readonly rule: LivenessRule
}

const switchedOff =
  'a credential is switched off: its user cannot be checked, and has not signed in on the page for signIn.*.liveness.unwatchedDays'

/**
 * The part of the interval after which the first users are checked. It differs from user to user, so that users who signed
 * in within one minute are not checked within one minute; all are by the end of the interval.
 */
const earliest = 0.75

function groupsOf({ msa, directories, entra }: Authorities): readonly Group[] {
  // The id of a directory is its scope.
  const named = Object.entries(directories).map(([id, its]) => [id as Scope, its] as const)
  const others: ScopeChoice = { except: [msaScope, ...named.map(([scope]) => scope)] }
  return [
    { whose: { scope: msaScope }, its: msa },
    ...named.map(([scope, its]) => ({ whose: { scope }, its })),
    { whose: others, its: entra },
  ].flatMap(({ whose, its }) =>
    its?.liveness === undefined
      ? []
      : [{ whose, everyMs: its.liveness.everySeconds * 1000, rule: its.liveness }],
  )
}

/** The shortest interval of the settings; `undefined`: no user is checked. */
export function shortestInterval(authorities: Authorities): number | undefined {
  const all = groupsOf(authorities).map(({ everyMs }) => everyMs)
  return all.length === 0 ? undefined : Math.min(...all)
}

/** Runs a few at a time; after the first failure begins no other. */
async function inLanes<T>(all: readonly T[], work: (each: T) => Promise<void>): Promise<void> {
  const waiting = all.values()
  let failed = false
  const lane = async () => {
    for (const each of waiting) {
      if (failed) return
      await work(each).catch((error: unknown) => {
        failed = true
        throw error
      })
    }
  }
  await Promise.all(Array.from({ length: mostAtOnce }, lane))
}

/** Milliseconds between two reports of outages: an outage fails each look. */
const reportEvery = 60_000

/** Passes outages on, but not too often. */
export function seldom(outage: (outage: Outage) => void, now: () => Instant): (outage: Outage) => void {
  let toldAt: Instant | undefined
  return told => {
    const at = now()
    if (toldAt !== undefined && at - toldAt < reportEvery) return
    toldAt = at
    outage(told)
  }
}

/** Milliseconds between two looks. */
const pauses = { shortest: 200, longest: 5000 }

/** Looks again and again until it is closed. `outage` is told of an outage of the store. */
export function keepLooking(
  liveness: Liveness,
  everyMs: number,
  outage: (outage: Outage) => void,
): { close(): Promise<void> } {
  const pause = Math.max(pauses.shortest, Math.min(pauses.longest, everyMs / 10))
  const stop = new AbortController()
  async function run(): Promise<void> {
    while (!stop.signal.aborted) {
      await liveness.look().catch((error: unknown) => {
        if (!(error instanceof Outage)) throw error
        outage(error)
      })
      await delay(pause, undefined, { signal: stop.signal }).catch(() => {})
    }
  }
  void run()
  return {
    close() {
      stop.abort()
      return liveness.close()
    },
  }
}
