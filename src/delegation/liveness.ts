import type { Authorities, LivenessRule } from '../common/authorities.ts'
import { Turn } from '../common/turn.ts'
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
  /** Looks once for users whose check is due, and checks them, if it is this gateway's turn. Throws `Outage`. */
  look(): Promise<void>
  /** Lets the checks in progress end, and gives the turn back. */
  close(): Promise<void>
}

/** Checks at a time: requests that wait for tokens come first at the provider. */
const mostAtOnce = 4

/** Milliseconds between two looks for credentials whose users cannot be checked: their time is counted in days. */
const sweepEvery = 10 * 60_000

const dayMs = 86_400_000

/** A check is a renewal, so a user whose token was renewed for requests needs no check of their own. */
export function createLiveness(parts: LivenessParts): Liveness {
  const { grants, confirmations, registry, isUsable, turns, renewing, holder, outage, warn, now } = parts
  const groups = groupsOf(parts.authorities)
  const turn = new Turn({ turns, work: 'liveness', holder, now })
  let looking: Promise<void> | undefined
  let sweptAt: Instant | undefined
  /** The first outage of a provider in this look. */
  let failed: Outage | undefined

  /** Throws `Outage`, of the store. */
  async function checkAll({ whose, everyMs }: Group): Promise<void> {
    let last: Unchecked | undefined
    while (await turn.isOurs()) {
      const batch = await grants.unchecked(whose, everyMs * earliest, last)
      last = batch.at(-1)
      if (last === undefined) return
      const due = batch.filter(({ grant, forMs }) => forMs >= everyMs * shareOf(grant, earliest, 1))
      await inLanes(due, check)
    }
  }

  /** Throws `Outage`, of the store. */
  async function check({ grant }: Unchecked): Promise<void> {
    if (!(await turn.isOurs())) return
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
    while (await turn.isOurs()) {
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
    if (!(await turn.isOurs())) return
    if (await registry.disableUnconfirmed('liveness', which, sinceMs))
      warn(switchedOff, { scope, user: username })
  }

  async function sweepAll(): Promise<void> {
    const at = now()
    if (sweptAt !== undefined && at - sweptAt < sweepEvery) return
    for (const group of groups) await sweep(group)
    if (await turn.isOurs()) sweptAt = at
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
      turn.stop()
      // Its outages are told to the one that looks.
      await looking?.catch(() => {})
      await renewing.close()
      await turn.leave().catch(outage)
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

/** Milliseconds between two looks. */
const pauses = { shortest: 200, longest: 5000 }

/** For users who are checked so often. */
export function pauseFor(everyMs: number): number {
  return Math.max(pauses.shortest, Math.min(pauses.longest, everyMs / 10))
}
