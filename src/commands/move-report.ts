import { writeFileSync } from 'node:fs'
import type { AffectedUser } from '../administration/move-readiness.ts'
import { countsText } from '../administration/moves.ts'
import { Failure, reasonOf } from '../common/failure.ts'
import { type Connection, describe } from '../gateway/account.ts'
import type { AccountRecord } from '../gateway/registry.ts'
import type { Settings } from '../settings/schema.ts'
import { addressOf, resetPageOf } from './arguments.ts'
import { csvOf as csv } from '../administration/csv.ts'
import { moment, say, sayTable } from './say.ts'

/** Without `all`: those who were seen on the account. */
export function shownUsers(users: readonly AffectedUser[], all: boolean): readonly AffectedUser[] {
  return all ? users : users.filter(({ standing }) => standing === 'breaks' || standing === 'ready')
}

export function sayUsers(users: readonly AffectedUser[]): void {
  sayTable(headings, users.map(lineOf), { shorten: ['THERE', 'LAST USED HERE'] })
}

/** The first of those who are not ready; the rest is counted. */
export function sayBreaking(users: readonly AffectedUser[], most: number): void {
  sayUsers(users.slice(0, most))
  if (users.length > most) say(`and ${users.length - most} more; --all shows them`)
}

export function writeCsv(file: string, users: readonly AffectedUser[]): void {
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
  return csv(columns, rows, '\n')
}

/** The letter to the users of the account. `day`: when it moves, as it is printed. `planned`: they can prepare on the page. */
export function letter(
  { name }: Pick<AccountRecord, 'name'>,
  to: Connection,
  day: string,
  settings: Settings,
  planned: boolean,
): string {
  return `Subject: ${name} will sign in with ${describe(to)} from ${day}

On ${day} the account ${name} moves. From then on it signs in with
${describe(to)}.

Git and other tools that use ${addressOf(name, settings)}
with a user name and a password of their own (alternate credentials) then need
new ones. With the old ones they get the message "reset needed".

Do this ${planned ? 'before' : 'on'} that day, once for each person and each build agent:

  1. Open this page:
     ${resetPageOf(name, settings)}
  2. ${planned ? 'Choose "Prepare for the move", and sign' : 'Sign'} in with ${signInText(to)}.
  3. Set a password, or let the page generate one.
  4. Enter it when your tools ${planned ? 'ask for it, from that day on' : 'next ask for it'}.

If you already have alternate credentials there, you don't need to set new ones:
use those. You don't need to change your credentials for other accounts.
`
}

function signInText(to: Connection): string {
  return to.kind === 'msa' ? 'your personal Microsoft account' : `your account in "${to.directoryName}"`
}
