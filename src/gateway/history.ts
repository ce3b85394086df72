import type { AccountName, Instant, Revision, Scope, Username } from './names.ts'
import { Outage } from './outage.ts'

/**
 * A point in the life of a store, as every process names it. The token is random and made with the change: a store that
 * was set back to a backup, or lost changes in a failover, has other changes under the same numbers, with other tokens.
 */
export interface Moment {
  /** Which store: random, made with it. */
  readonly store: string
  /** How many changes it had had. */
  readonly number: number
  /** Of the last of them. */
  readonly token: string
}

/**
 * What one process knows of the life of its store. It turns moments into revisions, which count on from above all that
 * were given before whenever the store turns out to have gone back: all that was read before is then as of an earlier
 * revision than all that is read after, and nobody who compares revisions can mistake one for the other.
 */
export interface History {
  /** Which store this is about; `undefined` before anything was read. */
  readonly store: string | undefined
  /** A read has seen the store at this moment. Throws `Outage` if it is another store. */
  saw(moment: Moment): Revision
  /** The moment of a revision; `undefined`: it is from before the store went back, or too long ago. */
  momentOf(revision: Revision): Moment | undefined
  /** The revision of what another process has read; `undefined`: not of this life of the store, as far as is known. */
  revisionOf(moment: Moment): Revision | undefined
  /**
   * A change is about to be made; `before`: the token of the one before it. Left out where the word is old: it may never
   * have been made. `undefined`: in another store.
   */
  heard(moment: Moment, before?: string): Revision | undefined
  /** Whether this revision was given since the store last went back. */
  isPresent(revision: Revision): boolean
  /** The store has gone back: what was read before is void. Gives the revision that is above all of it. */
  turn(): Revision
  /** Told of each turn, at once. */
  onTurn(turned: (above: Revision) => void): void
}

/** More changes than any store sees in a life of ours: revisions of one stretch of its life. */
const stretch = 2 ** 40

/** How many changes are known by their tokens: what was found longer ago is not believed when Redis tells it. */
const mostTokens = 4096

/** `expected`: the only store that counts; left out: the one that is seen first. */
export function createHistory(expected?: string): History {
  const listeners: ((above: Revision) => void)[] = []
  /** Of the changes that were seen, in the order in which they were seen first. */
  let tokens = new Map<number, string>()
  /** Of changes that were said to come, and may never have been made. */
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
        throw new Outage('store', new Error('it is another store than the one that this process began with'))
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
      note(moment) // who has read it has seen it made
      return revision(number)
    },
    heard(moment, before) {
      const { number, token } = moment
      if (store !== undefined && moment.store !== store) return undefined
      if (before === undefined) return revision(number)
      const known = tokens.get(number - 1)
      const isOther = known !== undefined && known !== before
      // Whoever makes a change holds the counter: it is the next one, or we have seen it already.
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

/** The number that a revision stands for in the store, for people. */
export function numberOf(revision: Revision): number {
  return revision % stretch
}

/** Something that was changed: what every process must forget, and what the audit log says. */
export interface Change {
  readonly revision: Revision
  readonly at: Instant
  /** Who did it: `cli:root`, `page:<subject>`, `azure-devops`. */
  readonly actor: string
  readonly action: Action
  readonly account?: AccountName
  readonly scope?: Scope
  /** Every user name that the credential has or had: verdicts about all of them are dropped. */
  readonly usernames: readonly Username[]
}

export type Action =
  | 'directory-added'
  | 'account-added'
  | 'account-connected'
  | 'account-disconnected'
  | 'members-added'
  | 'members-removed'
  | 'account-opened'
  | 'move-undone'
  | 'identities-linked'
  | 'credential-set'
  | 'credential-claimed'
  | 'credential-enabled'
  | 'credential-disabled'
  | 'credentials-imported'
