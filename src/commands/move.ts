import type { Command } from 'commander'
import { connectionText } from '../administration/accounts.ts'
import { countStandings, type MoveReadiness, readMoveReadiness } from '../administration/move-readiness.ts'
import { applyMove, countsText, lastMove, warnings } from '../administration/moves.ts'
import { Failure } from '../common/failure.ts'
import type { AccountName, Instant, Scope } from '../gateway/names.ts'
import type { CredentialRecord } from '../gateway/registry.ts'
import { accountName, bridgeHours, scope as readScope, resetPageOf } from './arguments.ts'
import { insistOnYes, isConfirmed } from './confirmation.ts'
import { insist } from './failure.ts'
import { examples } from './help.ts'
import { addPlan } from './move-report.ts'
import { moment, note, say, showStatus } from './say.ts'
import { actor, type Toolbox, type Tools } from './tools.ts'

/** `altgate move ...`: moves an account to another directory, with a plan and an undo. */
export function addMoveCommands(program: Command, toolbox: Toolbox): void {
  const move = program
    .command('move')
    .description('move an account to another directory: plan it, do it, undo it')
    .addHelpText('after', examples(`move plan --account fabrikam --to ${sample}`))
  addPlan(move, toolbox)
  addApply(move, toolbox)
  addUndo(move, toolbox)
}

const sample = '72f988bf-86f1-41af-91ab-2d7cd011db47'

interface Options {
  readonly account: AccountName
  readonly to: Scope
  readonly bridgeHours?: number
  readonly yes?: true
}

const about = `
Does what "account connect" does, but asks for confirmation first; without a
terminal it requires --yes. With a bridge, users who have signed in to both
directories on the page, and confirmed there that they are the same person, can
keep using their old credentials until the bridge ends. All other users get
"reset needed".`

function addApply(move: Command, toolbox: Toolbox): void {
  move
    .command('apply')
    .description('move an account, in every running gateway at once')
    .requiredOption('--account <NAME>', 'the account', accountName)
    .requiredOption('--to <DIRECTORY>', 'the target of the move: the id of a directory, or msa', readScope)
    .option(
      '--bridge-hours <N>',
      'let linked users keep using their old credentials for 1 to 72 hours',
      bridgeHours,
    )
    .option('--yes', 'do not ask for confirmation')
    .addHelpText('after', about)
    .addHelpText(
      'after',
      examples(
        `move apply --account fabrikam --to ${sample}`,
        `move apply --account fabrikam --to ${sample} --bridge-hours 24 --yes`,
      ),
    )
    .action((options: Options, command: Command) => {
      insistOnYes(options, command)
      return toolbox.use(async ({ registry }, settings) => {
        const readiness = await readMoveReadiness(registry, options.account, options.to, showStatus)
        for (const warning of warnings(readiness)) note(warning)
        if (!options.yes) await ask(readiness)
        const until = await applyMove(registry, actor(), options)
        tell(readiness, resetPageOf(options.account, settings), until)
      })
    })
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

interface UndoOptions {
  readonly account: AccountName
  readonly yes?: true
}

const aboutUndo = `
Connects the account to what it was connected to before its last move. Undoing
twice does not redo the move. No credential is lost: the old ones count again,
and those set in the meantime stay valid for the directory they were set for.
Lists the users who set one.`

/** `altgate move undo`. */
function addUndo(move: Command, toolbox: Toolbox): void {
  move
    .command('undo')
    .description('undo the last move of an account, in every running gateway at once')
    .requiredOption('--account <NAME>', 'the account', accountName)
    .option('--yes', 'do not ask for confirmation')
    .addHelpText('after', aboutUndo)
    .addHelpText('after', examples('move undo --account fabrikam', 'move undo --account fabrikam --yes'))
    .action((options: UndoOptions, command: Command) => {
      insistOnYes(options, command)
      return toolbox.use(({ registry }) => undo(registry, options))
    })
}

async function undo(registry: Tools['registry'], { account: name, yes }: UndoOptions): Promise<void> {
  const { before, last, meanwhile } = await lastMove(registry, name)
  if (!yes) {
    tellMeanwhile(meanwhile, note)
    const question = `Move ${name} back from ${connectionText(last.connection)} to ${connectionText(before.connection)}?`
    if (!(await isConfirmed(question))) throw new Failure('Nothing was changed.')
  }
  await insist(registry.undoMove(actor(), name))
  say(`${name} signs in with ${connectionText(before.connection)} again, in every running gateway.`)
  tellMeanwhile(meanwhile, say)
}

function tellMeanwhile(credentials: readonly CredentialRecord[], tell: (line: string) => void): void {
  if (credentials.length === 0) return tell('No credentials have been set there since the move.')
  tell('Credentials set there since the move; on this account the old ones count again:')
  for (const { username, setAt } of credentials) tell(`  ${username}, ${moment(setAt)}`)
}
