import type { Connection, PlannedMove } from './account.ts'
import type { TokenRegistry } from './api-token.ts'
import type { GrantRegistry } from './delegation.ts'
import type { PasswordMac } from './generated-password.ts'
import type { AccountName, DirectoryId, Instant, Owner, PasswordId, Scope, Username } from './names.ts'
import type { MoveRegistry } from './moves.ts'
import type { NewPassword, PasswordHolder, PasswordRecord } from './named-password.ts'
import type { ProblemOf } from './problem.ts'
import type { PasswordHash } from './ports.ts'

export type { NewPassword, PasswordHolder, PasswordRecord } from './named-password.ts'
export type { MoveProblem, Problem, ProblemOf } from './problem.ts'

/** A Microsoft Entra directory that accounts can be connected to. */
export interface Directory {
  readonly id: DirectoryId
  readonly name: string
  /** OpenID Connect issuer, where users of this directory sign in. */
  readonly issuer?: string
}

/** An account with every connection it ever had. */
export interface AccountRecord {
  readonly name: AccountName
  readonly upstream: string
  /** As of `Account`. */
  readonly upstreamAuth?: string
  readonly connection: Connection
  /** Whether it is restricted to members. */
  readonly membersOnly?: true
  /** The next move. `since`: when it was first planned. */
  readonly planned?: PlannedMove & { readonly since: Instant; readonly actor: string }
  /** Oldest first; the last entry is the connection of today. */
  readonly history: readonly {
    readonly connection: Connection
    readonly since: Instant
    readonly actor: string
    /** Until when credentials of the previous connection still count, for linked users. */
    readonly bridgedUntil?: Instant
    /** It undid the previous move. */
    readonly undo?: true
  }[]
}

/** A member of an account. */
export interface Member {
  readonly scope: Scope
  /** The credential's present user name; as typed, if no credential has it yet. */
  readonly username: Username
  /** No credential in the scope has that name yet. */
  readonly waiting: boolean
}

/** When and from where a credential last opened one account. */
export interface AccountUse {
  readonly scope: Scope
  readonly username: Username
  readonly at: Instant
  readonly from: string
}

/** An account that knows a credential. */
export interface AccountOfUser {
  readonly name: AccountName
  /** When and from where it was last opened. */
  readonly use?: { readonly at: Instant; readonly from: string }
  readonly isListed: boolean
}

/** A user as the identity provider of one scope knows them. */
export interface Person {
  readonly scope: Scope
  readonly owner: Owner
}

/**
 * Who has switched a credential off: an operator, whose block only operators end; its owner; or the check whether the owner
 * is still active. `unknown`: before this was recorded.
 */
export type Switcher = 'operator' | 'owner' | 'liveness' | 'unknown'

/** A credential for display: everything but the hash. */
export interface CredentialRecord {
  readonly scope: Scope
  readonly username: Username
  readonly secondary?: Username
  readonly enabled: boolean
  /** Who switched it off. Left out if it is on. */
  readonly disabledBy?: readonly Switcher[]
  /**
   * `argon2id`; until its first use, an imported credential keeps the algorithm that it came with. `generated`: no password
   * was chosen.
   */
  readonly algorithm: string
  readonly setAt: Instant
  /** When it was last set, claimed or switched on, or its owner last signed in on the page. */
  readonly confirmedAt: Instant
  /** Who may change it on the page; left out until a credential that an operator made is claimed. */
  readonly owner?: Owner
  /** A command has set the password since, perhaps for another person: nothing acts as the owner until they claim it again. */
  readonly unproved?: true
  /** When and from which address it was last used; recorded within a minute. */
  readonly lastUsed?: { readonly at: Instant; readonly from: string }
}

/** Whether an operator has switched it off. */
export function isBlocked({ disabledBy }: Pick<CredentialRecord, 'disabledBy'>): boolean {
  return disabledBy?.includes('operator') ?? false
}

/** A credential to store; the caller has hashed the password. */
export interface NewCredential {
  readonly username: Username
  readonly secondary?: Username
  /** `noPassword` where none was chosen. */
  readonly hash: PasswordHash
  /** Instead of a chosen password. */
  readonly generated?: { readonly id: PasswordId; readonly mac: PasswordMac }
  /**
   * Set by the page, where the user has signed in. Operators leave it out, which keeps an existing owner, who has to claim the
   * new password: user names pass from one person to another.
   */
  readonly owner?: Owner
  /** Without an owner: the operator knows that the password goes to the existing owner. */
  readonly samePerson?: true
  /** Of a new credential, left out: true. An existing one stays as it is. */
  readonly enabled?: boolean
}

/** So many at most, with names that come after. */
export interface NamePage {
  readonly after: string
  readonly most: number
}

/** Named passwords that count in one set at a time, apart from those that are replaced. */
export const mostPasswords = 20

/** Longest name of a password, in characters. */
export const longestPasswordName = 64

/**
 * The changes that operators and users make. Each is one transaction: it takes the next revision, tells every gateway
 * process (`Announce`), and commits. When its promise resolves with `undefined`, no process acts on the former state any
 * more. `actor` is who makes it. All methods throw `Outage`; then nothing was changed.
 */
export interface Registry extends GrantRegistry, MoveRegistry, TokenRegistry {
  addDirectory(actor: string, directory: Directory): Promise<ProblemOf<'directory-exists'> | undefined>
  /** What is left out stays as it is; an issuer that is `null` is taken away. */
  setDirectory(
    actor: string,
    id: DirectoryId,
    changes: { readonly name?: string; readonly issuer?: string | null },
  ): Promise<ProblemOf<'no-such-directory'> | undefined>
  /** With all credentials of its scope, and everything that belongs to them. The history of accounts keeps its name. */
  removeDirectory(
    actor: string,
    id: DirectoryId,
  ): Promise<ProblemOf<'no-such-directory' | 'directory-in-use'> | undefined>
  directories(): Promise<readonly Directory[]>

  /** Without a directory, the account signs in with Microsoft accounts. */
  addAccount(
    actor: string,
    account: { readonly name: AccountName; readonly upstream: string; readonly directoryId?: DirectoryId },
  ): Promise<ProblemOf<'account-exists' | 'no-such-directory'> | undefined>
  /** Members, uses and history of connections follow a new name. */
  setAccount(
    actor: string,
    name: AccountName,
    changes: {
      readonly upstream?: string
      readonly rename?: AccountName
      /** `null`: as the settings say for it. */
      readonly upstreamAuth?: string | null
    },
  ): Promise<ProblemOf<'no-such-account' | 'account-exists'> | undefined>
  /** With its members, uses and history of connections. */
  removeAccount(actor: string, name: AccountName): Promise<ProblemOf<'no-such-account'> | undefined>
  account(name: AccountName): Promise<AccountRecord | undefined>
  accounts(): Promise<readonly AccountRecord[]>
  /** The accounts that credentials of this scope open now, by name. */
  accountsIn(scope: Scope): Promise<readonly AccountName[]>
  /** The same, with the methods of upstream authentication that they name. */
  upstreamsIn(scope: Scope): Promise<readonly Pick<AccountRecord, 'name' | 'upstreamAuth'>[]>
  /** The scopes that accounts have now, with the number of their accounts. */
  scopesInUse(): Promise<ReadonlyMap<Scope, number>>
  /** The last use of the account by each credential of any scope, newest first. */
  usesOf(name: AccountName): Promise<readonly AccountUse[]>

  /** The accounts that the credential of this primary name has opened, or that list it as a member, by name. */
  accountsOf(scope: Scope, username: Username): Promise<readonly AccountOfUser[]>

  /** Sorted by scope and name. Empty for an account without a member list. */
  members(name: AccountName): Promise<readonly Member[]>
  /** Restricts the account to members. `scope`: where they have or will have their credentials. */
  addMembers(
    actor: string,
    name: AccountName,
    scope: Scope,
    usernames: readonly Username[],
  ): Promise<ProblemOf<'no-such-account' | 'no-such-directory' | 'no-such-credential'> | undefined>
  /** In every scope where they are listed. Removing the last member leaves no user with access. */
  removeMembers(
    actor: string,
    name: AccountName,
    usernames: readonly Username[],
  ): Promise<ProblemOf<'no-such-account' | 'no-members' | 'no-such-member'> | undefined>
  /** Deletes the member list: every user of the scope has access again. */
  openToAll(
    actor: string,
    name: AccountName,
  ): Promise<ProblemOf<'no-such-account' | 'no-members'> | undefined>

  /** Links two identities that signed in within one session. Replaces earlier links of either in the other's scope. */
  link(actor: string, one: Person, other: Person): Promise<undefined>
  /** Ends the link to the other scope, or all links. */
  unlink(actor: string, person: Person, other?: Scope): Promise<ProblemOf<'not-linked'> | undefined>
  /** The linked identity of this person in the other scope. */
  linkedTo(person: Person, other: Scope): Promise<Owner | undefined>
  /** All links between two scopes, from owners in `scope` to owners in `other`. */
  links(scope: Scope, other: Scope): Promise<ReadonlyMap<Owner, Owner>>

  /**
   * Makes the credential, or replaces its password and secondary user name; a disabled one stays disabled. With an owner,
   * the owner's credential is replaced, including its primary user name; without, the one of that user name.
   */
  setCredential(
    actor: string,
    scope: Scope,
    credential: NewCredential,
  ): Promise<ProblemOf<'no-such-directory' | 'username-taken' | 'unclaimed'> | undefined>
  /** The same for one that exists: makes none. */
  resetCredential(
    actor: string,
    scope: Scope,
    credential: NewCredential,
  ): Promise<
    ProblemOf<'no-such-directory' | 'no-such-credential' | 'username-taken' | 'unclaimed'> | undefined
  >
  /**
   * `username`: the primary or the secondary one. `by`: an operator's block and the owner's own switch are two; the
   * credential is on if neither is off. An operator who overrides ends both.
   */
  switchCredential(
    actor: string,
    scope: Scope,
    username: Username,
    on: boolean,
    by?: 'operator' | 'operator-overriding' | 'owner',
  ): Promise<ProblemOf<'no-such-credential' | 'blocked' | 'off-by-owner'> | undefined>
  /**
   * With its passwords, memberships, uses, sign-in and links. The user may set a new one on the page. `username`: the
   * primary or the secondary one.
   */
  removeCredential(
    actor: string,
    scope: Scope,
    username: Username,
  ): Promise<ProblemOf<'no-such-credential'> | undefined>
  /** The credentials of a person: those of this name in any scope, and those of the same person by links. */
  person(username: Username): Promise<readonly CredentialRecord[]>
  /**
   * Blocks a person's credentials, and those that are made later under their names, in every scope; or ends that. One change
   * for each scope; `done` is called after each.
   */
  blockPerson(
    actor: string,
    username: Username,
    blocked: boolean,
    done: (scope: Scope) => void,
  ): Promise<ProblemOf<'no-such-person'> | undefined>
  /** The user names that are blocked in every scope. */
  blockedNames(): Promise<readonly Username[]>
  /** Ends sessions of the page: all, or those with any of these identities. Resolves with their number. */
  revokeSessions(
    actor: string,
    whose:
      | 'all'
      | { readonly people: readonly Person[]; readonly username: Username; readonly scope?: Scope },
  ): Promise<number>
  /** Sorted by user name. `page`: so many at most, with names that come after. */
  credentials(scope: Scope, page?: NamePage): Promise<readonly CredentialRecord[]>
  /** The credential that this owner has in the scope. */
  ownCredential(scope: Scope, owner: Owner): Promise<CredentialRecord | undefined>
  /** The owner of the credential of that name; `undefined` if there is none, or it has no owner yet. */
  ownerOf(scope: Scope, username: Username): Promise<Owner | undefined>
  /**
   * Gives an unclaimed credential an owner, or lets the owner claim it again after a command has set its password.
   * `username`: the primary or the secondary one. The caller has checked the password. `username-taken`: it has another owner,
   * or this owner has another credential in the scope.
   */
  claimCredential(
    actor: string,
    scope: Scope,
    username: Username,
    owner: Owner,
  ): Promise<ProblemOf<'no-such-credential' | 'username-taken'> | undefined>
  /** Adds a generated password to a set, or replaces the one of its name. */
  addPassword(
    actor: string,
    scope: Scope,
    whose: PasswordHolder,
    password: NewPassword,
  ): Promise<
    | ProblemOf<
        'no-such-directory' | 'username-taken' | 'unclaimed' | 'too-many-passwords' | 'password-name-taken'
      >
    | undefined
  >
  /**
   * Newest first. `username`: the primary or the secondary one. Those that no longer count are listed for 90 days; `all`: for
   * as long as they are kept.
   */
  passwords(scope: Scope, username: Username, which?: 'all'): Promise<readonly PasswordRecord[]>
  /** Revokes those that count and have this name or id, or all that have a name. */
  revokePasswords(
    actor: string,
    scope: Scope,
    username: Username,
    which: { readonly name: string } | { readonly id: PasswordId } | 'all',
  ): Promise<ProblemOf<'no-such-credential' | 'no-such-password'> | undefined>
  /**
   * All or nothing; `progress` is called and waited for after each batch, and undoes everything if it throws. Existing credentials are
   * replaced, except those of `mustBeNew`, which are `username-taken`.
   */
  importCredentials(
    actor: string,
    scope: Scope,
    credentials: readonly NewCredential[],
    progress: (done: number) => unknown,
    mustBeNew?: ReadonlySet<Username>,
  ): Promise<ProblemOf<'no-such-directory' | 'username-taken' | 'unclaimed'> | undefined>
}
