import type { Command } from 'commander'
import type { AccountName, Instant } from '../gateway/names.ts'
import type { ToolUse } from '../gateway/tool-uses.ts'
import { csvOf } from '../administration/csv.ts'
import { ageIn, inventoryColumns, inventoryRow, passwordText, useJson } from '../administration/inventory.ts'
import { accountName, pastInstant } from './arguments.ts'
import { examples } from './help.ts'
import { moment, note, say, sayJson, sayTable } from './say.ts'
import { isoTime } from '../administration/times.ts'
import type { Toolbox } from './tools.ts'

interface Options {
  readonly account?: AccountName
  readonly since?: Instant
  readonly format?: 'table' | 'csv' | 'json'
  readonly json?: true
}

const about = `
Each line is one tool of one user, at one address (of IPv6, one network), with
one password, for one repository or kind of path. REQUESTS counts since FIRST.
A tool is the product in its user agent, which is the client's own word. Uses
are recorded within a minute, and kept for "toolUses.keepDays" after the last.`

/** `altgate inventory`, which the contract also has as `altgate move inventory`. */
export function addInventoryCommand(program: Command, toolbox: Toolbox): void {
  program
    .command('inventory')
    .description('list who uses which tool, from where, with a password of which age')
    .option('--account <NAME>', 'on this account only', accountName)
    .option('--since <TIME>', 'seen since then: 2h, 3d, 2027-01-31 or 2027-01-31T08:00:00Z', pastInstant)
    .addOption(
      program
        .createOption('--format <F>', 'how to print it')
        .choices(['table', 'csv', 'json'])
        .default('table'),
    )
    .option(
      '--json',
      'print a JSON array of objects: account, user, scope, tool, from, path, password (name, generated, setAt, ageDays), firstSeen, lastSeen, requests',
    )
    .addHelpText('after', about)
    .addHelpText(
      'after',
      examples(
        'inventory --account fabrikam',
        'inventory --format csv > inventory.csv',
        'inventory --since 7d --json',
      ),
    )
    .action(({ account, since, format, json }: Options) =>
      toolbox.use(async ({ store }, settings) => {
        const uses = await store.toolUses.list({ account, since })
        const now = Date.now()
        if (json || format === 'json') return sayJson(uses.map(use => useJson(use, now)))
        if (format === 'csv')
          return void process.stdout.write(
            csvOf(
              inventoryColumns,
              uses.map(use => inventoryRow(use, now)),
            ),
          )
        if (uses.length > 0)
          sayTable(
            headings,
            uses.map(use => line(use, now)),
            { shorten: ['FROM', 'FOR', 'TOOL'], about: 'USER' },
          )
        else say('No uses were found.')
        noteOff(settings)
      }),
    )
}

/** Says why there is nothing, or nothing new. */
export function noteOff({ toolUses }: { readonly toolUses: { readonly keepDays: number } }): void {
  if (toolUses.keepDays === 0) note('Uses of tools are not recorded: toolUses.keepDays is 0.')
}

const headings = ['ACCOUNT', 'USER', 'TOOL', 'FROM', 'FOR', 'PASSWORD', 'AGE', 'FIRST', 'LAST', 'REQUESTS']

function line(use: ToolUse, now: Instant): readonly string[] {
  const { account, username, tool, network, path, firstAt, lastAt, requests } = use
  const age = ageIn(use, now)
  return [
    account,
    username,
    tool ?? '-',
    network,
    path,
    passwordText(use),
    age === undefined ? '-' : `${age} d`,
    isoTime(firstAt).slice(0, 10),
    moment(lastAt),
    `${requests}`,
  ]
}
