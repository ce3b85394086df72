import type { Account } from './account.ts'
import type { Ask, TrafficLane } from './ask.ts'
import type { Attempt } from './attempt.ts'
import type { Decision, KnownVerdict } from './decision.ts'
import type { Change, Moment } from './history.ts'
import type { AccountName, Instant, Revision, Scope, Subject, Username } from './names.ts'
import type { Secret } from './secret.ts'

/** Which accounts there are and what they are connected to. */
export interface AccountDirectory {
  /** `undefined`: there is no such account. Throws `Outage` if nobody can say. */
  find(name: AccountName): Promise<Account | undefined> | Account | undefined
  /**
   * The same, asked of whoever knows best and not before this call: somebody is about to be turned away because of
   * what `find` has said. Throws `Outage` if that is in doubt.
   */
  confirm(name: AccountName): Promise<Account | undefined> | Account | undefined
}

/** What the store says about an account name. */
export interface FoundAccount {
  /** Every change up to this revision is visible in this answer. */
  readonly asOf: Revision
  readonly account: Account | undefined
}

/** The accounts as they are kept, in one consistent read with the revision that it shows. */
export interface AccountStore {
  /** Throws `Outage`. */
  find(name: AccountName): Promise<FoundAccount>
}

/** A credential as it is kept. */
export interface StoredCredential {
  readonly username: Username
  readonly secondary?: Username
  readonly subject: Subject
  readonly hash: PasswordHash
  readonly enabled: boolean
}

/** A PHC string (argon2) or a modular crypt string (bcrypt, imported). */
export type PasswordHash = string & { readonly passwordHash: never }

/** In the place of a hash, for a name that leads to none: `decoy`, and the kind of hash if it is not one of our own. */
export type Decoy = `decoy${string}`

/** Chooses what names that lead to nothing are compared with, so that the time does not tell them from others. */
export interface Decoys {
  /** Asked for every name, known or not, or the time of asking would tell. Throws `Outage`. */
  like(attempt: Pick<Attempt, 'scope' | 'former' | 'username'>, asOf: Revision): Promise<Decoy>
}

/**
 * Names of a scope that come after `after`, in the store's order, with the hashes that they lead to; without those that
 * lead to something in `unlessIn`, too. Some at a time; none: there are no more. Throws `Outage`.
 */
export type HashSurvey = (
  scope: Scope,
  unlessIn: Scope | undefined,
  after: Username,
) => Promise<readonly { readonly username: Username; readonly hash: PasswordHash }[]>

/** What a look-up found in the scope and in the one that the account has left. */
export interface FoundCredentials {
  /** Every change up to this revision is visible in this answer. */
  readonly asOf: Revision
  readonly current: StoredCredential | undefined
  readonly former: StoredCredential | undefined
  /** Whether the holder of `former` is known to be somebody of the scope, too, and is not switched off there. */
  readonly linked?: boolean
}

/** Alternate credentials, looked up by primary or secondary user name. */
export interface CredentialStore {
  /** One consistent read of both scopes. Throws `Outage`. */
  find(scope: Scope, former: Scope | undefined, username: Username): Promise<FoundCredentials>
  /**
   * Puts a dearer hash of the same password in the place of `outdated`; does nothing if that one is no longer
   * there. It is no change: verdicts stay good.
   */
  upgrade(scope: Scope, username: Username, outdated: PasswordHash, renewed: PasswordHash): Promise<void>
}

/** A credential opened an account. */
export interface Use {
  readonly account: AccountName
  readonly scope: Scope
  readonly subject: Subject
  readonly at: Instant
  /** The client's address. */
  readonly from: string
}

/** When and from where credentials were last used. It is no change: nobody is told, and verdicts stay good. */
export interface LastUsed {
  /** Of several uses of a credential the newest is kept, in whatever order they come. Throws `Outage`. */
  record(uses: readonly Use[]): Promise<void>
}

/** What the page knows of people who have signed in, shared by all processes. All throw `Outage`. */
export interface SessionStore {
  /** `idHash`: only a hash of the id is kept, so a stolen store opens no session. `undefined`: none, or expired. */
  get(idHash: string): Promise<string | undefined>
  set(idHash: string, data: string, expiresAt: Instant): Promise<void>
  /** Unless it is there. Whether it was not: of several who add the same, one is told so. */
  add(idHash: string, data: string, expiresAt: Instant): Promise<boolean>
  /** Whether it was there: of several who delete the same, one is told so. */
  delete(idHash: string): Promise<boolean>
}

/** Losing it costs time, never correctness: reads answer `undefined`, writes may be dropped. */
export interface VerdictCache {
  /**
   * From memory at once, from Redis as a promise. Never throws, never waits for a Redis that is not well. A request that
   * asks `again`, with the same attempt, does not wait again for a Redis that was silent.
   */
  recall(attempt: Attempt, asked?: 'again'): KnownVerdict | undefined | Promise<KnownVerdict | undefined>
  /** Refused if the slot has changed since `verdict.asOf`: a late writer must not bring the old verdict back. */
  remember(attempt: Attempt, verdict: KnownVerdict): void
}

/** What the processes learn of each other's changes. */
export interface News {
  /**
   * After it, whatever was said to be in force before the call has left this process's memory. `undefined`: nothing to
   * wait for. Throws `Outage` if nobody can be asked, and memory may no longer be trusted without.
   */
  catchUp(): Promise<void> | undefined
}

/** The store's log of changes: the truth that outlives every process and every Redis. */
export interface ChangeLog {
  /**
   * A number that differs after any commit by any process, and costs microseconds; `undefined` if this store
   * has none (PostgreSQL) and only `since` can tell.
   */
  pulse(): number | undefined
  /** The newest revision. Throws `Outage`. */
  revision(): Promise<Revision>
  /** Everything committed after `revision`, oldest first; `gap`: too long ago, forget all. Throws `Outage`. */
  since(revision: Revision): Promise<readonly Change[] | 'gap'>
}

/** The gateway processes that trust their memory by the store's word, for a lease each. All throw `Outage`. */
export interface Gateways {
  /** This process knows of every change up to this number, has seen this trial change, and trusts its memory for a lease from now on. */
  confirm(
    gateway: { readonly id: string; readonly host: string; readonly leaseMs: number },
    number: number,
    canary: number,
  ): Promise<void>
  leave(id: string): Promise<void>
  /** Resolves when each has confirmed this change or its lease is over. Throws `InDoubt`: the change is made. */
  settle(number: number): Promise<void>
  /** The number of the last trial change: one that changes nothing, and shows how long a change takes. */
  canary(): Promise<number>
  /** Makes a trial change, if the last one, of whichever process, is so long ago; gives its number. */
  canaryIsDue(everyMs: number): Promise<number | undefined>
  /** As `settle`, for a trial change. */
  settleCanary(number: number): Promise<void>
}

/** How long changes took, from processes that have no metrics to one that has. */
export interface Revocations {
  add(seconds: number): Promise<void>
  /** What was added and nobody has taken yet. */
  take(): Promise<readonly number[]>
}

/**
 * Told, once, of a change that has been waiting for a second: for gateways on which hosts, as far as they are known by
 * name, and how many more seconds at most. Must not throw.
 */
export type Waiting = (hosts: readonly string[], seconds: number) => void

/**
 * Tells every gateway process of a change before it is committed; `before`: the token of the change before it. Throws
 * `Outage` if it cannot promise that.
 */
export type Announce = (change: Change, moment: Moment, before: string) => Promise<void>

/** `busy` is an answer, not an error. */
export interface PasswordHasher {
  hash(password: Secret): Promise<PasswordHash | 'busy'>
  /**
   * One password hash, whatever comes out. Comparing with a decoy costs what a hash of its kind costs. Callers
   * with the same `proof` and the same hash who come while it is computed share it. A load test may take half as many
   * places as the queue has, and not those of production. Throws `Outage`.
   */
  compare(
    attempt: Pick<Attempt, 'password' | 'proof'>,
    against: PasswordHash | Decoy,
    lane?: TrafficLane,
  ): Promise<Compared>
  /** Whether the hash was made with less than the settings ask for, or by another algorithm. */
  outdated(hash: PasswordHash): boolean
  /**
   * Whether a match with this hash proves the password to its last byte. bcrypt looks at 72 bytes and no more: the
   * rest may be anything, and the password of the owner may go on differently.
   */
  provesWhole(password: Secret, hash: PasswordHash): boolean
}

export type Compared = 'match' | 'mismatch' | 'busy'

/** Told after every decision; must not throw, must not delay. `took` in milliseconds. */
export interface Witness {
  saw(decision: Decision, ask: Ask, took: number): void
}

/** For people: what a hash says it was made with; `unknown` if it was damaged and matches nothing. */
export function algorithmOf(hash: PasswordHash): string {
  const id = /^\$(argon2id|argon2i|argon2d|2[aby])\$/.exec(hash)?.[1]
  if (id === undefined) return 'unknown'
  return id.startsWith('2') ? 'bcrypt' : id
}

/** Whether it stands in the place of a hash. */
export function isDecoy(against: PasswordHash | Decoy): against is Decoy {
  return against.startsWith('decoy')
}
