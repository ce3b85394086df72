import {
  type Instant,
  msaScope,
  type Owner,
  readAccountName,
  type Scope,
  type Username,
} from '../gateway/names.ts'
import type { SessionStore } from '../gateway/ports.ts'
import type { AccountRecord, Registry } from '../gateway/registry.ts'
import { type Authority, authorityFor, type NoAuthority } from './authority.ts'
import type { SelfServiceParts } from './context.ts'
import type { Page } from './html.ts'
import type { OtherIdentity, OwnSet, Profile } from './pages/profile.ts'
import { whichAccount } from './pages/welcome.ts'
import { type ScopeName, scopeNameOf, nameOfScope } from './scope-names.ts'
import { hashed, type Identity, type Session } from './session.ts'
import type { Notice } from './webhook.ts'

/** Somebody who asks for an account that is there. */
export interface RequestedAccount {
  readonly account: AccountRecord
  readonly scopeName: ScopeName
  /** Where people of this account sign in, as it is connected at this moment. */
  readonly authority: Authority | NoAuthority
}

/** A guest who has signed in for the account's scope. */
export interface SignedInUser extends RequestedAccount {
  readonly session: Session
  readonly identity: Identity
  /** Whether the sign-in is recent enough for changes. */
  readonly fresh: boolean
}

/** Finds out who asks for what. All throw `Outage`. */
export interface AccountLookup {
  /** The account that was typed or linked to; a page that says what is wrong with it. */
  find(typed: string): Promise<RequestedAccount | Page>
  /** `undefined`: not signed in for the scope of this account. */
  signedIn(requested: RequestedAccount, session: Session | undefined): SignedInUser | undefined
  /** What the page shows to somebody who is signed in. */
  profileOf(user: SignedInUser): Promise<Profile>
  /** Everybody else whom the visitor has signed in as in this session. */
  otherSelves(user: SignedInUser): Promise<readonly OtherIdentity[]>
  /** The credentials of everybody that a session has signed in as. */
  setsOf(session: Session | undefined): Promise<readonly OwnSet[]>
}

/** Longest part of a wrong account name that is shown again. */
const longestShown = 64

export function createAccountLookup(
  {
    registry,
    credentials,
    signIn,
    nameConflicts,
  }: Pick<SelfServiceParts, 'registry' | 'credentials' | 'signIn'> & {
    readonly nameConflicts: NameConflicts
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

  async function isThere(scope: Scope, { username }: Identity): Promise<boolean> {
    if (username === undefined) return false
    return (await credentials.find(scope, undefined, username)).current !== undefined
  }

  return {
    setsOf,
    otherSelves: otherIdentities,

    async find(typed) {
      const name = readAccountName(typed)
      if (name === undefined) return { ...whichAccount([], wrongName(typed)), status: 400 }
      const account = await registry.account(name)
      if (account === undefined) return whichAccount([], unknown(name))
      const authority = authorityFor(account.connection, signIn, await registry.directories())
      return { account, scopeName: scopeNameOf(account.connection), authority }
    },

    signedIn(requested, session) {
      const identity = session?.identities.find(({ scope }) => scope === requested.scopeName.scope)
      if (session === undefined || identity === undefined) return undefined
      return { ...requested, session, identity, fresh: isFresh(identity) }
    },

    async profileOf(user) {
      const { account, scopeName, session, identity, fresh } = user
      const { scope } = scopeName
      const credential = await registry.ownCredential(scope, identity.owner)
      const taken = await nameConflicts.isTaken(scope, identity.username, identity.owner)
      return {
        account,
        scopeName,
        csrf: session.csrf,
        username: identity.username,
        credential,
        claimable: credential === undefined && !taken && (await isThere(scope, identity)),
        taken,
        contestedAt: credential && (await nameConflicts.since(scope, credential.username)),
        fresh,
        opens: scope === msaScope ? [] : await registry.accountsIn(scope),
        sets: await setsOf(session),
        others: await otherIdentities(user),
      }
    },
  }
}

function wrongName(typed: string) {
  const sentence = 'An account name is 1 to 63 letters, digits, hyphens or underscores.'
  return { typed: shown(typed), sentence: typed === '' ? 'Type the name of an account.' : sentence }
}

function unknown(typed: string) {
  return { typed, sentence: 'There is no account of that name here. Check the spelling.' }
}

function shown(typed: string): string {
  return typed.replace(/\p{C}/gu, '').slice(0, longestShown).toWellFormed()
}

/**
 * Names that an authority gives to one person while the credential of that name is another's: an address has passed on,
 * or somebody has taken it. Only an operator knows which, and both persons must hear of it. All throw `Outage`.
 */
export interface NameConflicts {
  /** Whether the credential of that name is somebody else's. */
  isTaken(scope: Scope, username: Username | undefined, owner: Owner): Promise<boolean>
  /** Somebody has signed in. If their name is another's, that one will be told. */
  signedIn(identity: Identity): Promise<void>
  /** When somebody else last came under the name of this credential. */
  since(scope: Scope, username: Username): Promise<Instant | undefined>
}

interface NameConflictsParts {
  readonly registry: Pick<Registry, 'ownerOf'>
  readonly sessions: SessionStore
  readonly notice: Notice
  readonly now: () => Instant
}

/** Milliseconds for which the owner is told on the page. */
const told = 30 * 24 * 60 * 60_000

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
      await sessions.set(nameOf(scope, username), String(now()), now() + told)
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
