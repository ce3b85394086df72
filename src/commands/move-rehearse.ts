import type { Command } from 'commander'
import { Failure } from '../common/failure.ts'
import { type Connection, scopeOf } from '../gateway/account.ts'
import type { AccountName, Instant, Scope, Username } from '../gateway/names.ts'
import type { ToolUse } from '../gateway/tool-uses.ts'
import { connectionText } from '../administration/accounts.ts'
import { pastInstant, resetPageOf, scope as readScope } from './arguments.ts'
import { known } from './failure.ts'
import { examples } from './help.ts'
import { noteOff, passwordText } from './inventory.ts'
import { type AffectedUser, readMoveReadiness } from '../administration/move-readiness.ts'
import { warnings } from '../administration/moves.ts'
import { moment, note, say, sayJson, sayTable, showStatus } from './say.ts'
import { isoTime } from '../administration/times.ts'
import type { Toolbox } from './tools.ts'
import { accountGiven, takeAccount } from './which-account.ts'

interface Options {
  readonly account?: AccountName
  readonly to?: Scope
  readonly since?: Instant
  readonly all?: true
  readonly json?: true
}

const about = `
Shows the requests that were allowed lately and would be refused after the move,
because the passwords of the present scope do not count in the target scope. Each
line is one tool of one user, for one repository or kind of path. Nothing is
changed, and nothing is sent anywhere.

reset-needed  the answer says that the account has moved, and where to reset
refused       a credential of that name is there, so the present password is
              taken for a wrong one of it

REQUESTS counts since the tool was first seen. Uses are recorded within a minute,
and kept for "toolUses.keepDays" after the last.`

const sample = '72f988bf-86f1-41af-91ab-2d7cd011db47'

/** `altgate move rehearse`. */
export function addRehearse(move: Command, toolbox: Toolbox): void {
  takeAccount(move.command('rehearse'))
    .description('show which requests of the last days a move would have refused')
    .option('--to <DIRECTORY>', 'the target: the id of a directory, or msa; left out: as planned', readScope)
    .option('--since <TIME>', 'seen since then: 2h, 3d, 2027-01-31 or 2027-01-31T08:00:00Z', pastInstant)
    .option('--all', `show all lines, not only the first ${mostLines}`)
    .option(
      '--json',
      'print a JSON object: account, from, to, recordedSince, requests, users, uses (user, tool, path, password, from, requests, firstSeen, lastSeen, outcome, linked, toDo)',
    )
    .addHelpText('after', about)
    .addHelpText(
      'after',
      examples('move rehearse fabrikam', `move rehearse fabrikam --to ${sample} --since 7d`),
    )
    .action((word: AccountName | undefined, options: Options, command: Command) => {
      const name = accountGiven(word, options, command)
      return toolbox.use(async ({ registry, store }, settings) => {
        const { planned } = await known(registry, name)
        const target = options.to ?? (planned && scopeOf(planned.to))
        if (target === undefined)
          throw new Failure(
            `No move of ${name} is planned. Say where it would move: altgate move rehearse ${name} --to DIRECTORY`,
          )
        const readiness = await readMoveReadiness(registry, name, target, showStatus)
        const { account, to, users } = readiness
        const all = await store.toolUses.list({ account: name })
        const left = scopeOf(account.connection)
        const uses = all.filter(use => use.scope === left && use.lastAt >= (options.since ?? 0))
        const refused = rehearse(uses, users)
        const recordedSince = all.length === 0 ? undefined : Math.min(...all.map(({ firstAt }) => firstAt))
        if (options.json)
          return sayJson(asJson({ name, from: account.connection, to, recordedSince, refused }))
        sayRefused(refused, options.all ?? false)
        note(summary(name, to, refused, recordedSince))
        if (refused.length > 0) note(`Users set passwords for it here: ${resetPageOf(name, settings)}`)
        for (const warning of warnings(readiness)) note(warning)
        noteOff(settings)
      })
    })
}

/** One tool of one user, and what becomes of it. */
interface Refused {
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

/** The most frequent first. Users who are switched off are refused already. */
export function rehearse(uses: readonly ToolUse[], users: readonly AffectedUser[]): readonly Refused[] {
  const standing = new Map(users.map(user => [user.username, user]))
  const groups = Map.groupBy(uses, ({ username, tool, path }) => `${username}\n${tool ?? ''}\n${path}`)
  return [...groups.values()]
    .flatMap((its): readonly Refused[] => {
      const [first] = its
      const user = first && standing.get(first.username)
      if (user === undefined || user.standing === 'off') return []
      return [
        {
          user: user.username,
          tool: first?.tool,
          path: first?.path ?? '',
          passwords: [...new Set(its.map(passwordText))],
          networks: [...new Set(its.map(({ network }) => network))],
          requests: its.reduce((sum, { requests }) => sum + requests, 0),
          firstAt: Math.min(...its.map(({ firstAt }) => firstAt)),
          lastAt: Math.max(...its.map(({ lastAt }) => lastAt)),
          outcome: user.nameThere ? 'refused' : 'reset-needed',
          linked: user.linked,
          toDo: toDo(user),
        },
      ]
    })
    .toSorted((one, other) => other.requests - one.requests || other.lastAt - one.lastAt)
}

function toDo({ username, there }: AffectedUser): string {
  if (there === undefined) return 'set a password on the page, and give it to this tool'
  if (there.username === username) return 'give this tool the new password'
  return `give this tool the user name ${there.username} and its password`
}

const mostLines = 50

function sayRefused(refused: readonly Refused[], all: boolean): void {
  if (refused.length === 0) return say('No request that was recorded would have been refused.')
  const shown = all ? refused : refused.slice(0, mostLines)
  sayTable(
    ['USER', 'TOOL', 'FOR', 'REQUESTS', 'LAST', 'ANSWER', 'TO DO'],
    shown.map(({ user, tool, path, requests, lastAt, outcome, linked, toDo }) => [
      user,
      tool ?? '-',
      path,
      `${requests}`,
      moment(lastAt),
      outcome,
      linked ? `${toDo} (linked: a bridge gives time)` : toDo,
    ]),
  )
  if (refused.length > shown.length) say(`and ${refused.length - shown.length} more; --all shows them`)
}

function summary(
  name: AccountName,
  to: Connection,
  refused: readonly Refused[],
  recordedSince: Instant | undefined,
): string {
  if (recordedSince === undefined) return `No uses of ${name} are recorded yet.`
  const { requests, users } = countsOf(refused)
  return `${name} to ${connectionText(to)}: ${requests === 1 ? '1 request' : `${requests} requests`} of ${users === 1 ? '1 user' : `${users} users`} would have been refused. Recorded since ${moment(recordedSince)}.`
}

function countsOf(refused: readonly Refused[]): { readonly requests: number; readonly users: number } {
  const requests = refused.reduce((sum, each) => sum + each.requests, 0)
  return { requests, users: new Set(refused.map(({ user }) => user)).size }
}

function asJson({
  name,
  from,
  to,
  recordedSince,
  refused,
}: {
  readonly name: AccountName
  readonly from: Connection
  readonly to: Connection
  readonly recordedSince: Instant | undefined
  readonly refused: readonly Refused[]
}): object {
  return {
    account: name,
    from,
    to,
    recordedSince: recordedSince === undefined ? null : isoTime(recordedSince),
    ...countsOf(refused),
    uses: refused.map(({ firstAt, lastAt, networks, passwords, ...rest }) => ({
      ...rest,
      password: passwords,
      from: networks,
      firstSeen: isoTime(firstAt),
      lastSeen: isoTime(lastAt),
    })),
  }
}
