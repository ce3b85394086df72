import { type Authority, authorityFor, type NoAuthority } from '../common/authorities.ts'
import {
  type AccountName,
  type Instant,
  msaScope,
  type Owner,
  readAccountName,
  type Scope,
  type Username,
} from '../gateway/names.ts'
import type { SessionStore } from '../gateway/ports.ts'
import type { AccountRecord, Registry } from '../gateway/registry.ts'
import { addressOf, type PlannedMove, scopeOf } from '../gateway/account.ts'
import type { Acting } from './acting.ts'
import type { SelfServiceParts } from './context.ts'
import type { Page } from './html.ts'
import { gitHelperChecksum } from './git-helper.ts'
import type { HelperSettings } from './pages/helpers.ts'
import type { OwnPasswords } from './pages/passwords.ts'
import type { OtherIdentity, OwnSet, Profile } from './pages/profile.ts'
import { elsewhereNow } from './pages/trouble.ts'
import { whichAccount } from './pages/welcome.ts'
import { type ScopeName, scopeNameOf, nameOfScope } from './scope-names.ts'
import { hashed, type Identity, type Session } from './session.ts'
import type { Notice } from './webhook.ts'

/** A request for an account that exists. */
export interface RequestedAccount {
  readonly account: AccountRecord
  /** The scope that this is about: that of the account's present connection, or the one that it is about to move to. */
  readonly scopeName: ScopeName
  /** If it is the one that it is about to move to. It opens nothing before the move. */
  readonly coming?: PlannedMove
  /** The identity provider of that scope. */
  readonly authority: Authority | NoAuthority
}

/** A user who has signed in for the account's scope. */
export interface SignedInUser extends RequestedAccount {
  readonly session: Session
  readonly identity: Identity
  /** Whether the sign-in is recent enough for changes. */
  readonly fresh: boolean
}

/** Resolves accounts, sessions and their credentials. All throw `Outage`. */
export interface AccountLookup {
  /**
   * The account that was typed or linked to, or a page that says what is wrong with it. `scope`: the one that it signs in
   * with, or is about to move to; left out: the first.
   */
  find(typed: string, scope?: string): Promise<RequestedAccount | Page>
  /** `undefined`: not signed in for the scope of this account. */
  signedIn(requested: RequestedAccount, session: Session | undefined): SignedInUser | undefined
  /** What the page shows to a signed-in user. */
  profileOf(user: SignedInUser): Promise<Profile>
  /** The generated passwords of the user's set. */
  passwordsOf(user: SignedInUser): Promise<OwnPasswords>
  /** The user's other identities in this session. */
  otherIdentities(user: SignedInUser): Promise<readonly OtherIdentity[]>
  /** The credentials of all identities of a session. */
  setsOf(session: Session | undefined): Promise<readonly OwnSet[]>
}

/** Characters of a wrong account name that are echoed. */
const longestShown = 64

export function createAccountLookup(
  {
    registry,
    credentials,
    signIn,
    nameConflicts,
    acting,
    passwords,
    publicUrl,
    naming,
    oauth,
  }: Pick<
    SelfServiceParts,
    'registry' | 'credentials' | 'signIn' | 'passwords' | 'publicUrl' | 'naming' | 'oauth'
  > & {
    readonly nameConflicts: NameConflicts
    readonly acting: Acting
  },
  now: () => Instant,
): AccountLookup {
  const isFresh = ({ at }: Identity) => at > now() - signIn.freshMinutes * 60_000

  async function setsOf(session: Session | undefined): Promise<readonly OwnSet[]> {
    if (session === undefined) return []
    const directories = await registry.directories()
    return await Promise.all(
      session.identities.map(async identity => ({
        scopeName: nameOfScope(identity.scope, directories),
        account: identity.account,
        ...(identity.coming && { coming: identity.coming }),
        credential: await registry.ownCredential(identity.scope, identity.owner),
        fresh: isFresh(identity),
      })),
    )
  }

  async function otherIdentities({ session, identity }: SignedInUser): Promise<readonly OtherIdentity[]> {
    const directories = await registry.directories()
    const others = session.identities.filter(({ scope }) => scope !== identity.scope)
    return await Promise.all(
      others.map(async other => ({
        identity: other,
        scopeName: nameOfScope(other.scope, directories),
        fresh: isFresh(other),
        linked: (await registry.linkedTo(identity, other.scope)) === other.owner,
      })),
    )
  }

  function helpersFor(account: AccountName, username: Username | undefined): HelperSettings | undefined {
    if (oauth === undefined || username === undefined) return undefined
    const site = new URL(addressOf(account, publicUrl, naming)).origin
    const own = { publicUrl, naming, checksum: gitHelperChecksum }
    return { site, account, username, deviceCodes: oauth.deviceCodes, own }
  }

  /** No guess by name: who the user is there, a sign-in or a link says. */
  async function preparationOf({ account, session, identity, coming }: SignedInUser) {
    const { planned } = account
    if (planned === undefined || coming !== undefined) return undefined
    const to = scopeOf(planned.to)
    const there = session.identities.find(({ scope }) => scope === to)
    const owner = there?.owner ?? (await registry.linkedTo(identity, to))
    const credential = owner && (await registry.ownCredential(to, owner))
    return { planned, signedIn: there !== undefined, credential }
  }

  async function isThere(scope: Scope, { username }: Identity): Promise<boolean> {
    if (username === undefined) return false
    return (await credentials.find(scope, undefined, username)).current !== undefined
  }

  async function passwordsOf({ identity }: SignedInUser): Promise<OwnPasswords> {
    const credential = await registry.ownCredential(identity.scope, identity.owner)
    const all = credential ? await registry.passwords(identity.scope, credential.username) : []
    const ids = all.map(({ id }) => id).toSorted()
    return { all, state: hashed('passwords', ids.join(' ')), lives: passwords, now: now() }
  }

  return {
    setsOf,
    otherIdentities,
    passwordsOf,

    async find(typed, scope) {
      const name = readAccountName(typed)
      if (name === undefined) return { ...whichAccount([], wrongName(typed)), status: 400 }
      const account = await registry.account(name)
      if (account === undefined) return whichAccount([], unknown(name))
      const { connection, planned } = account
      const scopeName = scopeNameOf(connection)
      const coming = scope === undefined || scope === scopeName.scope ? undefined : planned
      if (scope !== undefined && scope !== scopeOf(coming?.to ?? connection))
        return elsewhereNow(account.name, scopeName)
      const authority = authorityFor(coming?.to ?? connection, signIn, await registry.directories())
      return coming === undefined
        ? { account, scopeName, authority }
        : { account, scopeName: scopeNameOf(coming.to), authority, coming }
    },

    signedIn(requested, session) {
      const identity = session?.identities.find(({ scope }) => scope === requested.scopeName.scope)
      if (session === undefined || identity === undefined) return undefined
      return { ...requested, session, identity, fresh: isFresh(identity) }
    },

    async profileOf(user) {
      const { account, scopeName, coming, session, identity, fresh } = user
      const { scope } = scopeName
      const credential = await registry.ownCredential(scope, identity.owner)
      const taken = await nameConflicts.isTaken(scope, identity.username, identity.owner)
      return {
        account,
        scopeName,
        coming,
        preparation: await preparationOf(user),
        csrf: session.csrf,
        username: identity.username,
        credential,
        claimable:
          credential === undefined
            ? !taken && (await isThere(scope, identity))
            : identity.username !== undefined && credential.unproved === true,
        taken,
        contestedAt: credential && (await nameConflicts.since(scope, credential.username)),
        acting: await acting.stateOf(user, identity.owner),
        // A helper gets its password for what the account accepts now.
        helpers:
          taken || coming ? undefined : helpersFor(account.name, credential?.username ?? identity.username),
        fresh,
        passwords: await passwordsOf(user),
        opens: scope === msaScope ? [] : await registry.accountsIn(scope),
        sets: await setsOf(session),
        others: await otherIdentities(user),
      }
    },
  }
}

function wrongName(typed: string) {
  const sentence = 'An account name has 1 to 63 letters, digits, hyphens or underscores.'
  return { typed: shown(typed), sentence: typed === '' ? 'Enter the name of an account.' : sentence }
}

function unknown(typed: string) {
  return { typed, sentence: 'There is no account with that name. Check the spelling.' }
}

function shown(typed: string): string {
  return typed.replace(/\p{C}/gu, '').slice(0, longestShown).toWellFormed()
}

/**
 * Conflicts between a name from the identity provider and a credential of another person under that name: the address
 * has been reassigned, or was claimed wrongly. Only an operator can tell which, and both are notified. All throw `Outage`.
 */
export interface NameConflicts {
  /** Whether the credential under that name belongs to another owner. */
  isTaken(scope: Scope, username: Username | undefined, owner: Owner): Promise<boolean>
  /** Records a sign-in: if its name belongs to another owner, that owner is notified. */
  signedIn(identity: Identity): Promise<void>
  /** When another person last signed in under this credential's name. */
  since(scope: Scope, username: Username): Promise<Instant | undefined>
}

interface NameConflictsParts {
  readonly registry: Pick<Registry, 'ownerOf'>
  readonly sessions: SessionStore
  readonly notice: Notice
  readonly now: () => Instant
}

/** Milliseconds for which the page shows a conflict to the owner. */
const conflictLife = 30 * 24 * 60 * 60_000

export function createNameConflicts({ registry, sessions, notice, now }: NameConflictsParts): NameConflicts {
  async function isTaken(scope: Scope, username: Username | undefined, owner: Owner): Promise<boolean> {
    if (username === undefined) return false
    const its = await registry.ownerOf(scope, username)
    return its !== undefined && its !== owner
  }

  return {
    isTaken,
    async signedIn({ scope, username, owner }) {
      if (username === undefined || !(await isTaken(scope, username, owner))) return
      await sessions.set(nameOf(scope, username), String(now()), now() + conflictLife)
      notice.credentialChanged({ scope, username, what: 'contested', at: now() })
    },
    async since(scope, username) {
      const at = await sessions.get(nameOf(scope, username))
      return at === undefined ? undefined : Number(at)
    },
  }
}

function nameOf(scope: Scope, username: Username): string {
  return hashed('contest', `${scope} ${username}`)
}
