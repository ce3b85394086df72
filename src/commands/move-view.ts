import { writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import { scopeOf } from '../gateway/account.ts'
import type { AccountName, Scope } from '../gateway/names.ts'
import type { Settings } from '../settings/schema.ts'
import { connectionText } from './account-text.ts'
import { Failure } from './failure.ts'
import { examples } from './help.ts'
import type { Traveller } from './move-plan.ts'
import { lookOver, type Sight } from './move-sight.ts'
import { countsText, csvOf, headings, letter, lineOf } from './move-text.ts'
import { reasonOf } from './reason.ts'
import { note, say, sayJson, sayTable } from './say.ts'
import type { Toolbox } from './tools.ts'
import { accountName, day, scope as readScope } from './words.ts'

interface Options {
  readonly account: AccountName
  readonly to: Scope
  readonly all?: true
  readonly csv?: string
  readonly json?: true
  readonly letter?: string
}

const about = `
breaks   has used the account and has no credential where it moves to
ready    has one there: of the same person (linked: they have signed in to both
         on the page), or of the same name, which is a guess
unknown  has a credential of today's scope, but was never seen on this account
off      is switched off already

Uses are written down within a minute. Nothing is changed.`

/** `altgate move plan`. */
export function addPlan(move: Command, toolbox: Toolbox): void {
  move
    .command('plan')
    .description('who uses an account, and who of them could go on after a move')
    .requiredOption('--account <NAME>', 'the account', accountName)
    .requiredOption('--to <DIRECTORY>', 'where it would move: the id of a directory, or msa', readScope)
    .option('--all', 'show those too who were never seen here')
    .option('--csv <FILE>', 'write everybody as CSV; - is standard output')
    .option(
      '--json',
      'an object: account, from, to, people (username, standing, lastUsed, there (username, by), linked)',
    )
    .option('--letter <DATE>', 'a text to send to them; the day of the move, such as 2027-01-31', day)
    .addHelpText('after', about)
    .addHelpText(
      'after',
      examples(
        `move plan --account fabrikam --to ${sample}`,
        `move plan --account fabrikam --to ${sample} --csv people.csv`,
        `move plan --account fabrikam --to ${sample} --letter 2027-01-31 > letter.txt`,
      ),
    )
    .action((options: Options) =>
      toolbox.use(async ({ registry }, settings) => {
        const sight = await lookOver(registry, options.account, options.to)
        show(sight, options, settings)
      }),
    )
}

const sample = '72f988bf-86f1-41af-91ab-2d7cd011db47'

function show(sight: Sight, options: Options, settings: Settings): void {
  const { account, to, travellers } = sight
  if (options.letter !== undefined)
    return void process.stdout.write(letter(account, to, options.letter, settings))
  if (options.json) return sayJson(planJson(sight))
  if (options.csv !== undefined) return writeCsv(options.csv, travellers)

  sayTable(headings, shown(travellers, options.all ?? false).map(lineOf))
  const { name, connection } = account
  note(`${name} from ${connectionText(connection)} to ${connectionText(to)}: ${countsText(travellers)}.`)
  for (const warning of warnings(sight)) note(warning)
}

function shown(travellers: readonly Traveller[], all: boolean): readonly Traveller[] {
  return all ? travellers : travellers.filter(({ standing }) => standing === 'breaks' || standing === 'ready')
}

/** What else stands in the way of a move. */
export function warnings({ account: { name }, to, membersThere }: Sight): readonly string[] {
  if (membersThere === undefined) return []
  const scope = scopeOf(to)
  const list = membersThere === 0 ? 'nobody is' : `${membersThere} are`
  return [
    `${name} lets in its members only, and ${list} listed there. Add them first: altgate account members ${name} --scope ${scope} --add USER...`,
  ]
}

function planJson({ account, to, travellers }: Sight): object {
  return {
    account: account.name,
    from: account.connection,
    to,
    people: travellers.map(({ lastUsed, ...rest }) => ({
      ...rest,
      ...(lastUsed && { lastUsed: { at: new Date(lastUsed.at).toISOString(), from: lastUsed.from } }),
    })),
  }
}

function writeCsv(file: string, travellers: readonly Traveller[]): void {
  if (file === '-') return void process.stdout.write(csvOf(travellers))
  try {
    // Names and addresses of people.
    writeFileSync(file, csvOf(travellers), { mode: 0o600 })
  } catch (error) {
    throw new Failure(`The file ${file} cannot be written: ${reasonOf(error)}.`)
  }
  say(`${travellers.length} people were written to ${file}: ${countsText(travellers)}.`)
}
