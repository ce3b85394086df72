import { type Connection, describe } from '../gateway/account.ts'
import type { AccountRecord } from '../gateway/registry.ts'
import type { Settings } from '../settings/schema.ts'
import { countStandings, type Traveller } from './move-plan.ts'
import { addressOf, resetPageOf } from './route.ts'
import { moment } from './say.ts'

/** `2 people break, 1 is ready, ...`, the ones that matter first. */
export function countsText(travellers: readonly Traveller[]): string {
  const { breaks, ready, unknown, off } = countStandings(travellers)
  return [
    `${breaks} will break`,
    `${ready} ready`,
    `${unknown} unknown`,
    ...(off > 0 ? [`${off} switched off`] : []),
  ].join(', ')
}

export const headings = ['USER', 'STANDING', 'LAST USED HERE', 'THERE'] as const

/** A line of the table. */
export function lineOf(traveller: Traveller): readonly string[] {
  const { username, standing, lastUsed } = traveller
  const used = lastUsed === undefined ? '-' : `${moment(lastUsed.at)} from ${lastUsed.from}`
  return [username, standing, used, thereText(traveller)]
}

function thereText({ there, linked }: Traveller): string {
  if (there !== undefined) return `${there.username} (${there.by === 'link' ? 'linked' : 'same name'})`
  return linked ? 'linked, nothing set' : '-'
}

/** The plan for spreadsheets (RFC 4180, with plain line feeds), everybody in it. */
export function csvOf(travellers: readonly Traveller[]): string {
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
export function letter(account: AccountRecord, to: Connection, day: string, settings: Settings): string {
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
