import type { AccountName, Instant, PasswordId, Scope, Subject, Username } from './names.ts'

/** Who uses which tool, for what, and from where: one kind of allowed requests of one user, counted. */
export interface ToolUseKey {
  readonly account: AccountName
  readonly subject: Subject
  /** The generated password that was presented; left out for a chosen one. */
  readonly password?: PasswordId | undefined
  /** The product in the user agent, as `git/2.47.1`. */
  readonly tool?: string | undefined
  /** The client's address, or its network. */
  readonly network: string
  /** What the requests are for, as `git:welcome`. */
  readonly path: string
}

/** Such requests since they were last recorded. */
export interface CountedUse extends ToolUseKey {
  readonly firstAt: Instant
  readonly lastAt: Instant
  readonly requests: number
}

/** Such requests since they are kept, with what is known of their user. */
export interface ToolUse extends Omit<CountedUse, 'subject' | 'password'> {
  readonly scope: Scope
  /** The credential's present user name. */
  readonly username: Username
  readonly password: {
    /** Of a generated password that has one. */
    readonly name?: string
    readonly generated: boolean
    /** When the password was set; of a chosen one, the present one. Left out if a generated one is no longer kept. */
    readonly setAt?: Instant
  }
}

/** What is kept of allowed requests for operators. It decides nothing. All methods throw `Outage`. */
export interface ToolUses {
  /** Removes some of what was last seen more than `keptMs` ago as well. */
  record(uses: readonly CountedUse[], keptMs: number): Promise<void>
  /** Newest first. */
  list(filter: {
    readonly account?: AccountName | undefined
    readonly since?: Instant | undefined
  }): Promise<readonly ToolUse[]>
  /** So many at most, in the order of their keys: each that is kept throughout is in one page. `next`: there are more. */
  page(filter: {
    readonly account?: AccountName | undefined
    readonly since?: Instant | undefined
    readonly after?: ToolUseKey | undefined
    readonly most: number
  }): Promise<{ readonly uses: readonly ToolUse[]; readonly next?: ToolUseKey }>
}
