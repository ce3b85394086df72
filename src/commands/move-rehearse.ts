import type { Command } from 'commander'
import { warnings } from '../administration/moves.ts'
import { countsOf, type RefusedUse, rehearsalJson, rehearseMove } from '../administration/rehearsal.ts'
import type { Connection } from '../gateway/account.ts'
import type { AccountName, Instant, Scope } from '../gateway/names.ts'
import { connectionText } from '../administration/accounts.ts'
import { pastInstant, resetPageOf, scope as readScope } from './arguments.ts'
import { examples } from './help.ts'
import { noteOff } from './inventory.ts'
import { moment, note, say, sayJson, sayTable, showStatus } from './say.ts'
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
      return toolbox.use(async ({ registry, store: { toolUses } }, settings) => {
        const wanted = {
          account: name,
          to: options.to,
          since: options.since,
          again: `altgate move rehearse ${name} --to DIRECTORY`,
        }
        const rehearsal = await rehearseMove({ registry, toolUses }, wanted, showStatus)
        if (options.json) return sayJson(rehearsalJson(rehearsal))
        const { readiness, recordedSince, refused } = rehearsal
        sayRefused(refused, options.all ?? false)
        note(summary(name, readiness.to, refused, recordedSince))
        if (refused.length > 0) note(`Users set passwords for it here: ${resetPageOf(name, settings)}`)
        for (const warning of warnings(readiness)) note(warning)
        noteOff(settings)
      })
    })
}

const mostLines = 50

function sayRefused(refused: readonly RefusedUse[], all: boolean): void {
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
  refused: readonly RefusedUse[],
  recordedSince: Instant | undefined,
): string {
  if (recordedSince === undefined) return `No uses of ${name} are recorded yet.`
  const { requests, users } = countsOf(refused)
  return `${name} to ${connectionText(to)}: ${requests === 1 ? '1 request' : `${requests} requests`} of ${users === 1 ? '1 user' : `${users} users`} would have been refused. Recorded since ${moment(recordedSince)}.`
}
