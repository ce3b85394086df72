import { writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import { connectionText } from '../administration/accounts.ts'
import { type AffectedUser, type MoveReadiness, readMoveReadiness } from '../administration/move-readiness.ts'
import { countsText, warnings } from '../administration/moves.ts'
import { planJson } from '../administration/views.ts'
import { Failure, reasonOf } from '../common/failure.ts'
import { type Connection, describe } from '../gateway/account.ts'
import type { AccountName, Scope } from '../gateway/names.ts'
import type { AccountRecord } from '../gateway/registry.ts'
import type { Settings } from '../settings/schema.ts'
import { accountName, addressOf, day, scope as readScope, resetPageOf } from './arguments.ts'
import { examples } from './help.ts'
import { moment, note, say, sayJson, sayTable, showStatus } from './say.ts'
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
breaks   has used the account and has no credential in the target scope
ready    has one there: of the same person (linked: signed in to both on the
         page), or of the same name, which is a guess
unknown  has a credential of the current scope, but was never seen on the account
off      is already switched off

Uses are recorded within a minute. Nothing is changed.`

/** `altgate move plan`. */
export function addPlan(move: Command, toolbox: Toolbox): void {
  move
    .command('plan')
    .description('list who uses an account, and who could keep using it after a move')
    .requiredOption('--account <NAME>', 'the account', accountName)
    .requiredOption('--to <DIRECTORY>', 'the target of the move: the id of a directory, or msa', readScope)
    .option('--all', 'also show users who were never seen here')
    .option('--csv <FILE>', 'write all users as CSV; - is standard output')
    .option(
      '--json',
      'print a JSON object: account, from, to, people (username, standing, lastUsed, there (username, by), linked)',
    )
    .option(
      '--letter <DATE>',
      'print a letter to the users; DATE is the day of the move, such as 2027-01-31',
      day,
    )
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
        const readiness = await readMoveReadiness(registry, options.account, options.to, showStatus)
        show(readiness, options, settings)
      }),
    )
}

const sample = '72f988bf-86f1-41af-91ab-2d7cd011db47'

function show(readiness: MoveReadiness, options: Options, settings: Settings): void {
  const { account, to, users } = readiness
  if (options.letter !== undefined)
    return void process.stdout.write(letter(account, to, options.letter, settings))
  if (options.json) return sayJson(planJson(readiness))
  if (options.csv !== undefined) return writeCsv(options.csv, users)

  sayTable(headings, shown(users, options.all ?? false).map(lineOf))
  const { name, connection } = account
  note(`${name} from ${connectionText(connection)} to ${connectionText(to)}: ${countsText(users)}.`)
  for (const warning of warnings(readiness)) note(warning)
}

function shown(users: readonly AffectedUser[], all: boolean): readonly AffectedUser[] {
  return all ? users : users.filter(({ standing }) => standing === 'breaks' || standing === 'ready')
}

function writeCsv(file: string, users: readonly AffectedUser[]): void {
  if (file === '-') return void process.stdout.write(csvOf(users))
  try {
    // It holds names and addresses of users.
    writeFileSync(file, csvOf(users), { mode: 0o600 })
  } catch (error) {
    throw new Failure(`The file ${file} cannot be written: ${reasonOf(error)}.`)
  }
  say(`${users.length} users were written to ${file}: ${countsText(users)}.`)
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

/** The plan for spreadsheets (RFC 4180, with plain line feeds), with all users. */
function csvOf(users: readonly AffectedUser[]): string {
  const rows = users.map(({ username, standing, lastUsed, there, linked }) => [
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

/** Spreadsheets evaluate text that begins like a formula, and a user name may begin like one. */
function field(text: string): string {
  const plain = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\n\r]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain
}

/** The letter to the users of the account. `day`: when it moves, as it is printed. */
function letter(account: AccountRecord, to: Connection, day: string, settings: Settings): string {
  const { name } = account
  return `Subject: ${name} will sign in with ${describe(to)} from ${day}

On ${day} the account ${name} moves. From then on it signs in with
${describe(to)}.

Git and other tools that use ${addressOf(name, settings)}
with a user name and a password of their own (alternate credentials) then need
new ones. With the old ones they get the message "reset needed".

Do this on that day, once for each person and each build agent:

  1. Open this page:
     ${resetPageOf(name, settings)}
  2. Sign in with ${signInText(to)}.
  3. Set a password, or let the page generate one.
  4. Enter it when your tools next ask for it.

If you already have alternate credentials there, you don't need to set new ones:
use those. You don't need to change your credentials for other accounts.
`
}

function signInText(to: Connection): string {
  return to.kind === 'msa' ? 'your personal Microsoft account' : `your account in "${to.directoryName}"`
}
