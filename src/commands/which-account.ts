import type { Command } from 'commander'
import type { AccountName } from '../gateway/names.ts'
import { accountName } from './arguments.ts'

/** Lets a command take its account as a word, or by `--account` as scripts have it. */
export function takeAccount(command: Command): Command {
  return command
    .argument('[ACCOUNT]', 'the account', accountName)
    .option('--account <NAME>', 'the same, for scripts', accountName)
}

/** The account that was given; ends the command with a usage error unless it is one. */
export function accountGiven(
  word: AccountName | undefined,
  { account = word }: { readonly account?: AccountName },
  command: Command,
): AccountName {
  if (account === undefined) return command.error("error: missing argument 'ACCOUNT'.", { exitCode: 2 })
  if (word === undefined || word === account) return account
  return command.error(`error: two accounts were given, ${word} and ${account}.`, { exitCode: 2 })
}
