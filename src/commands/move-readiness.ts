import { Failure } from '../common/failure.ts'
import { type Connection, scopeOf } from '../gateway/account.ts'
import {
  type AccountName,
  type Instant,
  msaScope,
  type Owner,
  type Scope,
  type Username,
} from '../gateway/names.ts'
import type { AccountRecord, AccountUse, CredentialRecord, Registry } from '../gateway/registry.ts'
import { known, sentenceOf } from './failure.ts'

/** A move that could be made, and whom it concerns. */
export interface MoveReadiness {
  readonly account: AccountRecord
  readonly to: Connection
  readonly travellers: readonly AffectedUser[]
  /** Members who are listed in the scope it moves to, if the account lets in members only. */
  readonly membersThere: number | undefined
}

/** Looks a move over and changes nothing; ends the command if it cannot be made. */
export async function readMoveReadiness(
  registry: Registry,
  name: AccountName,
  target: Scope,
): Promise<MoveReadiness> {
  const account = await known(registry, name)
  const to = await connectionTo(registry, target)
  const left = scopeOf(account.connection)
  if (left === target)
    throw new Failure(sentenceOf({ problem: 'already-connected', name, connection: account.connection }))

  const tell = progress()
  try {
    tell(`reading who may use ${name}`)
    const here = await registry.credentials(left)
    tell(`reading who has something there; ${here.length} may use ${name}`)
    const there = await registry.credentials(target)
    tell(`reading who has used ${name}; ${here.length} may use it, ${there.length} have something there`)
    const uses = (await registry.usesOf(name)).filter(use => use.scope === left)
    const links = await registry.links(left, target)
    const members = account.membersOnly && (await registry.members(name))
    return {
      account,
      to,
      travellers: planMove({ here, there, uses, links }),
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
  throw new Failure(
    `There is no directory ${target}. Add it first: altgate directory add ${target} --name TEXT`,
  )
}

/** One line on a terminal that tells what takes so long; each takes the place of the one before. */
function progress(): (text: string) => void {
  return text => {
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
  }
}

/**
 * How somebody stands to a move. `breaks`: has used the account and has nothing in the scope it moves to; `ready`: has
 * a credential there; `unknown`: could use the account, but nobody has seen it; `off`: is switched off already.
 */
type Standing = 'breaks' | 'ready' | 'unknown' | 'off'

/** Somebody who has a credential in the scope that an account leaves. */
export interface AffectedUser {
  readonly username: Username
  readonly standing: Standing
  /** When and from where the account was last opened with it. */
  readonly lastUsed?: { readonly at: Instant; readonly from: string }
  /** What the person has in the other scope; by name it is a guess, and only a link is proof. */
  readonly there?: { readonly username: Username; readonly by: 'link' | 'name' }
  /** Whether the person is known in the other scope, be it without a credential: a bridge carries them. */
  readonly linked: boolean
}

interface Known {
  /** Of the scope that the account leaves. */
  readonly here: readonly CredentialRecord[]
  /** Of the scope that it moves to. */
  readonly there: readonly CredentialRecord[]
  /** Of the account, by credentials of the scope that it leaves. */
  readonly uses: readonly AccountUse[]
  /** Whose owner here is whose there. */
  readonly links: ReadonlyMap<Owner, Owner>
}

const order: readonly Standing[] = ['breaks', 'ready', 'unknown', 'off']

/** Everybody whom a move may concern: who breaks comes first, and of those who used it last. */
function planMove({ here, there, uses, links }: Known): readonly AffectedUser[] {
  const usable = there.filter(({ enabled }) => enabled)
  const byOwner = new Map(usable.flatMap(each => (each.owner ? [[each.owner, each] as const] : [])))
  const byName = new Map(usable.map(each => [each.username, each]))
  const used = new Map(uses.map(use => [use.username, use]))

  const travellers = here.map(({ username, owner, enabled }): AffectedUser => {
    const linkedTo = owner && links.get(owner)
    const found = findThere(username, linkedTo)
    const use = used.get(username)
    return {
      username,
      standing: enabled ? standingOf(use, found) : 'off',
      ...(use && { lastUsed: { at: use.at, from: use.from } }),
      ...(found && { there: found }),
      linked: linkedTo !== undefined,
    }
  })
  return travellers.toSorted(
    (one, other) =>
      order.indexOf(one.standing) - order.indexOf(other.standing) ||
      (other.lastUsed?.at ?? 0) - (one.lastUsed?.at ?? 0),
  )

  /** Whoever is linked is that person and nobody else, whatever others are called. */
  function findThere(username: Username, linkedTo: Owner | undefined): AffectedUser['there'] {
    if (linkedTo !== undefined) {
      const own = byOwner.get(linkedTo)
      return own && { username: own.username, by: 'link' }
    }
    const namesake = byName.get(username)
    return namesake && { username: namesake.username, by: 'name' }
  }
}

function standingOf(use: AccountUse | undefined, found: AffectedUser['there']): Standing {
  if (use === undefined) return 'unknown'
  return found === undefined ? 'breaks' : 'ready'
}

/** How many stand how. */
export function countStandings(travellers: readonly AffectedUser[]): Readonly<Record<Standing, number>> {
  const counts = { breaks: 0, ready: 0, unknown: 0, off: 0 }
  for (const { standing } of travellers) counts[standing]++
  return counts
}
