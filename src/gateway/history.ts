import type { AccountName, Instant, Revision, Scope, Username } from './names.ts'
import { Outage } from './outage.ts'

/**
 * A point in the history of a store, in terms that all processes share. The token is random and made with the change: a
 * store that was restored from a backup, or lost changes in a failover, has other tokens under the same numbers.
 */
export interface Moment {
  /** Id of the store: random, made with it. */
  readonly store: string
  /** Number of changes so far. */
  readonly number: number
  /** Token of the last change. */
  readonly token: string
}

/**
 * What one process knows of the history of its store. It turns moments into revisions. When the store turns out to have
 * gone back, revisions continue above all that were given before, so that everything read before is as of an earlier
 * revision than anything read after, and comparing revisions stays correct.
 */
export interface History {
  /** Id of the store; `undefined` before the first read. */
  readonly store: string | undefined
  /** Records that a read saw the store at this moment. Throws `Outage` if it is a different store. */
  saw(moment: Moment): Revision
  /** The moment of a revision; `undefined` if it is from before the store went back, or too old. */
  momentOf(revision: Revision): Moment | undefined
  /** The revision of what another process has read; `undefined` if it is not known to be part of this history. */
  revisionOf(moment: Moment): Revision | undefined
  /**
   * Records that a change is about to be made. `before`: the token of the previous change; left out for an old
   * announcement, whose change may never have been made. `undefined`: the change is in a different store.
   */
  heard(moment: Moment, before?: string): Revision | undefined
  /** Whether this revision was given after the store last went back. */
  isPresent(revision: Revision): boolean
  /** Records that the store has gone back: what was read before is void. Gives a revision above all of it. */
  turn(): Revision
  /** The listener is called at each turn, synchronously. */
  onTurn(turned: (above: Revision) => void): void
}

/** Revisions between two turns: more changes than any store sees. */
const stretch = 2 ** 40

/** How many tokens are kept. Verdicts in Redis that are older are not believed. */
const mostTokens = 4096

/** `expected`: the id that the store must have. Left out: the id of the store that is seen first. */
export function createHistory(expected?: string): History {
  const listeners: ((above: Revision) => void)[] = []
  /** Tokens of the changes that were seen, in the order in which they were first seen. */
  let tokens = new Map<number, string>()
  /** Tokens of changes that were announced, and may never have been made. */
  let coming = new Map<number, string>()
  let store = expected
  let base = 0
  let newest = 0

  const revision = (number: number): Revision => (base + number) as Revision

  function turn(): Revision {
    base += stretch
    tokens = new Map()
    coming = new Map()
    newest = 0
    for (const listener of listeners) listener(revision(0))
    return revision(0)
  }

  function keep(known: Map<number, string>, { number, token }: Moment): void {
    known.set(number, token)
    const [oldest] = known.keys()
    if (known.size > mostTokens && oldest !== undefined) known.delete(oldest)
  }

  function note(moment: Moment): void {
    const { number, token } = moment
    const known = tokens.get(number)
    if (known === token) return
    if (known !== undefined) turn()
    keep(tokens, moment)
    newest = Math.max(newest, number)
  }

  return {
    get store() {
      return store
    },
    saw(moment) {
      store ??= moment.store
      if (moment.store !== store)
        throw new Outage('store', new Error('this is not the store that the process started with'))
      note(moment)
      return revision(moment.number)
    },
    momentOf(of) {
      const number = of - base
      const token = tokens.get(number)
      return token === undefined || store === undefined ? undefined : { store, number, token }
    },
    revisionOf(moment) {
      const { number, token } = moment
      if (moment.store !== store) return undefined
      if (tokens.get(number) === token) return revision(number)
      if (coming.get(number) !== token) return undefined
      note(moment) // a process has read it, so it was committed
      return revision(number)
    },
    heard(moment, before) {
      const { number, token } = moment
      if (store !== undefined && moment.store !== store) return undefined
      if (before === undefined) return revision(number)
      const known = tokens.get(number - 1)
      const isOther = known !== undefined && known !== before
      // A change is made while holding the counter, so it is the next one, or we have already seen it.
      const isBack = number <= newest && tokens.get(number) !== token
      if (isOther || isBack) turn()
      keep(coming, moment)
      return revision(number)
    },
    isPresent: of => of >= base,
    turn,
    onTurn(turned) {
      listeners.push(turned)
    },
  }
}

/** The number that a revision has in the store, for display. */
export function numberOf(revision: Revision): number {
  return revision % stretch
}

/** One change: what every process must forget, and what the audit log records. */
export interface Change {
  readonly revision: Revision
  readonly at: Instant
  /** Who made it: `cli:root`, `page:<subject>`, `api:<token>`, `console:<directory>/<user>`, `azure-devops`. */
  readonly actor: string
  readonly action: Action
  readonly account?: AccountName
  /** Instead of `account`, if it is about several. */
  readonly accounts?: readonly AccountName[]
  readonly scope?: Scope
  /** Every user name that the credential has or had; verdicts about all of them are dropped. */
  readonly usernames: readonly Username[]
}

export type Action =
  | 'directory-added'
  | 'directory-changed'
  | 'directory-removed'
  | 'account-added'
  | 'account-changed'
  | 'account-renamed'
  | 'account-removed'
  | 'account-connected'
  | 'account-disconnected'
  | 'members-added'
  | 'members-removed'
  | 'account-opened'
  | 'move-undone'
  | 'move-planned'
  /** To another directory, or on another day. */
  | 'move-plan-changed'
  | 'move-plan-cancelled'
  | 'identities-linked'
  | 'identities-unlinked'
  | 'credential-set'
  | 'credential-claimed'
  | 'password-added'
  | 'password-replaced'
  | 'passwords-revoked'
  | 'credential-removed'
  | 'credential-enabled'
  | 'credential-disabled'
  /** The identity provider refused its owner, whose sign-in has ended with it. */
  | 'credential-disabled-by-liveness'
  | 'credentials-imported'
  /** All credentials of a person, in every scope. */
  | 'person-blocked'
  | 'person-unblocked'
  /** Sessions of the page. */
  | 'sessions-revoked'
  /** The store is as it was at some earlier time, or has what another one had. */
  | 'store-restored'
  /** Keys in the store were added, taken into use, or retired. */
  | 'keys-changed'
  | 'keys-retired'
  /** Tokens of the API; their names stand in the place of user names. */
  | 'token-added'
  | 'token-revoked'
  /** A user has signed in, so that requests reach upstreams as that user; and the end of that. */
  | 'grant-given'
  | 'grant-ended'
