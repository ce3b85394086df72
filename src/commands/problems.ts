import { describe } from '../gateway/account.ts'
import { unreachable } from '../gateway/decision.ts'
import type { AccountName } from '../gateway/names.ts'
import type { AccountRecord, Problem, Registry } from '../gateway/registry.ts'
import { InDoubt, Outage } from '../gateway/outage.ts'
import { Failure } from './failure.ts'
import { outageSentence } from './reason.ts'

/** Waits for a change, and ends the command if it could not be made: then nothing was changed. */
export async function insist(change: Promise<Problem | undefined>): Promise<void> {
  const problem = await change.catch(error => {
    if (error instanceof InDoubt) throw error
    throw error instanceof Outage ? new Failure(`${outageSentence(error)} Nothing was changed.`) : error
  })
  if (problem !== undefined) throw new Failure(sentenceOf(problem))
}

/** The account of that name; ends the command if there is none. */
export async function known(registry: Pick<Registry, 'account'>, name: AccountName): Promise<AccountRecord> {
  const record = await registry.account(name)
  if (record === undefined) throw new Failure(sentenceOf({ problem: 'no-such-account', name }))
  return record
}

/** What is in the way, and what to do next. */
export function sentenceOf(problem: Problem): string {
  switch (problem.problem) {
    case 'no-such-directory':
      return `There is no directory ${problem.directoryId}. Add it first: altgate directory add ${problem.directoryId} --name TEXT`
    case 'directory-exists':
      return `There is a directory ${problem.directoryId} already. See them all: altgate directory list`
    case 'no-such-account':
      return `There is no account ${problem.name}. See them all: altgate account list`
    case 'account-exists':
      return `There is an account ${problem.name} already. See it: altgate account show ${problem.name}`
    case 'already-connected':
      return `${problem.name} signs in with ${describe(problem.connection)} already, so nothing was changed. See it: altgate account show ${problem.name}`
    case 'nothing-to-undo':
      return `${problem.name} has no move that could be undone: it never moved, or its last move has been undone already. See its history: altgate account show ${problem.name}`
    case 'no-members':
      return `${problem.name} keeps no list of members: it lets in everybody of its scope, so nothing was changed.`
    case 'no-such-member':
      return `${problem.username} is no member of ${problem.name}, so nothing was changed. See who is: altgate account members ${problem.name}`
    case 'no-such-credential':
      return `Nobody has the user name ${problem.username} in scope ${problem.scope}. See them all: altgate credential list --scope ${problem.scope}`
    case 'username-taken':
      return `The user name ${problem.username} belongs to somebody else in scope ${problem.scope}, so nothing was changed. Choose another one, or see whose it is: altgate credential list --scope ${problem.scope}`
    case 'unclaimed':
      return `There is a credential ${problem.username} in scope ${problem.scope} that belongs to nobody yet, so nothing was changed. Whoever knows its password may claim it.`
    default:
      return unreachable(problem)
  }
}
