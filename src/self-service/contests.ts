import type { Instant, Owner, Scope, Username } from '../gateway/names.ts'
import type { SessionStore } from '../gateway/ports.ts'
import type { Registry } from '../gateway/registry.ts'
import type { Notice } from './notice.ts'
import { hashed, type Identity } from './session.ts'

/**
 * Names that an authority gives to one person while the credential of that name is another's: an address has passed on,
 * or somebody has taken it. Only an operator knows which, and both persons must hear of it. All throw `Outage`.
 */
export interface Contests {
  /** Whether the credential of that name is somebody else's. */
  isTaken(scope: Scope, username: Username | undefined, owner: Owner): Promise<boolean>
  /** Somebody has signed in. If their name is another's, that one will be told. */
  signedIn(identity: Identity): Promise<void>
  /** When somebody else last came under the name of this credential. */
  since(scope: Scope, username: Username): Promise<Instant | undefined>
}

export interface ContestsParts {
  readonly registry: Pick<Registry, 'ownerOf'>
  readonly sessions: SessionStore
  readonly notice: Notice
  readonly now: () => Instant
}

/** Milliseconds for which the owner is told on the page. */
const told = 30 * 24 * 60 * 60_000

export function createContests({ registry, sessions, notice, now }: ContestsParts): Contests {
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
