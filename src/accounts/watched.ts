import { createSharedCalls } from '../common/calls.ts'
import { type Account, scopeOf } from '../gateway/account.ts'
import type { AccountName, Instant } from '../gateway/names.ts'
import { Outage } from '../gateway/outage.ts'
import type { AccountDirectory, News } from '../gateway/ports.ts'
import { type Claim, claimOf, type Dated, sentenceOf, type AnswerLabel } from './answer.ts'
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
  readonly unknownNames: UnknownNameBudget
  /** Missing: each process asks on its own. */
  readonly shared?: Pick<SharedAnswers, 'recall' | 'remember'> | undefined
  /** The least interval between the two answers that confirm a move. */
  readonly confirmAfterSeconds: number
  readonly now: () => Instant
  /** Called for every question that was actually sent. */
  readonly asked: (answered: AnswerLabel) => void
  /** Called for outages in background questions. */
  readonly outage: (outage: Outage) => void
}

/** Accounts that a source knows and the store keeps. */
interface WatchedAccounts extends AccountDirectory {
  /** Stops background questions. */
  close(): void
}

/** Milliseconds by which a timer may be early. */
const timerSlack = 20

/**
 * The gateway acts on the store; the source confirms it. A recent confirmation suffices to serve an account, for a while
 * even when the source cannot be asked. A refusal always needs an answer given now.
 */
export function createWatchedAccounts(options: WatchedOptions): WatchedAccounts {
  const { store, news, source, keep, unknownNames, shared, now, asked, outage } = options
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
    if (kept === 'none' && !(await unknownNames.admit()))
      throw unavailable('too many unknown account names were requested')

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

  /** Another process may have asked. Only an answer that agrees is adopted: a move needs two answers to this process. */
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
    if (agreed?.claim !== dated.claim || agreed.at !== dated.at) return // not acted on
    const { absentSeconds, freshSeconds, staleSeconds } = options
    shared?.remember(name, dated, dated.claim === 'none' ? absentSeconds : freshSeconds + staleSeconds)
  }

  async function current(name: AccountName): Promise<Account | undefined> {
    await news.catchUp()
    return await store.find(name)
  }

  /** In the background. */
  function askSoon(name: AccountName): void {
    questions
      .join(name, () => question(name, false))
      .catch((error: unknown) => {
        if (!(error instanceof Outage)) throw error
        outage(error)
      })
  }

  /** Asks again by itself: until a move is confirmed requests get a 503, and the next one may come hours later. */
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
    const answered = await questions.after(name, () => question(name, true))
    const account = await current(name)
    const { agreed } = memory.get(name)
    // Another question may have been answered since then.
    const isCurrent = (dated: Dated) =>
      answered !== undefined &&
      (dated.at > answered.at || (dated.at === answered.at && dated.claim === answered.claim))
    if (agreed?.kept !== claimAbout(account) || !isCurrent(agreed)) throw cannotTell(name)
    return agreed.claim === 'none' ? undefined : account
  }

  function cannotTell(name: AccountName): Outage {
    const doubt = memory.doubtAbout(name)
    if (doubt !== undefined) return unavailable(`Azure DevOps gave no usable answer: ${sentenceOf(doubt)}`)
    return unavailable('Azure DevOps reports a change of the account, which a second answer must confirm')
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

/** The answers about an account that one process has received. */
export interface Seen {
  /** The last answer that was acted on, with the account's state in the store then. Counts while that state is unchanged. */
  readonly agreed?: Dated & { readonly kept: Claim }
  /** An answer that differs from the store, and when it was first received. */
  readonly sighting?: Dated
}

/** What follows from an answer. */
interface Observed {
  readonly seen: Seen
  /** The account must be kept with this connection from now on. */
  readonly keep: boolean
}

/**
 * A move counts when two answers at least `spacing` milliseconds apart agree and none between them differs, so that a
 * flapping source changes nothing. A new account counts at once, because no stored password can be lost. The end of an
 * account is never stored: it may return, and keeps its history.
 */
function observe(seen: Seen, { claim, at }: Dated, kept: Claim, spacing: number): Observed {
  if (claim === kept) return { seen: { agreed: { claim, at, kept } }, keep: false }
  if (kept === 'none') return { seen: { agreed: { claim, at, kept: claim } }, keep: true }
  const sighting = seen.sighting?.claim === claim ? seen.sighting : { claim, at }
  if (at - sighting.at < spacing) return { seen: { ...seen, sighting }, keep: false }
  if (claim === 'none') return { seen: { agreed: { claim, at, kept }, sighting }, keep: false }
  return { seen: { agreed: { claim, at, kept: claim } }, keep: true }
}

/** Whether a move has been reported but not yet confirmed. */
function isOpen({ agreed, sighting }: Seen): boolean {
  return sighting !== undefined && agreed?.claim !== sighting.claim
}
