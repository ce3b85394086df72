import { type Connection, scopeOf } from '../gateway/account.ts'
import {
  type AccountName,
  type DirectoryId,
  type Instant,
  msaScope,
  type Owner,
  type Scope,
  type Username,
} from '../gateway/names.ts'
import type { AccountRecord, AccountUse, CredentialRecord, Registry } from '../gateway/registry.ts'
import { known, Refused } from './problems.ts'

/** A possible move, and the users it affects. */
export interface MoveReadiness {
  readonly account: AccountRecord
  readonly to: Connection
  readonly users: readonly AffectedUser[]
  /** Members listed in the target scope, if the account is restricted to members. */
  readonly membersThere: number | undefined
}

/** Examines a move without changing anything; throws `Refused` if the move is impossible. `tell` is told what takes long, and the empty text at the end. */
export async function readMoveReadiness(
  registry: Registry,
  name: AccountName,
  target: Scope,
  tell: (text: string) => void = () => {},
): Promise<MoveReadiness> {
  const account = await known(registry, name)
  const to = await connectionTo(registry, target)
  const left = scopeOf(account.connection)
  if (left === target)
    throw new Refused({ problem: 'already-connected', name, connection: account.connection })

  try {
    tell(`reading the credentials that open ${name}`)
    const here = await registry.credentials(left)
    tell(`reading the credentials of the target; ${here.length} open ${name}`)
    const there = await registry.credentials(target)
    tell(`reading the uses of ${name}; ${here.length} credentials open it, ${there.length} are in the target`)
    const uses = (await registry.usesOf(name)).filter(use => use.scope === left)
    const links = await registry.links(left, target)
    const members = account.membersOnly && (await registry.members(name))
    return {
      account,
      to,
      users: planMove({ here, there, uses, links }),
      membersThere: members?.filter(({ scope }) => scope === target).length,
    }
  } finally {
    tell('')
  }
}

async function connectionTo(registry: Registry, target: Scope): Promise<Connection> {
  if (target === msaScope) return { kind: 'msa' }
  const all = await registry.directories()
  // A scope that is not `msa` is the id of a directory.
  const directory = all.find(({ id }) => (id as string) === target)
  if (directory !== undefined)
    return { kind: 'entra', directoryId: directory.id, directoryName: directory.name }
  throw new Refused({ problem: 'no-such-directory', directoryId: target as string as DirectoryId })
}

/**
 * How a move affects a user. `breaks`: has used the account and has no credential in the target scope; `ready`: has one
 * there; `unknown`: may use the account, but was never seen on it; `off`: is already switched off.
 */
type Standing = 'breaks' | 'ready' | 'unknown' | 'off'

/** A user with a credential in the scope that the account leaves. */
export interface AffectedUser {
  readonly username: Username
  readonly standing: Standing
  /** When and from where the account was last used with it. */
  readonly lastUsed?: { readonly at: Instant; readonly from: string }
  /** The user's credential in the target scope. A match by name is a guess; only a link is proof. */
  readonly there?: {
    readonly username: Username
    readonly by: 'link' | 'name'
    /** When it was last set. */
    readonly since: Instant
  }
  /** Whether a credential there has this name, be it another person's or switched off: old passwords are wrong ones of it. */
  readonly nameThere: boolean
  /** Whether the user is linked to a person in the target scope, even one without a credential: a bridge then applies. */
  readonly linked: boolean
}

interface Known {
  /** Credentials of the scope that the account leaves. */
  readonly here: readonly CredentialRecord[]
  /** Credentials of the target scope. */
  readonly there: readonly CredentialRecord[]
  /** Uses of the account with credentials of the scope that it leaves. */
  readonly uses: readonly AccountUse[]
  /** Owners in the scope that it leaves, and who they are in the target scope. */
  readonly links: ReadonlyMap<Owner, Owner>
}

const order: readonly Standing[] = ['breaks', 'ready', 'unknown', 'off']

/** All users that a move may affect: those that break first, and among equals the most recent first. */
function planMove({ here, there, uses, links }: Known): readonly AffectedUser[] {
  const usable = there.filter(({ enabled }) => enabled)
  const byOwner = new Map(usable.flatMap(each => (each.owner ? [[each.owner, each] as const] : [])))
  const byName = new Map(usable.map(each => [each.username, each]))
  const namesThere = new Set(
    there.flatMap(each => [each.username, ...(each.secondary ? [each.secondary] : [])]),
  )
  const used = new Map(uses.map(use => [use.username, use]))

  const users = here.map(({ username, owner, enabled }): AffectedUser => {
    const linkedTo = owner && links.get(owner)
    const found = findThere(username, linkedTo)
    const use = used.get(username)
    return {
      username,
      standing: enabled ? standingOf(use, found) : 'off',
      ...(use && { lastUsed: { at: use.at, from: use.from } }),
      ...(found && { there: found }),
      nameThere: namesThere.has(username),
      linked: linkedTo !== undefined,
    }
  })
  return users.toSorted(
    (one, other) =>
      order.indexOf(one.standing) - order.indexOf(other.standing) ||
      (other.lastUsed?.at ?? 0) - (one.lastUsed?.at ?? 0),
  )

  /** A link decides, even if another user there has the same name. */
  function findThere(username: Username, linkedTo: Owner | undefined): AffectedUser['there'] {
    if (linkedTo !== undefined) {
      const own = byOwner.get(linkedTo)
      return own && { username: own.username, by: 'link', since: own.setAt }
    }
    const namesake = byName.get(username)
    return namesake && { username: namesake.username, by: 'name', since: namesake.setAt }
  }
}

function standingOf(use: AccountUse | undefined, found: AffectedUser['there']): Standing {
  if (use === undefined) return 'unknown'
  return found === undefined ? 'breaks' : 'ready'
}

/** Whether the user has a credential there, seen here or not. */
export function isPrepared({ standing, there }: AffectedUser): boolean {
  return standing !== 'off' && there !== undefined
}

/** How many users have each standing. */
export function countStandings(users: readonly AffectedUser[]): Readonly<Record<Standing, number>> {
  const counts = { breaks: 0, ready: 0, unknown: 0, off: 0 }
  for (const { standing } of users) counts[standing]++
  return counts
}
