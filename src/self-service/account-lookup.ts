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
import type { AccountRecord, Directory, Registry } from '../gateway/registry.ts'
import { addressOf, type Connection, type PlannedMove, scopeOf } from '../gateway/account.ts'
import type { Acting } from './acting.ts'
import type { SelfServiceParts } from './context.ts'
import type { Page } from './html.ts'
import { gitHelperChecksum } from './git-helper.ts'
import type { Messages } from './messages/en.ts'
import type { HelperSettings } from './pages/helpers.ts'
import type { OwnPasswords } from './pages/passwords.ts'
import type { Link, OtherIdentity } from './pages/links.ts'
import type { OwnSet, Profile } from './pages/profile.ts'
import { elsewhereNow } from './pages/trouble.ts'
import { whichAccount } from './pages/welcome.ts'
import { type ScopeName, scopeNameOf, nameOfScope } from './scope-names.ts'
import { hashed, type Identity, type Session } from './session.ts'
import { createUnknownAccounts } from './unknown-accounts.ts'
import type { Notice } from './webhook.ts'

/** A request for an account, which need not exist if a client made it that may not hear that. */
export interface RequestedAccount {
  readonly account: Pick<AccountRecord, 'name' | 'connection' | 'planned'>
  /** The scope that this is about: that of the account's present connection, or the one that it is about to move to. */
  readonly scopeName: ScopeName
  /** If it is the one that it is about to move to. It opens nothing before the move. `true`: so says a client that may not hear. */
  readonly coming?: PlannedMove | true
  /** The identity provider of that scope. */
  readonly authority: Authority | NoAuthority
}

/** A user who has signed in for the account's scope. */
export interface SignedInUser extends RequestedAccount {
  readonly coming?: PlannedMove
  readonly session: Session
  readonly identity: Identity
  /** Whether the sign-in is recent enough for changes. */
  readonly fresh: boolean
}

/** Resolves accounts, sessions and their credentials. All throw `Outage`. */
export interface AccountLookup {
  /**
  /**
   * The account that was typed or linked to, or a page that says what is wrong with it. `scope`: the one that it signs in with,
   * or is about to move to; left out: the first. `mayHear`: the user has signed in, and hears if that is not so, or if there is no
   * such account. Without it, the answer is the same for every name, and what is unknown is made up.
   */
  find(typed: string, mayHear: boolean, scope?: string): Promise<RequestedAccount | Page>
  /** `undefined`: not signed in for the scope of this account. */
  signedIn(requested: RequestedAccount, session: Session | undefined): SignedInUser | undefined
  /** What the page shows to a signed-in user. */
  profileOf(user: SignedInUser): Promise<Profile>
  /** The generated passwords of the user's set. */
  passwordsOf(user: SignedInUser): Promise<OwnPasswords>
  /** The user's other identities in this session. */
  otherIdentities(user: SignedInUser): Promise<readonly OtherIdentity[]>
  /** The user's links to identities in other scopes, signed in or not. */
  linksOf(user: SignedInUser): Promise<readonly Link[]>
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
    signInKey,
  }: Pick<
    SelfServiceParts,
    'registry' | 'credentials' | 'signIn' | 'passwords' | 'publicUrl' | 'naming' | 'oauth' | 'signInKey'
  > & {
    readonly nameConflicts: NameConflicts
    readonly acting: Acting
  },
  now: () => Instant,
): AccountLookup {
  const unknownAccounts = createUnknownAccounts({ registry, key: signInKey, now })
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

  async function linksOf({ session, identity }: SignedInUser): Promise<readonly Link[]> {
    const directories = await registry.directories()
    const scopes = [msaScope, ...directories.map(({ id }) => id as string as Scope)]
    const links = await Promise.all(
      scopes
        .filter(scope => scope !== identity.scope)
        .map(async scope => {
          const owner = await registry.linkedTo(identity, scope)
          if (owner === undefined) return []
          const credential = await registry.ownCredential(scope, owner)
          const here = session.identities.find(each => each.scope === scope && each.owner === owner)
          const username = credential?.username ?? here?.username
          return [{ scopeName: nameOfScope(scope, directories), username }]
        }),
    )
    return links.flat()
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

  /**
   * What every client may see of a name, whether there is such an account or not. A scope that is named counts for all names: what
   * only some would accept would tell which. Where the present one has no provider, users prepare for the coming one.
   */
  async function seenByAnyone(
    name: AccountName,
    account: AccountRecord | undefined,
    scope: string | undefined,
  ): Promise<RequestedAccount> {
    const directories = await registry.directories()
    const madeUp = await unknownAccounts.connectionFor(name, directories)
    const authorityOf = (connection: Connection) => authorityFor(connection, signIn, directories)
    const named = scope === undefined ? undefined : connectionOf(scope, directories)
    const present = account?.connection ?? madeUp
    const connection =
      named ?? ('setting' in authorityOf(present) ? (account?.planned?.to ?? present) : present)
    return {
      account: { name, connection },
      scopeName: scopeNameOf(connection),
      authority: authorityOf(connection),
      ...(named && { coming: true }),
    }
  }

  return {
    setsOf,
    otherIdentities,
    linksOf,
    passwordsOf,

    async find(typed, mayHear, scope) {
      const name = readAccountName(typed)
      if (name === undefined) return { ...whichAccount([], wrongName(typed)), status: 400 }
      const account = await registry.account(name)
      if (!mayHear) return await seenByAnyone(name, account, scope)
      if (account === undefined) return noSuchAccount(name)
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
      if (session === undefined || identity === undefined || requested.coming === true) return undefined
      const { coming, ...rest } = requested
      return { ...rest, ...(coming && { coming }), session, identity, fresh: isFresh(identity) }
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
        links: await linksOf(user),
      }
    },
  }
}

function connectionOf(scope: string, directories: readonly Directory[]): Connection | undefined {
  if (scope === msaScope) return { kind: 'msa' }
  const directory = directories.find(({ id }) => (id as string) === scope)
  return directory && { kind: 'entra', directoryId: directory.id, directoryName: directory.name }
}

function wrongName(typed: string) {
  const sentence = ({ welcome: say }: Messages) => (typed === '' ? say.noName : say.badName)
  return { typed: shown(typed), sentence }
}

/** For a user who has signed in. */
function noSuchAccount(name: AccountName): Page {
  return whichAccount([], {
    typed: name,
    sentence: ({ welcome: say }) => say.unknown,
  })
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
