import { createSharedCalls } from '../common/calls.ts'
import { type Account, scopeOf } from '../gateway/account.ts'
import type { AccountName, Instant } from '../gateway/names.ts'
import { Outage } from '../gateway/outage.ts'
import type { AccountDirectory, News } from '../gateway/ports.ts'
import { type Claim, claimOf, type Dated, sentenceOf, type Told } from './answer.ts'
import type { Source } from './azure-devops.ts'
import type { Keep } from './keeper.ts'
import { createMemory, type Lifetimes, type UnknownNameBudget } from './memory.ts'
import type { SharedAnswers } from './shared.ts'

interface WatchedOptions extends Lifetimes {
  /** The accounts that are kept, up to date after `news.catchUp()`. */
  readonly store: Pick<AccountDirectory, 'find'>
  readonly news: News
  readonly source: Pick<Source, 'ask'>
  readonly keep: Keep
  readonly strangers: UnknownNameBudget
  /** Missing: each process asks for itself. */
  readonly shared?: Pick<SharedAnswers, 'recall' | 'remember'> | undefined
  /** At least so far apart are the two answers that make a move. */
  readonly confirmAfterSeconds: number
  readonly now: () => Instant
  /** Told of every question that was really asked. */
  readonly asked: (told: Told) => void
  /** Told of what failed behind the answers' backs. */
  readonly outage: (outage: Outage) => void
}

/** Accounts that a source knows and the store keeps. */
interface WatchedAccounts extends AccountDirectory {
  /** No question begins by itself any more. */
  close(): void
}

/** Milliseconds by which a timer may be early. */
const timerSlack = 20

/**
 * The store is what the gateway acts on; the source says whether it still is right. What it has said lately opens
 * accounts without asking, for a while even when it cannot be asked; a refusal needs an answer of this very moment.
 */
export function createWatchedAccounts(options: WatchedOptions): WatchedAccounts {
  const { store, news, source, keep, strangers, shared, now, asked, outage } = options
  const confirmMs = options.confirmAfterSeconds * 1000
  const memory = createMemory(options, now)
  const questions = createSharedCalls<AccountName, Dated | undefined>()
  const timers = new Map<AccountName, NodeJS.Timeout>()

  /** `undefined`: the source could not tell. `anew`: what was said before does not count. */
  async function question(name: AccountName, anew: boolean): Promise<Dated | undefined> {
    const kept = claimAbout(await current(name))
    const recalled = anew ? undefined : await recall(name, kept)
    if (recalled !== undefined) return recalled
    if (memory.doubtAbout(name) !== undefined) return undefined
    if (kept === 'none' && !(await strangers.admit()))
      throw unavailable('too many names were asked for that nobody has seen before')

    const at = now()
    const answer = await source.ask(name)
    asked(answer.found === 'unknown' ? answer.because : answer.found)
    const dated = answer.found === 'unknown' ? undefined : { claim: claimOf(answer), at }
    if (answer.found === 'unknown') memory.doubt(name, answer.because)
    try {
      if (dated !== undefined) await adopt(name, dated)
    } finally {
      if (isOpen(memory.get(name))) askLater(name)
    }
    return dated
  }

  /** Another process may have asked; only what agrees is taken over, because moves need two answers of our own. */
  async function recall(name: AccountName, kept: Claim): Promise<Dated | undefined> {
    const { agreed, sighting } = memory.get(name)
    const dated = await shared?.recall(name)
    if (dated?.claim !== kept || dated.at <= Math.max(agreed?.at ?? 0, sighting?.at ?? 0)) return undefined
    memory.set(name, { agreed: { ...dated, kept } })
    return ['fresh', 'absent'].includes(memory.standing(name, kept)) ? dated : undefined
  }

  async function adopt(name: AccountName, dated: Dated): Promise<void> {
    const kept = claimAbout(await current(name))
    const observed = observe(memory.get(name), dated, kept, confirmMs)
    if (observed.keep && dated.claim !== 'none') await keep(name, dated.claim, kept !== 'none')
    memory.set(name, observed.seen)
    const { agreed } = observed.seen
    if (agreed?.claim !== dated.claim || agreed.at !== dated.at) return // not acted upon
    const { absentSeconds, freshSeconds, staleSeconds } = options
    shared?.remember(name, dated, dated.claim === 'none' ? absentSeconds : freshSeconds + staleSeconds)
  }

  async function current(name: AccountName): Promise<Account | undefined> {
    await news.catchUp()
    return await store.find(name)
  }

  /** Behind the answer's back. */
  function askSoon(name: AccountName): void {
    questions
      .join(name, () => question(name, false))
      .catch((error: unknown) => {
        if (!(error instanceof Outage)) throw error
        outage(error)
      })
  }

  /** Nobody may come to this account for hours, and all who do are told to wait. */
  function askLater(name: AccountName): void {
    if (timers.has(name)) return
    const ask = () => {
      timers.delete(name)
      askSoon(name)
    }
    timers.set(name, setTimeout(ask, confirmMs + timerSlack).unref())
  }

  function judge(
    name: AccountName,
    account: Account | undefined,
  ): Promise<Account | undefined> | Account | undefined {
    const standing = memory.standing(name, claimAbout(account))
    if (standing === 'open') return ask(name)
    if (standing === 'stale' && memory.doubtAbout(name) === undefined) askSoon(name)
    return standing === 'absent' ? undefined : account
  }

  async function ask(name: AccountName): Promise<Account | undefined> {
    await questions.join(name, () => question(name, false))
    const account = await current(name)
    const standing = memory.standing(name, claimAbout(account))
    if (standing === 'open') throw cannotTell(name)
    return standing === 'absent' ? undefined : account
  }

  async function confirm(name: AccountName): Promise<Account | undefined> {
    const told = await questions.after(name, () => question(name, true))
    const account = await current(name)
    const { agreed } = memory.get(name)
    // Somebody may have asked since then, and been told something newer.
    const isToldNow = (dated: Dated) =>
      told !== undefined && (dated.at > told.at || (dated.at === told.at && dated.claim === told.claim))
    if (agreed?.kept !== claimAbout(account) || !isToldNow(agreed)) throw cannotTell(name)
    return agreed.claim === 'none' ? undefined : account
  }

  function cannotTell(name: AccountName): Outage {
    const doubt = memory.doubtAbout(name)
    if (doubt !== undefined) return unavailable(`Azure DevOps cannot be relied on: ${sentenceOf(doubt)}`)
    return unavailable('Azure DevOps says something new about the account, and must say it again')
  }

  return {
    find(name) {
      const account = store.find(name)
      return account instanceof Promise ? account.then(found => judge(name, found)) : judge(name, account)
    },
    confirm,
    close() {
      for (const timer of timers.values()) clearTimeout(timer)
    },
  }
}

function claimAbout(account: Account | undefined): Claim {
  return account === undefined ? 'none' : scopeOf(account.connection)
}

function unavailable(why: string): Outage {
  return new Outage('accounts', new Error(why))
}

/** What one process has seen of an account. */
export interface Seen {
  /** The last answer that was acted upon, and what was kept of the account then: while that stays so, it counts. */
  readonly agreed?: Dated & { readonly kept: Claim }
  /** An answer that says something else than what is kept, and when it was first heard. */
  readonly sighting?: Dated
}

/** What follows from an answer. */
interface Observed {
  readonly seen: Seen
  /** The account must be kept with this connection from now on. */
  readonly keep: boolean
}

/**
 * A move is believed when two answers say the same, at least `spacing` milliseconds apart, and none between them says
 * otherwise: a source that flaps changes nothing. What is found for the first time is believed at once: nobody's
 * password is at stake. That an account is gone is never written down: it may come back, and its history with it.
 */
function observe(seen: Seen, { claim, at }: Dated, kept: Claim, spacing: number): Observed {
  if (claim === kept) return { seen: { agreed: { claim, at, kept } }, keep: false }
  if (kept === 'none') return { seen: { agreed: { claim, at, kept: claim } }, keep: true }
  const sighting = seen.sighting?.claim === claim ? seen.sighting : { claim, at }
  if (at - sighting.at < spacing) return { seen: { ...seen, sighting }, keep: false }
  if (claim === 'none') return { seen: { agreed: { claim, at, kept }, sighting }, keep: false }
  return { seen: { agreed: { claim, at, kept: claim } }, keep: true }
}

/** Whether a move has been heard of that is not yet believed. */
function isOpen({ agreed, sighting }: Seen): boolean {
  return sighting !== undefined && agreed?.claim !== sighting.claim
}
