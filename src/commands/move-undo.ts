import type { Command } from 'commander'
import { scopeOf } from '../gateway/account.ts'
import type { AccountName } from '../gateway/names.ts'
import type { AccountRecord, CredentialRecord } from '../gateway/registry.ts'
import { connectionText } from './account-text.ts'
import { insistOnYes, isConfirmed } from './confirm.ts'
import { Failure } from './failure.ts'
import { examples } from './help.ts'
import { insist, known, sentenceOf } from './problems.ts'
import { moment, note, say } from './say.ts'
import { actor, type Toolbox, type Tools } from './tools.ts'
import { accountName } from './words.ts'

interface Options {
  readonly account: AccountName
  readonly yes?: true
}

const about = `
Connects the account to what it was connected to before its last move; a move
that was undone is not done again. Nobody loses a credential: the old ones count
again, and those that were set meanwhile stay for the directory they were set
for. Names who set one.`

/** `altgate move undo`. */
export function addUndo(move: Command, toolbox: Toolbox): void {
  move
    .command('undo')
    .description('take the last move of an account back, in every running gateway at once')
    .requiredOption('--account <NAME>', 'the account', accountName)
    .option('--yes', 'do not ask')
    .addHelpText('after', about)
    .addHelpText('after', examples('move undo --account fabrikam', 'move undo --account fabrikam --yes'))
    .action((options: Options, command: Command) => {
      insistOnYes(options, command)
      return toolbox.use(({ registry }) => undo(registry, options))
    })
}

async function undo(registry: Tools['registry'], { account: name, yes }: Options): Promise<void> {
  const account = await known(registry, name)
  const [before, last] = account.history.slice(-2)
  if (before === undefined || last === undefined || last.undo)
    throw new Failure(sentenceOf({ problem: 'nothing-to-undo', name }))
  const meanwhile = await setSince(registry, account, last.since)

  if (!yes) {
    tellMeanwhile(meanwhile, note)
    const question = `Take ${name} back from ${connectionText(last.connection)} to ${connectionText(before.connection)}?`
    if (!(await isConfirmed(question))) throw new Failure('Nothing was changed.')
  }
  await insist(registry.undoMove(actor(), name))
  say(`${name} signs in with ${connectionText(before.connection)} again, in every running gateway.`)
  tellMeanwhile(meanwhile, say)
}

/** Those who set a credential where the account is now, after it came. */
async function setSince(
  registry: Tools['registry'],
  { connection }: AccountRecord,
  since: number,
): Promise<readonly CredentialRecord[]> {
  const all = await registry.credentials(scopeOf(connection))
  return all.filter(({ setAt }) => setAt >= since)
}

function tellMeanwhile(credentials: readonly CredentialRecord[], tell: (line: string) => void): void {
  if (credentials.length === 0) return tell('Nobody has set a credential there since the move.')
  tell('Set there since the move; on this account the old ones count again:')
  for (const { username, setAt } of credentials) tell(`  ${username}, ${moment(setAt)}`)
}
