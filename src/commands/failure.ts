import { Failure, reasonOf } from '../common/failure.ts'
import { describe } from '../gateway/account.ts'
import { unreachable } from '../gateway/decision.ts'
import type { AccountName } from '../gateway/names.ts'
import { InDoubt, Outage } from '../gateway/outage.ts'
import type { AccountRecord, Problem, Registry } from '../gateway/registry.ts'
import type { Complaint } from '../settings/document.ts'

/** A file that somebody named cannot be written. Throws what is no error of the file system. */
export function unwritable(file: string, error: unknown): Failure {
  if (!(error instanceof Error && 'code' in error)) throw error
  return new Failure(`${file} cannot be written (${String(error.code)}), so nothing was done.`, {
    cause: error,
  })
}

/** The settings are refused: exit code 78 (EX_CONFIG of sysexits.h). */
export class SettingsRefused extends Error {
  readonly complaints: readonly Complaint[]

  constructor(complaints: readonly Complaint[]) {
    super('settings refused')
    this.complaints = complaints
  }
}

/** Ctrl-C at a prompt: exit code 130, as if the signal had done it. */
export class Interrupted extends Error {}

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

/** Which part is down, and why. */
export function outageSentence(outage: Outage): string {
  return `${parts[outage.part]}: ${reasonOf(outage)}.`
}

/** What is known of a change, and what to do. */
export function doubtSentence(doubt: InDoubt): string {
  if (doubt.made === 'perhaps')
    return `${outageSentence(doubt)} The change may or may not be in force: see how it is with altgate credential list or altgate account show, then try again.`
  const lastBy = doubt.lastBy === undefined ? 'soon' : `by ${new Date(doubt.lastBy).toISOString()}`
  const silent = doubt.silent.length === 0 ? '' : ` Not confirmed: gateways on ${doubt.silent.join(', ')}.`
  return `The change is made, but whether every gateway knows could not be seen. ${outageSentence(doubt)}${silent} Those that do not know will have stopped ${lastBy}.`
}

const parts: Readonly<Record<Outage['part'], string>> = {
  store: 'The store cannot be used',
  redis: 'Redis cannot be used, and running gateways could not be told',
  hashing: 'Passwords cannot be hashed',
  upstream: 'The upstream cannot be used',
  accounts: 'Nobody can say what the account signs in with',
  gateway: 'The gateway cannot be used',
  audit: 'The audit log',
}

/**
 * What any other error is. It is shown with its stack, and those of its causes, but not with its fields: errors of
 * libraries carry what was sent, passwords too.
 */
export function bugReport(error: unknown): string {
  const stacks: string[] = []
  for (let each = error; each instanceof Error; each = each.cause) stacks.push(each.stack ?? String(each))
  const told = stacks.length === 0 ? 'Something was thrown that is no error.' : stacks.join('\ncaused by ')
  return `this is a bug in Altgate. Report it where you found Altgate, with these lines (SECURITY.md, if it may be a vulnerability):\n${told}`
}
