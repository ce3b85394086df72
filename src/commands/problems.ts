import { describe } from '../gateway/connection.ts'
import { unreachable } from '../gateway/decision.ts'
import type { Problem } from '../gateway/registry.ts'
import { Failure } from './failure.ts'

/** Ends the command if a change could not be made. */
export function insist(problem: Problem | undefined): void {
  if (problem !== undefined) throw new Failure(sentenceOf(problem))
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
    case 'no-such-credential':
      return `Nobody has the user name ${problem.username} in scope ${problem.scope}. See them all: altgate credential list --scope ${problem.scope}`
    case 'username-taken':
      return `The user name ${problem.username} belongs to somebody else in scope ${problem.scope}, so nothing was changed. Choose another one, or see whose it is: altgate credential list --scope ${problem.scope}`
    default:
      return unreachable(problem)
  }
}
