import type { Command } from 'commander'
import { changeJson } from '../administration/views.ts'
import type { Change } from '../gateway/history.ts'
import type { AccountName, Instant, Username } from '../gateway/names.ts'
import { accountName, anyName, pastInstant } from './arguments.ts'
import { examples } from './help.ts'
import { moment, note, say, sayJson, sayTable } from './say.ts'
import type { Toolbox } from './tools.ts'

interface Options {
  readonly account?: AccountName
  readonly user?: Username
  readonly since?: Instant
  readonly json?: true
}

/** The most changes that are shown: the newest ones. */
const most = 1000

/** `altgate history`: who changed what, and when. */
export function addHistoryCommand(program: Command, toolbox: Toolbox): void {
  program
    .command('history')
    .description('list the changes of the last 7 days, newest last: who made which change, and when')
    .option('--account <NAME>', 'changes of this account only', accountName)
    .option('--user <NAME>', 'changes of credentials with this user name only', anyName)
    .option(
      '--since <TIME>',
      'only changes since then: 2h, 3d, 2027-01-31 or 2027-01-31T08:00:00Z',
      pastInstant,
    )
    .option(
      '--json',
      'print a JSON array of objects: revision, at, actor, action, account (or accounts), scope, users',
    )
    .addHelpText(
      'after',
      `
The newest ${most} are shown. Each change is in the audit log as well, where it is kept for as long as you keep that.`,
    )
    .addHelpText(
      'after',
      examples('history', 'history --user anna@example.com --since 2h', 'history --account fabrikam --json'),
    )
    .action(({ json, ...filter }: Options) =>
      toolbox.use(async ({ store }) => {
        const found = await store.changes.list({ ...filter, most: most + 1 })
        const all = found.slice(-most)
        if (json) return sayJson(all.map(changeJson))
        if (all.length === 0) return say('No changes were found. Changes are kept for 7 days.')
        sayTable(headings, all.map(changeCells), { shorten: ['NAMES', 'SCOPE', 'BY'] })
        if (found.length > most)
          note(`There are more; these are the newest ${most}. Narrow it down: --since, --account, --user.`)
      }),
    )
}

const headings = ['AT', 'BY', 'CHANGE', 'ACCOUNT', 'SCOPE', 'NAMES']

/** User names that are shown of one change: an import can have half a million. */
const mostNames = 3

function changeCells({ at, actor, action, account, accounts, scope, usernames }: Change): readonly string[] {
  const users = listed(usernames) || '-'
  return [moment(at), actor, action, account ?? (listed(accounts ?? []) || '-'), scope ?? '-', users]
}

function listed(names: readonly string[]): string {
  const more = names.length - mostNames
  return names.slice(0, mostNames).join(', ') + (more > 0 ? ` and ${more} more` : '')
}
