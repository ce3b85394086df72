import type { GeneratedPasswords, PasswordMac } from '../gateway/generated-password.ts'
import { scopeOf } from '../gateway/account.ts'
import type { AccountName, Instant, Owner, PasswordId, Scope, Username } from '../gateway/names.ts'
import type { OAuthStore } from '../gateway/oauth.ts'
import { longestPasswordName, type Problem, type Registry } from '../gateway/registry.ts'
import { Secret } from '../gateway/secret.ts'
import { type AccessTokens, keyOf } from './kept.ts'

/** What a user has agreed to: a helper gets a password of the user's set. */
export interface Agreement {
  /** The account that the helper is used for. */
  readonly account: AccountName
  readonly scope: Scope
  readonly owner: Owner
  /** For a set that does not exist yet. */
  readonly username: Username
  /** What the password is to be called. */
  readonly name: string
  /** The client's name, for the list of passwords. */
  readonly client: string
}

/** A password that was given out. */
export interface Given {
  readonly password: Secret
  readonly username: Username
  readonly endsAt: Instant
}

/** How long what is given out counts. */
export interface Lives {
  readonly passwordMs: number
  readonly signInMs: number
  readonly graceMs: number
}

/** The passwords of grants. All throw `Outage`. */
export interface GrantPasswords extends AccessTokens {
  /** Remembers what was agreed to, before the helper fetches it. */
  agreed(grantId: string, agreement: Agreement): Promise<void>
  /**
   * Whether the grant may still be used: the account has not moved, the set is switched on, and the user has not revoked the
   * password. After a move a helper must ask the user again, or it would renew what no longer opens the account.
   */
  holds(grantId: string): Promise<boolean>
  /** Makes the first password of a grant, or replaces the present one. A text: why there is none. */
  give(grantId: string, clientId: string): Promise<Given | string>
  /** Ends one that must not be used, because its code was used twice. */
  takeBack(grantId: string): Promise<void>
}

/** What grants need of the registry. */
export type GrantRegistry = Pick<
  Registry,
  'account' | 'ownCredential' | 'addPassword' | 'passwords' | 'revokePasswords'
>

interface Parts {
  readonly store: OAuthStore
  readonly registry: GrantRegistry
  readonly generated: GeneratedPasswords
  readonly lives: Lives
  readonly now: () => Instant
}

/** What is kept of a grant. */
interface KeptGrant extends Agreement {
  /** The present password; left out until the helper has fetched the first one. */
  readonly password?: PasswordId
}

/** What is kept of a password, to find its grant. */
interface KeptPassword {
  readonly grantId: string
  readonly clientId: string
  readonly mac: PasswordMac
}

export function createGrantPasswords({ store, registry, generated, lives, now }: Parts): GrantPasswords {
  const lifeMs = Math.max(lives.signInMs, lives.passwordMs)

  async function read<Kept>(kind: 'agreement' | 'password', id: string): Promise<Kept | undefined> {
    const entry = await store.find(keyOf(kind, id))
    return entry && (JSON.parse(entry.data) as Kept) // only `write` writes under these keys
  }

  async function write(
    kind: 'agreement' | 'password',
    id: string,
    grantId: string,
    kept: KeptGrant | KeptPassword,
  ): Promise<void> {
    const grant = keyOf('Grant', grantId)
    await store.set(keyOf(kind, id), { data: JSON.stringify(kept), expiresAt: now() + lifeMs, grant })
  }

  /** Each use lengthens the life of the library's own entry of the grant. */
  async function prolong(grantId: string): Promise<void> {
    const key = keyOf('Grant', grantId)
    const entry = await store.find(key)
    if (entry !== undefined) await store.set(key, { data: entry.data, expiresAt: now() + lifeMs, grant: key })
  }

  async function holds(grantId: string): Promise<boolean> {
    const kept = await read<KeptGrant>('agreement', grantId)
    if (kept === undefined) return false
    const account = await registry.account(kept.account)
    if (account === undefined || scopeOf(account.connection) !== kept.scope) return false
    const own = await registry.ownCredential(kept.scope, kept.owner)
    if (kept.password === undefined) return own?.enabled !== false
    if (own?.enabled !== true) return false
    const present = (await registry.passwords(kept.scope, own.username, 'all')).find(
      ({ id }) => id === kept.password,
    )
    return present !== undefined && present.over?.cause !== 'revoked'
  }

  async function add(
    kept: KeptGrant,
  ): Promise<(Given & { readonly made: Made; readonly name: string }) | string> {
    const own = await registry.ownCredential(kept.scope, kept.owner)
    const username = own?.username ?? kept.username
    const endsAt = now() + lives.passwordMs
    const { password, ...made } = generated.make()
    const renews = kept.password !== undefined
    for (const name of renews ? [kept.name] : namesLike(kept.name)) {
      const replacing = renews && { replacing: { graceMs: lives.graceMs } }
      const problem = await registry.addPassword(
        `oauth:${kept.owner}`,
        kept.scope,
        { username, owner: kept.owner },
        { ...made, name, readOnly: false, endsAt, client: kept.client, ...replacing },
      )
      if (problem === undefined) return { password, username, endsAt, made, name }
      if (problem.problem !== 'password-name-taken') return sentences[problem.problem]
    }
    return sentences['password-name-taken']
  }

  async function end(grantId: string): Promise<void> {
    const kept = await read<KeptGrant>('agreement', grantId)
    const own = kept && (await registry.ownCredential(kept.scope, kept.owner))
    if (kept?.password !== undefined && own !== undefined) {
      const { scope, name, owner } = kept
      const all = await registry.passwords(scope, own.username)
      const isPresent = all.some(
        each => each.id === kept.password && each.over === undefined && each.replacedAt === undefined,
      )
      // By the name, so that a predecessor that is still valid ends as well.
      await registry.revokePasswords(
        `oauth:${owner}`,
        scope,
        own.username,
        isPresent ? { name } : { id: kept.password },
      )
    }
    await store.deleteGrant(keyOf('Grant', grantId))
  }

  return {
    agreed: (grantId, agreement) => write('agreement', grantId, grantId, agreement),
    holds,
    async give(grantId, clientId) {
      const kept = await read<KeptGrant>('agreement', grantId)
      if (kept === undefined) return 'the grant has ended'
      const added = await add(kept)
      if (typeof added === 'string') return added
      const { made, name, ...given } = added
      await write('password', made.id, grantId, { grantId, clientId, mac: made.mac })
      await write('agreement', grantId, grantId, { ...kept, name, password: made.id })
      await prolong(grantId)
      return given
    },
    takeBack: end,
    end,
    async find(value) {
      const password = new Secret(value)
      const found = generated.read(password)
      const kept = found && (await read<KeptPassword>('password', found.id))
      if (kept === undefined || !generated.proves(password, kept.mac)) return undefined
      const { grantId, clientId } = kept
      const iat = Math.floor(now() / 1000)
      return { kind: 'AccessToken', jti: value, grantId, clientId, iat, exp: iat + 60 }
    },
  }
}

type Made = { readonly id: PasswordId; readonly mac: PasswordMac }

/** `git on laptop`, `git on laptop 2` and so on. A set holds twenty. */
function namesLike(name: string): readonly string[] {
  return Array.from({ length: 21 }, (_, at) => {
    const suffix = at === 0 ? '' : ` ${at + 1}`
    return (
      Array.from(name)
        .slice(0, longestPasswordName - suffix.length)
        .join('')
        .trimEnd() + suffix
    )
  })
}

type AddProblem =
  | 'no-such-directory'
  | 'username-taken'
  | 'unclaimed'
  | 'too-many-passwords'
  | 'password-name-taken'

/** For helpers, which show them in the terminal. */
const sentences: Readonly<Record<AddProblem & Problem['problem'], string>> = {
  'no-such-directory': 'the directory of the account is no longer known',
  'username-taken': 'your user name belongs to another person here: ask your operator',
  unclaimed: 'an operator made the credentials of your name: open your page and claim them first',
  'too-many-passwords': 'you have as many passwords as there can be: revoke one on your page',
  'password-name-taken': 'a password of that name already exists: choose another name',
}
