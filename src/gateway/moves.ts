import type { AccountName, DirectoryId, Instant, Scope, Subject } from './names.ts'
import type { MoveProblem, ProblemOf } from './problem.ts'

/** Moves of accounts from one connection to another, and their plans. A move that is made ends the plan of its account. */
export interface MoveRegistry {
  /** `bridgedUntil`: until then, the credentials that count now still count for linked users. */
  connect(
    actor: string,
    name: AccountName,
    directoryId: DirectoryId,
    bridgedUntil?: Instant,
  ): Promise<MoveProblem | ProblemOf<'no-such-directory'> | undefined>
  disconnect(actor: string, name: AccountName, bridgedUntil?: Instant): Promise<MoveProblem | undefined>
  /** Reconnects the account to what it was connected to before its last move. */
  undoMove(
    actor: string,
    name: AccountName,
  ): Promise<ProblemOf<'no-such-account' | 'nothing-to-undo'> | undefined>
  /** Plans a move, or changes the plan. `on`: a day in UTC, as `2027-01-31`. */
  planMove(
    actor: string,
    name: AccountName,
    to: Scope,
    on: string,
  ): Promise<MoveProblem | ProblemOf<'no-such-directory' | 'planned-already'> | undefined>
  cancelMove(
    actor: string,
    name: AccountName,
  ): Promise<ProblemOf<'no-such-account' | 'no-planned-move'> | undefined>
}

/** A user of an account that is about to move. */
export interface MovingUser {
  readonly account: AccountName
  /** The scope that the account signs in with now. */
  readonly scope: Scope
  readonly subject: Subject
}

/** Which users are told of a planned move. Not a change: verdicts stay valid. Both throw `Outage`. */
export interface MoveNotices {
  /**
   * Records that the user is told today, unless that is recorded already, or the user has a credential in the coming scope.
   * Of several concurrent calls, in any process, one gets `due`.
   */
  take(user: MovingUser, to: Scope, today: string): Promise<'due' | 'told' | 'ready'>
  /** The user was not told after all. */
  giveBack(user: MovingUser, today: string): Promise<void>
}
