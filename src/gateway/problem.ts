import type { Connection } from './account.ts'
import type { AccountName, DirectoryId, Scope, Username } from './names.ts'

/** Why a change cannot be made. Nothing was changed. */
export type Problem =
  | { readonly problem: 'no-such-directory'; readonly directoryId: DirectoryId }
  | { readonly problem: 'directory-exists'; readonly directoryId: DirectoryId }
  /** Accounts are connected to it, or are about to be. */
  | {
      readonly problem: 'directory-in-use'
      readonly directoryId: DirectoryId
      readonly accounts: readonly AccountName[]
    }
  | { readonly problem: 'no-such-account'; readonly name: AccountName }
  | { readonly problem: 'account-exists'; readonly name: AccountName }
  | { readonly problem: 'already-connected'; readonly name: AccountName; readonly connection: Connection }
  /** It never moved, or its last move was already undone. */
  | { readonly problem: 'nothing-to-undo'; readonly name: AccountName }
  /** To the same connection, on the same day. */
  | {
      readonly problem: 'planned-already'
      readonly name: AccountName
      readonly to: Connection
      readonly on: string
    }
  | { readonly problem: 'no-planned-move'; readonly name: AccountName }
  /** It is not restricted to members. */
  | { readonly problem: 'no-members'; readonly name: AccountName }
  | { readonly problem: 'no-such-member'; readonly name: AccountName; readonly username: Username }
  | { readonly problem: 'no-such-credential'; readonly username: Username; readonly scope: Scope }
  | { readonly problem: 'no-such-password'; readonly username: Username; readonly scope: Scope }
  /** The set holds `mostPasswords`. */
  | { readonly problem: 'too-many-passwords'; readonly username: Username; readonly scope: Scope }
  | { readonly problem: 'password-name-taken'; readonly name: string }
  | { readonly problem: 'no-such-token'; readonly name: string }
  | { readonly problem: 'token-name-taken'; readonly name: string }
  /** An operator has switched it off. */
  | { readonly problem: 'blocked'; readonly username: Username; readonly scope: Scope }
  /** Its owner has switched it off. */
  | { readonly problem: 'off-by-owner'; readonly username: Username; readonly scope: Scope }
  | { readonly problem: 'not-linked'; readonly scope: Scope }
  /** No credential has the name, and none can get it: it is no address. */
  | { readonly problem: 'no-such-person'; readonly username: Username }
  /** Primary and secondary user names share one namespace per scope. */
  | { readonly problem: 'username-taken'; readonly username: Username; readonly scope: Scope }
  /** An operator made a credential of that name. A user who knows its password may claim it. */
  | { readonly problem: 'unclaimed'; readonly username: Username; readonly scope: Scope }

/** Those problems that one change can have. */
export type ProblemOf<Kind extends Problem['problem']> = Extract<Problem, { readonly problem: Kind }>

/** What a move of an account can meet. */
export type MoveProblem = ProblemOf<'no-such-account' | 'already-connected'>
