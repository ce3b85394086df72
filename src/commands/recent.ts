import { type Command, Option } from 'commander'
import { keptOutcomes } from '../administration/given.ts'
import { refusalJson } from '../administration/views.ts'
import type { AccountName, Instant, Username } from '../gateway/names.ts'
import type { Refusal } from '../gateway/ports.ts'
import { accountName, anyName, pastInstant } from './arguments.ts'
import { examples } from './help.ts'
import { moment, say, sayJson, sayTable } from './say.ts'
import type { Toolbox } from './tools.ts'

interface Options {
  readonly outcome?: string
  readonly account?: AccountName
  readonly user?: Username
  readonly since?: Instant
  readonly json?: true
}

/** Refusals that are shown: the newest ones. */
const most = 50

/** `altgate recent`: the last refusals. */
export function addRecentCommand(program: Command, toolbox: Toolbox): void {
  program
    .command('recent')
    .description(`list the last refusals and failures, at most ${most}, newest last`)
    .addOption(new Option('--outcome <O>', 'of this outcome only').choices(keptOutcomes))
    .option('--account <NAME>', 'on this account only', accountName)
    .option('--user <NAME>', 'of this user only, by either name; unknown names are not kept', anyName)
    .option('--since <TIME>', 'only since then: 2h, 3d, 2027-01-31 or 2027-01-31T08:00:00Z', pastInstant)
    .option(
      '--json',
      'print a JSON array of objects: reference, at, outcome, cause, account, scope, user, passwordName, from, tool, method, kind',
    )
    .addHelpText(
      'after',
      examples('recent', 'recent --user anna@example.com --since 2h', 'recent --outcome refused --json'),
    )
    .action(({ json, ...filter }: Options) =>
      toolbox.use(async ({ store }) => {
        const all = await store.refusals.list({ ...filter, most })
        if (json) return sayJson(all.map(refusalJson))
        if (all.length === 0) return say('No refusals were found.')
        sayTable(headings, all.map(refusalCells), { shorten: ['TOOL', 'FROM'] })
      }),
    )
}

const headings = ['AT', 'REFERENCE', 'OUTCOME', 'CAUSE', 'ACCOUNT', 'USER', 'FROM', 'TOOL']

function refusalCells({
  at,
  reference,
  outcome,
  cause,
  account,
  user,
  from,
  tool,
}: Refusal): readonly string[] {
  return [moment(at), reference, outcome, cause ?? '-', account ?? '-', user ?? '-', from, tool ?? '-']
}
