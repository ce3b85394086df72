import type { Instant, Owner, Username } from '../gateway/names.ts'
import type { AccountUse, CredentialRecord } from '../gateway/registry.ts'

/**
 * How somebody stands to a move. `breaks`: has used the account and has nothing in the scope it moves to; `ready`: has
 * a credential there; `unknown`: could use the account, but nobody has seen it; `off`: is switched off already.
 */
export type Standing = 'breaks' | 'ready' | 'unknown' | 'off'

/** Somebody who has a credential in the scope that an account leaves. */
export interface Traveller {
  readonly username: Username
  readonly standing: Standing
  /** When and from where the account was last opened with it. */
  readonly lastUsed?: { readonly at: Instant; readonly from: string }
  /** What the person has in the other scope; by name it is a guess, and only a link is proof. */
  readonly there?: { readonly username: Username; readonly by: 'link' | 'name' }
  /** Whether the person is known in the other scope, be it without a credential: a bridge carries them. */
  readonly linked: boolean
}

export interface Known {
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
export function planMove({ here, there, uses, links }: Known): readonly Traveller[] {
  const usable = there.filter(({ enabled }) => enabled)
  const byOwner = new Map(usable.flatMap(each => (each.owner ? [[each.owner, each] as const] : [])))
  const byName = new Map(usable.map(each => [each.username, each]))
  const used = new Map(uses.map(use => [use.username, use]))

  const travellers = here.map(({ username, owner, enabled }): Traveller => {
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
  function findThere(username: Username, linkedTo: Owner | undefined): Traveller['there'] {
    if (linkedTo !== undefined) {
      const own = byOwner.get(linkedTo)
      return own && { username: own.username, by: 'link' }
    }
    const namesake = byName.get(username)
    return namesake && { username: namesake.username, by: 'name' }
  }
}

function standingOf(use: AccountUse | undefined, found: Traveller['there']): Standing {
  if (use === undefined) return 'unknown'
  return found === undefined ? 'breaks' : 'ready'
}

/** How many stand how. */
export function countStandings(travellers: readonly Traveller[]): Readonly<Record<Standing, number>> {
  const counts = { breaks: 0, ready: 0, unknown: 0, off: 0 }
  for (const { standing } of travellers) counts[standing]++
  return counts
}
