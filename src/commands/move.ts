import type { Command } from 'commander'
import { msaScope, type AccountName, type DirectoryId, type Instant, type Scope } from '../gateway/names.ts'
import { connectionText } from './account-text.ts'
import { insistOnYes, isConfirmed } from './confirm.ts'
import { Failure } from './failure.ts'
import { examples } from './help.ts'
import { countStandings } from './move-plan.ts'
import { lookOver, type Sight } from './move-sight.ts'
import { countsText } from './move-text.ts'
import { addUndo } from './move-undo.ts'
import { addPlan, warnings } from './move-view.ts'
import { insist } from './problems.ts'
import { resetPageOf } from './route.ts'
import { moment, note, say } from './say.ts'
import { actor, type Toolbox, type Tools } from './tools.ts'
import { accountName, bridgeHours, scope as readScope } from './words.ts'

/** `altgate move ...`: an account's way to another directory, with a plan and a way back. */
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
Does what "account connect" does, and asks first; where nobody can be asked, it
wants --yes. With a bridge, people who have signed in to both directories on the
page, and said there that they are one person, may go on with their old
credentials until it closes by itself. Everybody else is told "reset needed".`

function addApply(move: Command, toolbox: Toolbox): void {
  move
    .command('apply')
    .description('move an account, in every running gateway at once')
    .requiredOption('--account <NAME>', 'the account', accountName)
    .requiredOption('--to <DIRECTORY>', 'where it moves: the id of a directory, or msa', readScope)
    .option('--bridge-hours <N>', 'let linked people go on with their old credentials: 1 to 72', bridgeHours)
    .option('--yes', 'do not ask')
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
        const sight = await lookOver(registry, options.account, options.to)
        for (const warning of warnings(sight)) note(warning)
        if (!options.yes) await ask(sight)
        const until = options.bridgeHours && Date.now() + options.bridgeHours * hour
        await insist(apply(registry, options, until))
        tell(sight, resetPageOf(options.account, settings), until)
      })
    })
}

const hour = 60 * 60 * 1000

async function ask({ account, to, travellers }: Sight): Promise<void> {
  note(`Of those who may use ${account.name}: ${countsText(travellers)}.`)
  if (await isConfirmed(`Move ${account.name} to ${connectionText(to)}?`)) return
  throw new Failure('Nothing was changed.')
}

function apply(
  registry: Tools['registry'],
  { account, to }: Options,
  until: Instant | undefined,
): ReturnType<Tools['registry']['disconnect']> {
  if (to === msaScope) return registry.disconnect(actor(), account, until)
  // A scope that is not `msa` is the id of a directory.
  return registry.connect(actor(), account, to as string as DirectoryId, until)
}

function tell({ account, to, travellers }: Sight, page: string, until: Instant | undefined): void {
  const { name } = account
  const { breaks } = countStandings(travellers)
  say(`${name} now signs in with ${connectionText(to)}, in every running gateway.`)
  say(`Of those who used it, ${breaks} have nothing there yet. Alternate credentials are set here: ${page}`)
  if (until !== undefined)
    say(`Until ${moment(until)} people who are linked may go on with their old credentials.`)
  say(`To take it back: altgate move undo --account ${name}`)
}
