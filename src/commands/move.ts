import type { Command } from 'commander'
import { connectionText } from '../administration/accounts.ts'
import { countStandings, type MoveReadiness, readMoveReadiness } from '../administration/move-readiness.ts'
import { applyMove, countsText, lastMove, warnings } from '../administration/moves.ts'
import { accountJson } from '../administration/views.ts'
import { Failure } from '../common/failure.ts'
import { type PlannedMove, scopeOf } from '../gateway/account.ts'
import type { AccountName, Instant, Scope } from '../gateway/names.ts'
import type { CredentialRecord } from '../gateway/registry.ts'
import type { Settings } from '../settings/schema.ts'
import { bridgeHours, scope as readScope, resetPageOf } from './arguments.ts'
import { insistOnYes, isConfirmed } from './confirmation.ts'
import { insist, known } from './failure.ts'
import { examples } from './help.ts'
import { addInventoryCommand } from './inventory.ts'
import { addCancel, addPlan, daysUntil, inDays } from './move-plan.ts'
import { addRehearse } from './move-rehearse.ts'
import { moment, note, say, sayJson, showStatus } from './say.ts'
import { actor, type Toolbox, type Tools } from './tools.ts'
import { accountGiven, takeAccount } from './which-account.ts'

/** `altgate move ...`: moves an account to another directory, with a plan and an undo. */
export function addMoveCommands(program: Command, toolbox: Toolbox): void {
  const move = program
    .command('move')
    .description('move an account to another directory: plan it, do it, undo it')
    .addHelpText('after', examples(`move plan fabrikam --to ${sample} --on 2027-01-31`))
  addPlan(move, toolbox)
  addCancel(move, toolbox)
  addRehearse(move, toolbox)
  addInventoryCommand(move, toolbox)
  addApply(move, toolbox)
  addUndo(move, toolbox)
}

const sample = '72f988bf-86f1-41af-91ab-2d7cd011db47'

interface Options {
  readonly account?: AccountName
  readonly to?: Scope
  readonly bridgeHours?: number
  readonly yes?: true
  readonly json?: true
}

const about = `
Does what "account connect" does, but asks for confirmation first; without a
terminal it requires --yes. With a bridge, users who have signed in to both
directories on the page, and confirmed there that they are the same person, can
keep using their old credentials until the bridge ends. All other users get
"reset needed". A planned move does not happen by itself: this makes it, earlier
or later than planned if you like, and ends the plan.`

function addApply(move: Command, toolbox: Toolbox): void {
  takeAccount(move.command('apply'))
    .description('move an account, in every running gateway at once')
    .option('--to <DIRECTORY>', 'the target: the id of a directory, or msa; left out: as planned', readScope)
    .option(
      '--bridge-hours <N>',
      'let linked users keep using their old credentials for 1 to 72 hours',
      bridgeHours,
    )
    .option('--yes', 'do not ask for confirmation')
    .option('--json', 'print a JSON object: result (moved), and those of `account show --json`')
    .addHelpText('after', about)
    .addHelpText(
      'after',
      examples(
        'move apply fabrikam',
        `move apply fabrikam --to ${sample}`,
        `move apply fabrikam --to ${sample} --bridge-hours 24 --yes`,
      ),
    )
    .action((word: AccountName | undefined, options: Options, command: Command) => {
      const name = accountGiven(word, options, command)
      insistOnYes(options, command)
      return toolbox.use(async ({ registry }, settings) => {
        const { planned } = await known(registry, name)
        const to = options.to ?? (planned && scopeOf(planned.to))
        if (to === undefined)
          throw new Failure(
            `No move of ${name} is planned. Say where it moves: altgate move apply ${name} --to DIRECTORY`,
          )
        const readiness = await readMoveReadiness(registry, name, to, showStatus)
        for (const warning of warnings(readiness)) note(warning)
        if (planned !== undefined) note(planText(name, planned, to))
        if (!options.yes) await ask(readiness)
        const { bridgeHours } = options
        const until = await applyMove(registry, actor(), { account: name, to, bridgeHours })
        if (options.json) return await sayMoved('moved', registry, name, settings)
        tell(readiness, resetPageOf(name, settings), until)
        if (planned !== undefined) say(`The plan for ${planned.on} has ended with this move.`)
      })
    })
}

/** What the plan has to say about a move that is made now. */
function planText(name: AccountName, { to, on }: PlannedMove, target: Scope): string {
  const days = daysUntil(on)
  const plan = `${name} is planned to move to ${connectionText(to)} on ${on} (UTC), ${inDays(days)}`
  if (scopeOf(to) !== target) return `${plan}. This move goes elsewhere, and ends that plan.`
  return days > 0 ? `${plan}: this is earlier than its users were told.` : `${plan}.`
}

async function ask({ account, to, users }: MoveReadiness): Promise<void> {
  note(`Users of ${account.name}: ${countsText(users)}.`)
  if (await isConfirmed(`Move ${account.name} to ${connectionText(to)}?`)) return
  throw new Failure('Nothing was changed.')
}

function tell({ account, to, users }: MoveReadiness, page: string, until: Instant | undefined): void {
  const { name } = account
  const { breaks } = countStandings(users)
  say(`${name} now signs in with ${connectionText(to)}, in every running gateway.`)
  say(`Users of it without a credential there: ${breaks}. They can set one here: ${page}`)
  if (until !== undefined) say(`Until ${moment(until)}, linked users can keep using their old credentials.`)
  say(`To undo the move: altgate move undo --account ${name}`)
}

/** For programs, the account as it is now. */
async function sayMoved(
  result: 'moved' | 'undone',
  registry: Tools['registry'],
  name: AccountName,
  settings: Settings,
): Promise<void> {
  sayJson({ result, ...accountJson(await known(registry, name), settings) })
}

interface UndoOptions {
  readonly account?: AccountName
  readonly yes?: true
  readonly json?: true
}

const aboutUndo = `
Connects the account to what it was connected to before its last move. Undoing
twice does not redo the move. No credential is lost: the old ones count again,
and those set in the meantime stay valid for the directory they were set for.
A plan that the move had ended does not come back. Lists the users who set one.`

/** `altgate move undo`. */
function addUndo(move: Command, toolbox: Toolbox): void {
  takeAccount(move.command('undo'))
    .description('undo the last move of an account, in every running gateway at once')
    .option('--yes', 'do not ask for confirmation')
    .option('--json', 'print a JSON object: result (undone), and those of `account show --json`')
    .addHelpText('after', aboutUndo)
    .addHelpText('after', examples('move undo fabrikam', 'move undo fabrikam --yes'))
    .action((word: AccountName | undefined, options: UndoOptions, command: Command) => {
      const name = accountGiven(word, options, command)
      insistOnYes(options, command)
      return toolbox.use(({ registry }, settings) => undo(registry, name, options, settings))
    })
}

async function undo(
  registry: Tools['registry'],
  name: AccountName,
  { yes, json }: UndoOptions,
  settings: Settings,
): Promise<void> {
  const { before, last, meanwhile } = await lastMove(registry, name)
  if (!yes) {
    tellMeanwhile(meanwhile, note)
    const question = `Move ${name} back from ${connectionText(last.connection)} to ${connectionText(before.connection)}?`
    if (!(await isConfirmed(question))) throw new Failure('Nothing was changed.')
  }
  await insist(registry.undoMove(actor(), name))
  if (json) return await sayMoved('undone', registry, name, settings)
  say(`${name} signs in with ${connectionText(before.connection)} again, in every running gateway.`)
  tellMeanwhile(meanwhile, say)
}

function tellMeanwhile(credentials: readonly CredentialRecord[], tell: (line: string) => void): void {
  if (credentials.length === 0) return tell('No credentials have been set there since the move.')
  tell('Credentials set there since the move; on this account the old ones count again:')
  for (const { username, setAt } of credentials) tell(`  ${username}, ${moment(setAt)}`)
}
