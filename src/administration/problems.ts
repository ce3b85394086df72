import { Failure, reasonOf } from '../common/failure.ts'
import { describe } from '../gateway/account.ts'
import { unreachable } from '../gateway/decision.ts'
import { type AccountName, type DirectoryId, msaScope, type Scope } from '../gateway/names.ts'
import { InDoubt, Outage } from '../gateway/outage.ts'
import { type AccountRecord, mostPasswords, type Problem, type Registry } from '../gateway/registry.ts'

/** The registry refuses a change: nothing was changed. */
export class Refused extends Failure {
  readonly problem: Problem

  constructor(problem: Problem) {
    super(sentenceOf(problem))
    this.name = 'Refused'
    this.problem = problem
  }
}

/** A part is down, and therefore nothing was changed. */
export class NotMade extends Failure {
  readonly outage: Outage

  constructor(outage: Outage, so = 'Nothing was changed.') {
    super(`${outageSentence(outage)} ${so}`)
    this.name = 'NotMade'
    this.outage = outage
  }
}

/** Waits for a change. Throws `Refused` or `NotMade` if it could not be made, and `InDoubt`. */
export async function insist(change: Promise<Problem | undefined>): Promise<void> {
  const problem = await change.catch(notMade)
  if (problem !== undefined) throw new Refused(problem)
}

/** Rethrows an error of a change, an outage as `NotMade`. */
export function notMade(error: unknown): never {
  if (error instanceof InDoubt || !(error instanceof Outage)) throw error
  throw new NotMade(error)
}

/** The second half of an act: if it cannot be made, `so` says what was done before. */
export async function inPart<T>(so: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw error instanceof NotMade ? new NotMade(error.outage, so) : error
  }
}

/** The account of that name. Throws `Refused` if there is none. */
export async function known(registry: Pick<Registry, 'account'>, name: AccountName): Promise<AccountRecord> {
  const record = await registry.account(name)
  if (record === undefined) throw new Refused({ problem: 'no-such-account', name })
  return record
}

/** Throws `Refused` if the scope is the id of an unknown directory: most likely, it is mistyped. */
export async function insistOnScope(registry: Pick<Registry, 'directories'>, scope: Scope): Promise<void> {
  if (scope === msaScope) return
  const directoryId = scope as string as DirectoryId // a scope that is not `msa`
  const directories = await registry.directories()
  if (directories.every(({ id }) => id !== directoryId))
    throw new Refused({ problem: 'no-such-directory', directoryId })
}

/** What is in the way, and what helps: a command, or what `helps` names for others than operators. */
export function sentenceOf(problem: Problem, helps = commandFor): string {
  const next = helps(problem)
  return next === undefined ? factOf(problem) : `${factOf(problem)} ${next}`
}

/** What is in the way. */
export function factOf(problem: Problem): string {
  switch (problem.problem) {
    case 'no-such-directory':
      return `There is no directory ${problem.directoryId}.`
    case 'directory-exists':
      return `The directory ${problem.directoryId} already exists.`
    case 'directory-in-use':
      return `Accounts are connected to the directory ${problem.directoryId}, or planned to move there: ${problem.accounts.slice(0, 10).join(', ')}${problem.accounts.length > 10 ? ', …' : ''}. Nothing was changed.`
    case 'no-such-account':
      return `There is no account ${problem.name}.`
    case 'account-exists':
      return `The account ${problem.name} already exists.`
    case 'already-connected':
      return `${problem.name} already signs in with ${describe(problem.connection)}. Nothing was changed.`
    case 'nothing-to-undo':
      return `${problem.name} has no move to undo: it never moved, or its last move has already been undone.`
    case 'planned-already':
      return `${problem.name} is already planned to move to ${describe(problem.to)} on ${problem.on} (UTC). Nothing was changed.`
    case 'no-planned-move':
      return `No move of ${problem.name} is planned. Nothing was changed.`
    case 'no-members':
      return `${problem.name} has no list of members: it is open to every user of its scope. Nothing was changed.`
    case 'no-such-member':
      return `${problem.username} is not a member of ${problem.name}. Nothing was changed.`
    case 'no-such-credential':
      return `There is no user name ${problem.username} in scope ${problem.scope}.`
    case 'no-such-password':
      return `The credential ${problem.username} in scope ${problem.scope} has no such password. Nothing was changed.`
    case 'too-many-passwords':
      return `The credential ${problem.username} in scope ${problem.scope} has ${mostPasswords} passwords, and cannot have more. Nothing was changed.`
    case 'password-name-taken':
      return `There is a password called ${problem.name} already. Nothing was changed.`
    case 'username-taken':
      return `The user name ${problem.username} is already taken in scope ${problem.scope}. Nothing was changed.`
    case 'blocked':
      return `An operator has switched off the credential of ${problem.username} in scope ${problem.scope}. Nothing was changed.`
    case 'off-by-owner':
      return `The user of ${problem.username} in scope ${problem.scope} has switched the credential off on the page, and can switch it on there. Nothing was changed.`
    case 'not-linked':
      return `This user has no such link from scope ${problem.scope}. Nothing was changed.`
    case 'no-such-person':
      return `There is no user name ${problem.username} in any scope. Nothing was changed. Users who do not exist yet can be blocked by their e-mail address.`
    case 'no-such-token':
      return `There is no token called ${problem.name}. Nothing was changed.`
    case 'token-name-taken':
      return `There is a token called ${problem.name} already. Nothing was changed.`
    case 'unclaimed':
      return `The credential ${problem.username} in scope ${problem.scope} has no owner yet. Nothing was changed. A user who knows its password can claim it.`
    default:
      return unreachable(problem)
  }
}

function commandFor(problem: Problem): string | undefined {
  switch (problem.problem) {
    case 'no-such-directory':
      return `Add it first: altgate directory add ${problem.directoryId} --name TEXT`
    case 'directory-exists':
      return 'List all directories: altgate directory list'
    case 'directory-in-use':
      return 'Connect them to another directory, cancel their moves, or remove them first: altgate account remove NAME'
    case 'no-such-account':
      return 'List all accounts: altgate account list'
    case 'account-exists':
    case 'already-connected':
      return `Show it: altgate account show ${problem.name}`
    case 'nothing-to-undo':
      return `Show its history: altgate account show ${problem.name}`
    case 'planned-already':
      return `Show the plan: altgate move plan ${problem.name}`
    case 'no-planned-move':
      return `Plan one: altgate move plan ${problem.name} --to DIRECTORY --on DATE`
    case 'no-such-member':
      return `List the members: altgate account members ${problem.name}`
    case 'no-such-credential':
      return `List all credentials there: altgate credential list --scope ${problem.scope}`
    case 'no-such-password':
      return `List its passwords: altgate credential password list --scope ${problem.scope} --user ${problem.username}`
    case 'too-many-passwords':
      return `Revoke one: altgate credential password revoke --scope ${problem.scope} --user ${problem.username} --name NAME`
    case 'password-name-taken':
      return 'Choose another name, or give --replace.'
    case 'username-taken':
      return `Choose another one, or find its owner: altgate credential list --scope ${problem.scope}`
    case 'blocked':
      return `Only an operator can switch it on: altgate credential enable --scope ${problem.scope} --user ${problem.username}`
    case 'off-by-owner':
      return 'To switch it on all the same, add --override.'
    case 'not-linked':
      return `Show the links: altgate credential show --scope ${problem.scope} --user NAME`
    case 'no-such-token':
      return 'List all tokens: altgate token list'
    case 'token-name-taken':
      return `Choose another name, or revoke it first: altgate token revoke ${problem.name}`
    case 'no-members':
    case 'no-such-person':
    case 'unclaimed':
      return undefined
    default:
      return unreachable(problem)
  }
}

/** Which part is unavailable, and why. */
export function outageSentence(outage: Outage): string {
  return `${parts[outage.part]}: ${reasonOf(outage)}.`
}

/** What is known about a change, and what to do. `check`: how to find out whether it is made. */
export function doubtSentence(
  doubt: InDoubt,
  check = 'Check with altgate credential list or altgate account show, then try again.',
): string {
  if (doubt.made === 'perhaps')
    return `${outageSentence(doubt)} The change may or may not be in force. ${check}`
  const lastBy = doubt.lastBy === undefined ? 'soon' : `by ${new Date(doubt.lastBy).toISOString()}`
  const silent = doubt.silent.length === 0 ? '' : ` Not confirmed: gateways on ${doubt.silent.join(', ')}.`
  return `The change is made, but not every gateway has confirmed it. ${outageSentence(doubt)}${silent} A gateway that has not received it stops serving ${lastBy}.`
}

const parts: Readonly<Record<Outage['part'], string>> = {
  store: 'The store is unavailable',
  redis: 'Redis is unavailable, and running gateways could not be notified',
  hashing: 'Passwords cannot be hashed',
  upstream: 'The upstream is unavailable',
  accounts: 'What the account signs in with could not be determined',
  provider: 'The identity provider is unavailable',
  gateway: 'The gateway is unavailable',
  audit: 'The audit log cannot be written',
}
