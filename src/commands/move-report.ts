import { writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import { Failure, reasonOf } from '../common/failure.ts'
import { type Connection, describe, scopeOf } from '../gateway/account.ts'
import type { AccountName, Scope } from '../gateway/names.ts'
import type { AccountRecord } from '../gateway/registry.ts'
import type { Settings } from '../settings/schema.ts'
import { connectionText } from './account.ts'
import { accountName, addressOf, day, scope as readScope, resetPageOf } from './arguments.ts'
import { examples } from './help.ts'
import { countStandings, readMoveReadiness, type MoveReadiness, type AffectedUser } from './move-readiness.ts'
import { moment, note, say, sayJson, sayTable } from './say.ts'
import type { Toolbox } from './tools.ts'

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
        const readiness = await readMoveReadiness(registry, options.account, options.to)
        show(readiness, options, settings)
      }),
    )
}

const sample = '72f988bf-86f1-41af-91ab-2d7cd011db47'

function show(readiness: MoveReadiness, options: Options, settings: Settings): void {
  const { account, to, travellers } = readiness
  if (options.letter !== undefined)
    return void process.stdout.write(letter(account, to, options.letter, settings))
  if (options.json) return sayJson(planJson(readiness))
  if (options.csv !== undefined) return writeCsv(options.csv, travellers)

  sayTable(headings, shown(travellers, options.all ?? false).map(lineOf))
  const { name, connection } = account
  note(`${name} from ${connectionText(connection)} to ${connectionText(to)}: ${countsText(travellers)}.`)
  for (const warning of warnings(readiness)) note(warning)
}

function shown(travellers: readonly AffectedUser[], all: boolean): readonly AffectedUser[] {
  return all ? travellers : travellers.filter(({ standing }) => standing === 'breaks' || standing === 'ready')
}

/** What else stands in the way of a move. */
export function warnings({ account: { name }, to, membersThere }: MoveReadiness): readonly string[] {
  if (membersThere === undefined) return []
  const scope = scopeOf(to)
  const list = membersThere === 0 ? 'nobody is' : `${membersThere} are`
  return [
    `${name} lets in its members only, and ${list} listed there. Add them first: altgate account members ${name} --scope ${scope} --add USER...`,
  ]
}

function planJson({ account, to, travellers }: MoveReadiness): object {
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

function writeCsv(file: string, travellers: readonly AffectedUser[]): void {
  if (file === '-') return void process.stdout.write(csvOf(travellers))
  try {
    // Names and addresses of people.
    writeFileSync(file, csvOf(travellers), { mode: 0o600 })
  } catch (error) {
    throw new Failure(`The file ${file} cannot be written: ${reasonOf(error)}.`)
  }
  say(`${travellers.length} people were written to ${file}: ${countsText(travellers)}.`)
}

/** `2 people break, 1 is ready, ...`, the ones that matter first. */
export function countsText(travellers: readonly AffectedUser[]): string {
  const { breaks, ready, unknown, off } = countStandings(travellers)
  return [
    `${breaks} will break`,
    `${ready} ready`,
    `${unknown} unknown`,
    ...(off > 0 ? [`${off} switched off`] : []),
  ].join(', ')
}

const headings = ['USER', 'STANDING', 'LAST USED HERE', 'THERE'] as const

/** A line of the table. */
function lineOf(user: AffectedUser): readonly string[] {
  const { username, standing, lastUsed } = user
  const used = lastUsed === undefined ? '-' : `${moment(lastUsed.at)} from ${lastUsed.from}`
  return [username, standing, used, thereText(user)]
}

function thereText({ there, linked }: AffectedUser): string {
  if (there !== undefined) return `${there.username} (${there.by === 'link' ? 'linked' : 'same name'})`
  return linked ? 'linked, nothing set' : '-'
}

/** The plan for spreadsheets (RFC 4180, with plain line feeds), everybody in it. */
function csvOf(travellers: readonly AffectedUser[]): string {
  const rows = travellers.map(({ username, standing, lastUsed, there, linked }) => [
    username,
    standing,
    lastUsed === undefined ? '' : new Date(lastUsed.at).toISOString(),
    lastUsed?.from ?? '',
    there?.username ?? '',
    there?.by ?? '',
    linked ? 'yes' : 'no',
  ])
  const columns = ['user', 'standing', 'last_used_at', 'last_used_from', 'user_there', 'matched_by', 'linked']
  return [columns, ...rows].map(row => `${row.map(field).join(',')}\n`).join('')
}

/** Spreadsheets run what begins like a formula, and anybody may be called so. */
function field(text: string): string {
  const plain = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\n\r]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain
}

/** A text to send to whoever uses the account. `day`: when it moves, as it is to be read. */
function letter(account: AccountRecord, to: Connection, day: string, settings: Settings): string {
  const { name } = account
  return `Subject: ${name} will sign in with ${describe(to)} from ${day}

On ${day} the account ${name} moves: from then on it signs in with
${describe(to)}.

Git and other tools that open ${addressOf(name, settings)}
with a user name and a password of their own (alternate credentials) then need
a new set. With the old one they will be told "reset needed".

What to do on that day, once for each person and each build agent:

  1. Open this page:
     ${resetPageOf(name, settings)}
  2. Sign in with ${signInText(to)}.
  3. Set a password, or let the page make one.
  4. Give it to your tools the next time they ask.

If you have alternate credentials there already, you need not set them again:
give those to your tools. Your credentials for other accounts stay as they are.
`
}

function signInText(to: Connection): string {
  return to.kind === 'msa' ? 'your personal Microsoft account' : `your account in "${to.directoryName}"`
}
