import type { Connection } from './account.ts'
import type { AccountName, DirectoryId, Instant, Owner, Scope, Username } from './names.ts'
import type { PasswordHash } from './ports.ts'

/** A Microsoft Entra directory that accounts can be connected to. */
export interface Directory {
  readonly id: DirectoryId
  readonly name: string
  /** OpenID Connect issuer, where people of this directory sign in. */
  readonly issuer?: string
}

/** An account with all it ever was connected to. */
export interface AccountRecord {
  readonly name: AccountName
  readonly upstream: string
  readonly connection: Connection
  /** Whether it lets in members only. */
  readonly membersOnly?: true
  /** Oldest first; the last entry is the connection of today. */
  readonly history: readonly {
    readonly connection: Connection
    readonly since: Instant
    readonly actor: string
    /** Until when credentials of the connection before it still count, for people who are linked. */
    readonly bridgedUntil?: Instant
    /** It took the move before it back. */
    readonly undo?: true
  }[]
}

/** Somebody whom an account lets in. */
export interface Member {
  readonly scope: Scope
  /** Of the credential as it is called now; as it was typed, if nobody has it yet. */
  readonly username: Username
  /** Nobody of that name has a credential in the scope yet. */
  readonly waiting: boolean
}

/** When and from where a credential last opened one account. */
export interface AccountUse {
  readonly scope: Scope
  readonly username: Username
  readonly at: Instant
  readonly from: string
}

/** Who somebody is to the authority of a scope. */
export interface Person {
  readonly scope: Scope
  readonly owner: Owner
}

/** A credential as people may see it: everything but the hash. */
export interface CredentialRecord {
  readonly scope: Scope
  readonly username: Username
  readonly secondary?: Username
  readonly enabled: boolean
  /** `argon2id`, or what it was imported as and still is until its first use. */
  readonly algorithm: string
  readonly setAt: Instant
  /** Who may change it on the page; nobody yet if an operator made it. */
  readonly owner?: Owner
  /** When and from which address it last opened an account; written down within a minute. */
  readonly lastUsed?: { readonly at: Instant; readonly from: string }
}

/** What is asked to be kept; the password has been hashed by the caller. */
export interface NewCredential {
  readonly username: Username
  readonly secondary?: Username
  readonly hash: PasswordHash
  /** Given by the page, where the person has signed in; operators leave it out, and an owner that is there stays. */
  readonly owner?: Owner
}

/** Why a change cannot be made. Nothing was changed then. */
export type Problem =
  | { readonly problem: 'no-such-directory'; readonly directoryId: DirectoryId }
  | { readonly problem: 'directory-exists'; readonly directoryId: DirectoryId }
  | { readonly problem: 'no-such-account'; readonly name: AccountName }
  | { readonly problem: 'account-exists'; readonly name: AccountName }
  | { readonly problem: 'already-connected'; readonly name: AccountName; readonly connection: Connection }
  /** It never moved, or its last move has been undone already. */
  | { readonly problem: 'nothing-to-undo'; readonly name: AccountName }
  /** It lets in everybody of its scope. */
  | { readonly problem: 'no-members'; readonly name: AccountName }
  | { readonly problem: 'no-such-member'; readonly name: AccountName; readonly username: Username }
  | { readonly problem: 'no-such-credential'; readonly username: Username; readonly scope: Scope }
  /** Primary and secondary user names share one name space per scope. */
  | { readonly problem: 'username-taken'; readonly username: Username; readonly scope: Scope }
  /** A credential of that name is there, made by an operator: whoever knows its password may claim it. */
  | { readonly problem: 'unclaimed'; readonly username: Username; readonly scope: Scope }

/** Those problems that one change can have. */
export type ProblemOf<Kind extends Problem['problem']> = Extract<Problem, { readonly problem: Kind }>

/** What a move of an account can meet. */
export type MoveProblem = ProblemOf<'no-such-account' | 'already-connected'>

/**
 * The changes that operators and people make. Each is one transaction: it takes the next revision, tells every
 * gateway process (`Announce`), and commits; when its promise resolves with `undefined`, no process acts on the
 * former state any more. `actor` is who did it. All throw `Outage`; then nothing was changed.
 */
export interface Registry {
  addDirectory(actor: string, directory: Directory): Promise<ProblemOf<'directory-exists'> | undefined>
  directories(): Promise<readonly Directory[]>

  /** Without a directory the account signs in with Microsoft accounts. */
  addAccount(
    actor: string,
    account: { readonly name: AccountName; readonly upstream: string; readonly directoryId?: DirectoryId },
  ): Promise<ProblemOf<'account-exists' | 'no-such-directory'> | undefined>
  /** `bridgedUntil`: until then the credentials that count now still count for people who are linked. */
  connect(
    actor: string,
    name: AccountName,
    directoryId: DirectoryId,
    bridgedUntil?: Instant,
  ): Promise<MoveProblem | ProblemOf<'no-such-directory'> | undefined>
  disconnect(actor: string, name: AccountName, bridgedUntil?: Instant): Promise<MoveProblem | undefined>
  /** Connects the account to what it was connected to before its last move. */
  undoMove(
    actor: string,
    name: AccountName,
  ): Promise<ProblemOf<'no-such-account' | 'nothing-to-undo'> | undefined>
  account(name: AccountName): Promise<AccountRecord | undefined>
  accounts(): Promise<readonly AccountRecord[]>
  /** The accounts that credentials of this scope open today, in the order of their names. */
  accountsIn(scope: Scope): Promise<readonly AccountName[]>
  /** The last use of the account by each credential, of whatever scope, the newest first. */
  usesOf(name: AccountName): Promise<readonly AccountUse[]>

  /** In the order of scopes and names. Empty for an account that lets in everybody. */
  members(name: AccountName): Promise<readonly Member[]>
  /** From now on the account lets in its members only. `scope`: where they have or will have their credentials. */
  addMembers(
    actor: string,
    name: AccountName,
    scope: Scope,
    usernames: readonly Username[],
  ): Promise<ProblemOf<'no-such-account' | 'no-such-directory' | 'no-such-credential'> | undefined>
  /** In every scope where they are listed. An account without members lets nobody in. */
  removeMembers(
    actor: string,
    name: AccountName,
    usernames: readonly Username[],
  ): Promise<ProblemOf<'no-such-account' | 'no-members' | 'no-such-member'> | undefined>
  /** Forgets the list: the account lets in everybody of its scope again. */
  openToAll(
    actor: string,
    name: AccountName,
  ): Promise<ProblemOf<'no-such-account' | 'no-members'> | undefined>

  /** Both have signed in as one person does: in one session. Whomever either was linked to in the other's scope is left. */
  link(actor: string, one: Person, other: Person): Promise<undefined>
  /** Who this person is in the other scope. */
  linkedTo(person: Person, other: Scope): Promise<Owner | undefined>
  /** Everybody of `scope` who is linked to somebody of `other`: whose owner is whose. */
  links(scope: Scope, other: Scope): Promise<ReadonlyMap<Owner, Owner>>

  /**
   * Makes the credential, or replaces its password and secondary user name; leaves on or off as it is. With an owner
   * it is the owner's credential that is replaced, and its primary user name too; without, the one of that user name.
   */
  setCredential(
    actor: string,
    scope: Scope,
    credential: NewCredential,
  ): Promise<ProblemOf<'no-such-directory' | 'username-taken' | 'unclaimed'> | undefined>
  /** `username`: the primary or the secondary one. */
  switchCredential(
    actor: string,
    scope: Scope,
    username: Username,
    on: boolean,
  ): Promise<ProblemOf<'no-such-credential'> | undefined>
  credentials(scope: Scope): Promise<readonly CredentialRecord[]>
  /** The one that this person has in the scope. */
  ownCredential(scope: Scope, owner: Owner): Promise<CredentialRecord | undefined>
  /** Whose the credential of that name is; `undefined` if there is none, or an operator made it for nobody yet. */
  ownerOf(scope: Scope, username: Username): Promise<Owner | undefined>
  /**
   * Gives an unclaimed credential its owner; `username`: the primary or the secondary one. The caller has checked its
   * password. `username-taken`: it has another owner, or this person has another credential in the scope.
   */
  claimCredential(
    actor: string,
    scope: Scope,
    username: Username,
    owner: Owner,
  ): Promise<ProblemOf<'no-such-credential' | 'username-taken'> | undefined>
  /** All or nothing; told after each batch how many are in. Credentials that exist are replaced. */
  importCredentials(
    actor: string,
    scope: Scope,
    credentials: readonly NewCredential[],
    progress: (done: number) => void,
  ): Promise<ProblemOf<'no-such-directory' | 'username-taken' | 'unclaimed'> | undefined>
}
