import type { Account } from './account.ts'
import type { Ask, TrafficLane } from './ask.ts'
import type { Attempt } from './attempt.ts'
import type { Decision, KnownVerdict, UsedPassword } from './decision.ts'
import type { DeliveredTo } from './deliveries.ts'
import type { PasswordMac } from './generated-password.ts'
import type { Change, Moment } from './history.ts'
import type { AccountName, Instant, PasswordId, Revision, Scope, Subject, Username } from './names.ts'
import type { Secret } from './secret.ts'

/** The accounts and what they are connected to. */
export interface AccountDirectory {
  /** `undefined`: there is no such account. Throws `Outage` if that is unknown. */
  find(name: AccountName): Promise<Account | undefined> | Account | undefined
  /**
   * The same, asked of the authority after this call: a client is about to be refused because of what `find` returned.
   * Throws `Outage` if the answer is in doubt.
   */
  confirm(name: AccountName): Promise<Account | undefined> | Account | undefined
}

/** What the store says about an account name. */
export interface FoundAccount {
  /** Every change up to this revision is visible in this answer. */
  readonly asOf: Revision
  readonly account: Account | undefined
}

/** The accounts in the store, read consistently together with their revision. */
export interface AccountStore {
  /** Throws `Outage`. */
  find(name: AccountName): Promise<FoundAccount>
}

/** A credential as it is stored. */
export interface StoredCredential {
  readonly username: Username
  readonly secondary?: Username
  readonly subject: Subject
  /** Of the chosen password; `noPassword` if there is none. */
  readonly hash: PasswordHash
  readonly enabled: boolean
  /** The generated password that was looked for, if it is one of this set. */
  readonly generated?: StoredPassword
}

/** A generated password as it is stored. */
export interface StoredPassword extends UsedPassword {
  readonly mac: PasswordMac
  readonly revokedAt?: Instant
}

/** In place of a hash, where no password was chosen. It matches nothing. */
export const noPassword = '$none$' as PasswordHash

/** A PHC string (argon2), or what was imported: a modular crypt string, or a scheme in braces and what belongs to it. */
export type PasswordHash = string & { readonly passwordHash: never }

/** Stands in for the hash of an unknown name: `decoy`, followed by the kind of hash unless it is our own. */
export type Decoy = `decoy${string}`

/** Chooses the decoy that unknown names are compared with, so that timing does not reveal them. */
export interface Decoys {
  /** Called for known names too, or the time of the call would reveal unknown ones. Throws `Outage`. */
  like(attempt: Pick<Attempt, 'scope' | 'former' | 'username'>, asOf: Revision): Promise<Decoy>
}

/**
 * The user names of a scope after `after`, in the store's order, with their hashes, except those that `unlessIn` knows
 * too. Returns one batch; an empty one is the end. Throws `Outage`.
 */
export type HashSurvey = (
  scope: Scope,
  unlessIn: Scope | undefined,
  after: Username,
) => Promise<readonly { readonly username: Username; readonly hash: PasswordHash }[]>

/** The credentials found in the scope and in the one that the account has left. */
export interface FoundCredentials {
  /** Every change up to this revision is visible in this answer. */
  readonly asOf: Revision
  readonly current: StoredCredential | undefined
  readonly former: StoredCredential | undefined
  /** Whether the owner of `former` is linked to an identity of the scope, and not switched off there. */
  readonly linked?: boolean
}

/** Alternate credentials, looked up by primary or secondary user name. */
export interface CredentialStore {
  /** One consistent read of both scopes, with the generated password of this id. Throws `Outage`. */
  find(
    scope: Scope,
    former: Scope | undefined,
    username: Username,
    password?: PasswordId,
  ): Promise<FoundCredentials>
  /**
   * Replaces `outdated` with a stronger hash of the same password; does nothing if it is no longer there. This is not a
   * change: verdicts stay valid.
   */
  upgrade(scope: Scope, username: Username, outdated: PasswordHash, renewed: PasswordHash): Promise<void>
  /** The same for a generated password that is still stored as a hash: from then on it proves itself. */
  turn(
    scope: Scope,
    username: Username,
    outdated: PasswordHash,
    generated: { readonly id: PasswordId; readonly mac: PasswordMac },
  ): Promise<void>
}

/** One use of a credential on an account. */
export interface Use {
  readonly account: AccountName
  readonly scope: Scope
  readonly subject: Subject
  readonly at: Instant
  /** The client's address. */
  readonly from: string
  /** The generated password that was presented; left out for a chosen one. */
  readonly password?: PasswordId | undefined
  /** The product in the user agent, as `git/2.47.1`. */
  readonly tool?: string | undefined
}

/** When and from where credentials were last used. Not a change: it is not announced, and verdicts stay valid. */
export interface LastUsed {
  /** Keeps the newest use of each credential, in whatever order they arrive. Throws `Outage`. */
  record(uses: readonly Use[]): Promise<void>
}

/** Sessions of the self-service page, shared by all processes. All methods throw `Outage`. */
export interface SessionStore {
  /** `idHash`: only a hash of the id is stored, so a stolen store opens no session. `undefined`: none, or expired. */
  get(idHash: string): Promise<string | undefined>
  set(idHash: string, data: string, expiresAt: Instant): Promise<void>
  /** Adds it unless it exists. True if it was added: of several concurrent calls, one gets true. */
  add(idHash: string, data: string, expiresAt: Instant): Promise<boolean>
  /** True if it existed: of several concurrent calls, one gets true. */
  delete(idHash: string): Promise<boolean>
}

/** Losing it costs time, never correctness: reads return `undefined`, writes may be dropped. */
export interface VerdictCache {
  /**
   * Synchronous from memory, a promise from Redis. Never throws, never waits for a Redis that is unhealthy. A request
   * that asks `again` for the same attempt does not wait a second time for a Redis that did not respond.
   */
  recall(attempt: Attempt, asked?: 'again'): KnownVerdict | undefined | Promise<KnownVerdict | undefined>
  /** Ignored if the slot has changed since `verdict.asOf`: a late writer must not bring the old verdict back. */
  remember(attempt: Attempt, verdict: KnownVerdict): void
}

/** Work that one gateway of a store does at a time. Both throw `Outage`. */
export interface Turns {
  /** Takes or keeps the turn for so many milliseconds. False: another one has it. `holder`: this process. */
  take(work: SharedWork, holder: string, leaseMs: number): Promise<boolean>
  /** Lets another one have it at once. */
  leave(work: SharedWork, holder: string): Promise<void>
}

type SharedWork = 'liveness' | 'password-ends' | DeliveredTo

/** How a process learns of the changes that others make. */
export interface News {
  /**
   * When it resolves, this process has forgotten everything that changes in force before the call made void.
   * `undefined`: nothing to wait for. Throws `Outage` if that cannot be found out and memory may no longer be trusted.
   */
  catchUp(): Promise<void> | undefined
}

/** The store's change log: it outlives every process and every Redis. */
export interface ChangeLog {
  /**
   * A number that changes with every commit by any process, and costs microseconds. `undefined` if this store has none
   * (PostgreSQL), so that only `since` can tell.
   */
  dataVersion(): number | undefined
  /** The newest revision. Throws `Outage`. */
  revision(): Promise<Revision>
  /** Everything committed after `revision`, oldest first. `gap`: too long ago, so forget everything. Throws `Outage`. */
  since(revision: Revision): Promise<readonly Change[] | 'gap'>
}

/** The same log, for operators. */
export interface ChangeHistory {
  /** The newest changes that are kept and fit, oldest first. Throws `Outage`. */
  list(filter: ChangeFilter): Promise<readonly Change[]>
}

/** Which changes are looked for. `user`: one of the user names that it is about. */
export interface ChangeFilter {
  readonly account?: AccountName
  readonly user?: Username
  readonly since?: Instant
  readonly most: number
}

/** A request that did not pass, as operators see it later. It has no password, and no user name that is unknown. */
export interface Refusal {
  /** The request's id, which its client was shown. */
  readonly reference: string
  readonly at: Instant
  readonly outcome: Exclude<Decision['outcome'], 'allow'> | 'upstream-failed'
  readonly cause?: string
  readonly account?: AccountName
  readonly scope?: Scope
  readonly user?: Username
  /** Of a generated password. */
  readonly passwordName?: string
  /** The client's address. */
  readonly from: string
  /** The product in its user agent. */
  readonly tool?: string
  readonly method: string
  /** What the path is for: `git-rpc`, `rest`, … */
  readonly kind: string
}

/** The refusals of the last days. All methods throw `Outage`. */
export interface Refusals {
  /** Removes some of those that are older than `keptMs` as well. */
  record(refusals: readonly Refusal[], keptMs: number): Promise<void>
  find(reference: string): Promise<Refusal | undefined>
  /** The newest ones that fit, oldest first. */
  list(filter: ChangeFilter & { readonly outcome?: string }): Promise<readonly Refusal[]>
}

/** The gateway processes that trust their memory by a lease in the store. All methods throw `Outage`. */
export interface Gateways {
  /**
   * Confirms that this process knows every change up to `number`, has seen the trial change `canary`, and trusts its
   * memory for one lease from now on.
   */
  confirm(
    gateway: { readonly id: string; readonly host: string; readonly leaseMs: number },
    number: number,
    canary: number,
  ): Promise<void>
  leave(id: string): Promise<void>
  /** Resolves when each has confirmed this change or its lease has ended. Throws `InDoubt`: the change is made. */
  settle(number: number): Promise<void>
  /** The number of the last trial change, which changes nothing and shows how long a change takes. */
  canary(): Promise<number>
  /** Makes a trial change if the last one, by any process, is at least this old; gives its number. */
  canaryIsDue(everyMs: number): Promise<number | undefined>
  /** As `settle`, for a trial change. */
  settleCanary(number: number): Promise<void>
}

/** How long changes took, from processes that have no metrics to one that has. */
export interface Revocations {
  add(seconds: number): Promise<void>
  /** Takes what was added since the last call. */
  take(): Promise<readonly number[]>
}

/**
 * Called once for a change that has been waiting for a second: the hosts of the gateways that it waits for, as far as
 * they are known, and how many more seconds at most. Must not throw.
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
   * Costs exactly one password hash, whatever the result. Comparing with a decoy costs what a hash of its kind costs.
   * Concurrent calls with the same `proof` and the same hash share one computation. A load test may use half as many
   * queue places, and none of production's. Throws `Outage`.
   */
  compare(
    attempt: Pick<Attempt, 'password' | 'proof'>,
    against: PasswordHash | Decoy,
    lane?: TrafficLane,
  ): Promise<Compared>
  /** Whether the hash is weaker than the settings require, or of another algorithm. */
  outdated(hash: PasswordHash): boolean
  /**
   * Whether a match with this hash proves the whole password. bcrypt reads only the first 72 bytes, and DES
   * crypt 8: the rest may be anything, and the owner's password may end differently.
   */
  provesWhole(password: Secret, hash: PasswordHash): boolean
}

export type Compared = 'match' | 'mismatch' | 'busy'

/** Called after every decision; must not throw, must not delay. `took` in milliseconds. */
export interface Witness {
  saw(decision: Decision, ask: Ask, took: number): void
}

/** The algorithm of a hash, for display; `generated` if no password was chosen, `unknown` if it is damaged. */
export function algorithmOf(hash: PasswordHash): string {
  if (hash === noPassword) return 'generated'
  const id = /^(?:\$(argon2id|argon2i|argon2d|2[aby]|apr1|[156])\$|(\{(?:S?SHA|CRYPT)\}))/.exec(hash)
  return algorithms.get(id?.[1] ?? id?.[2] ?? '') ?? 'unknown'
}

const algorithms: ReadonlyMap<string, string> = new Map([
  ...['argon2id', 'argon2i', 'argon2d', 'apr1'].map(id => [id, id] as const),
  ...['2a', '2b', '2y'].map(id => [id, 'bcrypt'] as const),
  ['1', 'md5-crypt'],
  ['5', 'sha256-crypt'],
  ['6', 'sha512-crypt'],
  ['{SHA}', 'sha1'],
  ['{SSHA}', 'salted-sha1'],
  ['{CRYPT}', 'des-crypt'],
])

/** Whether it stands in for a hash. */
export function isDecoy(against: PasswordHash | Decoy): against is Decoy {
  return against.startsWith('decoy')
}
