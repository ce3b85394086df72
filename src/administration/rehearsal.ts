import { Failure } from '../common/failure.ts'
import { type Connection, scopeOf } from '../gateway/account.ts'
import type { AccountName, Instant, Scope, Username } from '../gateway/names.ts'
import type { Registry } from '../gateway/registry.ts'
import type { ToolUse, ToolUses } from '../gateway/tool-uses.ts'
import { eachUse, passwordText } from './inventory.ts'
import { type AffectedUser, type MoveReadiness, readMoveReadiness } from './move-readiness.ts'
import { known } from './problems.ts'
import { isoTime } from './times.ts'

/** The requests of the last days that a move would have refused. */
export interface Rehearsal {
  readonly readiness: MoveReadiness
  readonly from: Connection
  /** Of any use of the account; `undefined`: none is recorded. */
  readonly recordedSince: Instant | undefined
  /** The most frequent first. */
  readonly refused: readonly RefusedUse[]
}

/** One tool of one user, and what becomes of it. */
export interface RefusedUse {
  readonly user: Username
  readonly tool: string | undefined
  readonly path: string
  readonly passwords: readonly string[]
  readonly networks: readonly string[]
  readonly requests: number
  readonly firstAt: Instant
  readonly lastAt: Instant
  readonly outcome: 'reset-needed' | 'refused'
  /** A bridge would let it through for a while. */
  readonly linked: boolean
  readonly toDo: string
}

export interface WantedRehearsal {
  readonly account: AccountName
  /** Left out: as it is planned. */
  readonly to?: Scope | undefined
  /** Only uses that were seen since then. */
  readonly since?: Instant | undefined
  /** How a target is given, for the case that there is none. */
  readonly again: string
}

/** Rehearses a move without changing anything. Throws `Refused`, and `Failure` without a target. `tell` is as in `readMoveReadiness`. */
export async function rehearseMove(
  { registry, toolUses }: { readonly registry: Registry; readonly toolUses: Pick<ToolUses, 'page'> },
  { account: name, to, since = 0, again }: WantedRehearsal,
  tell?: (text: string) => void,
): Promise<Rehearsal> {
  const { planned } = await known(registry, name)
  const target = to ?? (planned && scopeOf(planned.to))
  if (target === undefined)
    throw new Failure(`No move of ${name} is planned. Say where it would move: ${again}`)
  const readiness = await readMoveReadiness(registry, name, target, tell)
  const { connection: from } = readiness.account
  const left = scopeOf(from)
  const standing = new Map(readiness.users.map(user => [user.username, user]))
  const groups = new Map<string, Group>()
  let recordedSince: Instant | undefined

  for await (const uses of eachUse(toolUses, { account: name }))
    for (const use of uses) {
      recordedSince = Math.min(recordedSince ?? use.firstAt, use.firstAt)
      const user = standing.get(use.username)
      // Users who are switched off are refused already.
      if (use.scope !== left || use.lastAt < since || user === undefined || user.standing === 'off') continue
      addTo(groups, use, user)
    }
  return { readiness, from, recordedSince, refused: [...groups.values()].map(refusedIn).toSorted(byRequests) }
}

interface Group {
  readonly user: AffectedUser
  readonly tool: string | undefined
  readonly path: string
  readonly passwords: Set<string>
  readonly networks: Set<string>
  requests: number
  firstAt: Instant
  lastAt: Instant
}

function addTo(groups: Map<string, Group>, use: ToolUse, user: AffectedUser): void {
  const { username, tool, path, network, requests, firstAt, lastAt } = use
  const key = `${username}\n${tool ?? ''}\n${path}`
  let group = groups.get(key)
  if (group === undefined) {
    group = { user, tool, path, passwords: new Set(), networks: new Set(), requests: 0, firstAt, lastAt }
    groups.set(key, group)
  }
  group.passwords.add(passwordText(use))
  group.networks.add(network)
  group.requests += requests
  group.firstAt = Math.min(group.firstAt, firstAt)
  group.lastAt = Math.max(group.lastAt, lastAt)
}

function refusedIn({ user, tool, path, passwords, networks, requests, firstAt, lastAt }: Group): RefusedUse {
  return {
    user: user.username,
    tool,
    path,
    passwords: [...passwords].toSorted(),
    networks: [...networks].toSorted(),
    requests,
    firstAt,
    lastAt,
    outcome: user.nameThere ? 'refused' : 'reset-needed',
    linked: user.linked,
    toDo: toDo(user),
  }
}

function byRequests(one: RefusedUse, other: RefusedUse): number {
  return other.requests - one.requests || other.lastAt - one.lastAt
}

function toDo({ username, there }: AffectedUser): string {
  if (there === undefined) return 'set a password on the page, and give it to this tool'
  if (there.username === username) return 'give this tool the new password'
  return `give this tool the user name ${there.username} and its password`
}

export function countsOf(refused: readonly RefusedUse[]): {
  readonly requests: number
  readonly users: number
} {
  const requests = refused.reduce((sum, each) => sum + each.requests, 0)
  return { requests, users: new Set(refused.map(({ user }) => user)).size }
}

/** `most`: so many uses at most; all are counted. */
export function rehearsalJson(
  { readiness: { account, to }, from, recordedSince, refused }: Rehearsal,
  most = Infinity,
): object {
  return {
    account: account.name,
    from,
    to,
    recordedSince: recordedSince === undefined ? null : isoTime(recordedSince),
    ...countsOf(refused),
    uses: refused.slice(0, most).map(({ firstAt, lastAt, networks, passwords, ...rest }) => ({
      ...rest,
      password: passwords,
      from: networks,
      firstSeen: isoTime(firstAt),
      lastSeen: isoTime(lastAt),
    })),
  }
}
