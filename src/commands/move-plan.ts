import type { Command } from 'commander'
import { type Authorities, authorityFor } from '../common/authorities.ts'
import { Failure } from '../common/failure.ts'
import { describe, scopeOf } from '../gateway/account.ts'
import type { AccountName, Scope } from '../gateway/names.ts'
import type { AccountRecord, Registry } from '../gateway/registry.ts'
import type { Settings } from '../settings/schema.ts'
import { connectionText } from '../administration/accounts.ts'
import { comingDay, day, resetPageOf, scope as readScope } from './arguments.ts'
import { insist, known, sentenceOf } from './failure.ts'
import { examples } from './help.ts'
import {
  type AffectedUser,
  isPrepared,
  type MoveReadiness,
  readMoveReadiness,
} from '../administration/move-readiness.ts'
import { letter, sayBreaking, shownUsers, sayUsers, writeCsv } from './move-report.ts'
import { countsText, planMove, warnings } from '../administration/moves.ts'
import { planJson } from '../administration/views.ts'
import { moment, note, say, sayChange, sayJson, sayTable, showStatus } from './say.ts'
import { isoTime } from '../administration/times.ts'
import { actor, type Toolbox } from './tools.ts'
import { accountGiven, takeAccount } from './which-account.ts'

interface Options {
  readonly account?: AccountName
  readonly to?: Scope
  readonly on?: string
  readonly cancel?: true
  readonly all?: true
  readonly csv?: string
  readonly json?: true
  readonly letter?: string
}

const about = `
With --on, the move is known ahead and kept in the store: the page of the account
lets users prepare credentials for the target, and each push in git says once a
day and user that the account moves on that day, until the user is ready. DATE is
a day in UTC. Give --on again to change the day, --to with it to change the
target. Nothing moves by itself: run "altgate move apply" on the day.

Without --on nothing is changed. Without --to, it shows the move that is planned
and who is ready, day by day; with --to, it only asks what a move there would do:

breaks   has used the account and has no credential in the target scope
ready    has one there: of the same person (linked: signed in to both on the
         page), or of the same name, which is a guess
unknown  has a credential of the current scope, but was never seen on the account
off      is already switched off

Uses are recorded within a minute.`

const sample = '72f988bf-86f1-41af-91ab-2d7cd011db47'

/** `altgate move plan`. */
export function addPlan(move: Command, toolbox: Toolbox): void {
  takeAccount(move.command('plan'))
    .description('plan a move ahead, and show who is ready for it')
    .option('--to <DIRECTORY>', 'the target of the move: the id of a directory, or msa', readScope)
    .option('--on <DATE>', 'the day (UTC) on which you will move it, such as 2027-01-31', comingDay)
    .option('--cancel', 'cancel the planned move')
    .option('--all', 'show all users, also those who were never seen here')
    .option('--csv <FILE>', 'write all users as CSV; - is standard output')
    .option(
      '--json',
      'print a JSON object: account, from, to, planned (on, since, by, daysLeft), days (day, ready, total, users), missing (count, users), people (username, standing, lastUsed, there (username, by, since), linked)',
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
        `move plan fabrikam --to ${sample} --on 2027-01-31`,
        'move plan fabrikam',
        'move plan fabrikam --on 2027-02-07',
        'move cancel fabrikam',
        `move plan fabrikam --to ${sample} --csv people.csv`,
        `move plan fabrikam --to ${sample} --letter 2027-01-31 > letter.txt`,
      ),
    )
    .action((word: AccountName | undefined, options: Options, command: Command) => {
      const name = accountGiven(word, options, command)
      if (options.cancel && (options.on ?? options.to) !== undefined)
        command.error('error: --cancel goes with neither --on nor --to.', { exitCode: 2 })
      return toolbox.use(async ({ registry }, settings) => {
        if (options.cancel) return await cancel(registry, name, options.json)
        if (options.on !== undefined) await plan(registry, name, options.on, options.to, settings)
        await show(registry, name, options, settings)
      })
    })
}

/** `altgate move cancel`. */
export function addCancel(move: Command, toolbox: Toolbox): void {
  takeAccount(move.command('cancel'))
    .description('cancel the planned move of an account; what users have prepared stays')
    .option('--json', 'print a JSON object: result (cancelled), account')
    .addHelpText('after', examples('move cancel fabrikam'))
    .action((word: AccountName | undefined, options: Options, command: Command) => {
      const name = accountGiven(word, options, command)
      return toolbox.use(({ registry }) => cancel(registry, name, options.json))
    })
}

async function cancel(registry: Registry, name: AccountName, json?: true): Promise<void> {
  const { planned } = await known(registry, name)
  await insist(registry.cancelMove(actor(), name))
  const where = planned && ` to ${connectionText(planned.to)} on ${planned.on} (UTC)`
  sayChange(json, `The move of ${name}${where ?? ''} is cancelled. What users have prepared there stays.`, {
    result: 'cancelled',
    account: name,
  })
}

async function plan(
  registry: Registry,
  name: AccountName,
  on: string,
  to: Scope | undefined,
  settings: Settings,
): Promise<void> {
  const { planned, before } = await planMove(registry, actor(), { account: name, to, on })
  if (planned === undefined) return // cancelled by another command since
  const was = before === undefined ? '' : ` instead of ${before.on}`
  note(`${name} is planned to move to ${connectionText(planned.to)} on ${on} (UTC)${was}.`)
  note(`Users can prepare here: ${resetPageOf(name, settings)}`)
  const authority = authorityFor(planned.to, settings.signIn satisfies Authorities, [])
  if ('setting' in authority)
    note(`They cannot sign in for ${describe(planned.to)} yet: set ${authority.setting} in the settings.`)
}

async function show(
  registry: Registry,
  name: AccountName,
  options: Options,
  settings: Settings,
): Promise<void> {
  const { planned } = await known(registry, name)
  const target = options.to ?? (planned && scopeOf(planned.to))
  if (target === undefined) throw new Failure(sentenceOf({ problem: 'no-planned-move', name }))
  const readiness = await readMoveReadiness(registry, name, target, showStatus)
  const { account, to, users } = readiness
  const isPlanned = planned !== undefined && scopeOf(planned.to) === target
  if (options.letter !== undefined)
    return void process.stdout.write(letter(account, to, options.letter, settings, isPlanned))
  if (options.csv !== undefined) return writeCsv(options.csv, users)
  if (options.json)
    return sayJson({ ...planJson(readiness), ...(isPlanned && preparationJson(planned, users)) })
  if (isPlanned) sayPlan(readiness, planned, options.all ?? false)
  else sayUsers(shownUsers(users, options.all ?? false))
  note(`${name} from ${connectionText(account.connection)} to ${connectionText(to)}: ${countsText(users)}.`)
  for (const warning of warnings(readiness)) note(warning)
}

type Planned = NonNullable<AccountRecord['planned']>

function sayPlan({ account: { name }, to, users }: MoveReadiness, planned: Planned, all: boolean): void {
  const { on, since, actor: by } = planned
  say(`${name} moves to ${connectionText(to)} on ${on} (UTC), ${inDays(daysUntil(on))}.`)
  say(`Planned on ${moment(since)}, last changed by ${by}. On the day: altgate move apply ${name}`)
  say('')
  const days = readyByDay(users, since)
  if (days.length > 0) {
    sayTable(
      ['READY SINCE', 'USERS', 'TOTAL', 'WHO'],
      days.map(({ day, ready, total, users: names }) => [
        day === 'before' ? 'before the plan' : day,
        `${ready}`,
        `${total}`,
        listed(names, all ? names.length : mostNames) || '-',
      ]),
    )
    say('')
  }
  const missing = users.filter(({ standing }) => standing === 'breaks')
  if (missing.length === 0) return say('Every user who was seen here is ready.')
  say(`Not ready: ${missing.length}`)
  sayBreaking(missing, all ? missing.length : mostMissing)
}

/** User names that are shown for one day, and users who are not ready. */
const mostNames = 5
const mostMissing = 20

function listed(names: readonly string[], most: number): string {
  const more = names.length - most
  return names.slice(0, most).join(', ') + (more > 0 ? ` and ${more} more` : '')
}

interface Day {
  /** In UTC; `before`: before the move was planned. */
  readonly day: string
  readonly users: readonly string[]
  readonly ready: number
  /** Until the end of that day. */
  readonly total: number
}

/** By the day on which their credential in the target scope was last set. */
function readyByDay(users: readonly AffectedUser[], since: number): readonly Day[] {
  const first = dateOf(since)
  const byDay = Map.groupBy(users.filter(isPrepared), ({ there }) => {
    const set = dateOf(there?.since ?? 0)
    return set < first ? 'before' : set
  })
  const order = (each: string) => (each === 'before' ? '' : each)
  let total = 0
  return [...byDay]
    .toSorted(([one], [other]) => (order(one) < order(other) ? -1 : 1))
    .map(([day, its]) => {
      total += its.length
      return { day, users: its.map(({ username }) => username), ready: its.length, total }
    })
}

function preparationJson({ on, since, actor: by }: Planned, users: readonly AffectedUser[]): object {
  const missing = users.filter(({ standing }) => standing === 'breaks').map(({ username }) => username)
  return {
    planned: { on, since: isoTime(since), by, daysLeft: daysUntil(on) },
    days: readyByDay(users, since),
    missing: { count: missing.length, users: missing },
  }
}

function dateOf(instant: number): string {
  return new Date(instant).toISOString().slice(0, 10)
}

const dayMs = 24 * 60 * 60 * 1000

/** Whole days from today, in UTC; negative if it has passed. */
export function daysUntil(on: string): number {
  return (Date.parse(on) - Date.parse(dateOf(Date.now()))) / dayMs
}

/** `in 3 days`, `today`, `2 days ago`. */
export function inDays(days: number): string {
  if (days === 0) return 'today'
  const count = Math.abs(days) === 1 ? '1 day' : `${Math.abs(days)} days`
  return days > 0 ? `in ${count}` : `${count} ago`
}
