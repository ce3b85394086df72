import type { FastifyRequest } from 'fastify'
import { addressOf } from '../gateway/account.ts'
import { readPassword } from '../gateway/credential.ts'
import { foldUsername, type Username } from '../gateway/names.ts'
import type { Problem } from '../gateway/registry.ts'
import type { Secret } from '../gateway/secret.ts'
import { passwordAdvice, passwordFlaw, passwordSentences } from '../passwords/rules.ts'
import { secondaryFault } from '../passwords/usernames.ts'
import { type Change, ownCredential, readChange, show, showMade, tell } from './changes.ts'
import type { Desk } from './context.ts'
import type { Fields } from './guard.ts'
import { isPage, type Page } from './html.ts'
import { type Faults, saved } from './pages/set-password.ts'
import { busy, nameTaken } from './pages/trouble.ts'

/** `POST /credential`: makes the person's credential of the scope, or gives it a new password. */
export async function setPassword(desk: Desk, request: FastifyRequest): Promise<Page> {
  const change = await readChange(desk, request)
  if (isPage(change)) return change
  const { scope, owner } = change.identity
  // A double click sends two: the second must see what the first has done.
  return await desk.turns.take(`${scope} ${owner}`, () => setInTurn(desk, change))
}

async function setInTurn(desk: Desk, change: Change): Promise<Page> {
  const before = await ownCredential(desk, change)
  if (change.fields.get('seen') !== String(before?.setAt ?? 0)) return await alreadyDone(desk, change)

  const read = await readForm(desk, change)
  if ('faults' in read) return await show(desk, change, read)
  const { password, secondary } = read

  const hash = await desk.hasher.hash(password)
  if (hash === 'busy') return busy(change.account.name)
  const { identity, username, actor } = change
  const { scope, owner } = identity
  const credential = { username, hash, owner, ...(secondary && { secondary }) }
  const problem = await desk.registry.setCredential(actor, scope, credential)
  if (problem !== undefined) return await refused(desk, change, problem)
  tell(desk, change, username, 'set')
  return await showMade(sayso(desk, change, read))
}

/** The back button, a reload, another tab: the form was made for a state that is no more. */
async function alreadyDone(desk: Desk, change: Change): Promise<Page> {
  const note =
    'Nothing was changed this time: this form had been sent already, or something was changed in another tab. Here is how it is now.'
  return { ...(await show(desk, change, { note })), status: 409 }
}

interface Wish {
  readonly password: Secret
  /** Whether it was made here. */
  readonly made: boolean
  readonly secondary?: Username
}

async function readForm(
  desk: Desk,
  { fields, username }: Change,
): Promise<Wish | { readonly faults: Faults; readonly secondary: string }> {
  const typed = fields.get('secondary') ?? ''
  const secondary = typed === '' ? undefined : foldUsername(typed)
  const fault = typed === '' ? undefined : secondaryFault(typed)
  const names = [username, ...(secondary ? [secondary] : [])]
  const chosen = fields.get('how') === 'choose' ? readPassword(fields.get('password') ?? '') : undefined
  const faults: Faults = {
    ...(fault && { secondary: `${fault.charAt(0).toUpperCase()}${fault.slice(1)}.` }),
    ...(chosen ? await faultsOf(chosen, fields, names, desk) : undecided(fields)),
  }
  // What is no user name is not shown again at any length.
  if (Object.keys(faults).length > 0) return { faults, secondary: typed.slice(0, 64).toWellFormed() }
  return {
    password: chosen ?? desk.generated.make(),
    made: chosen === undefined,
    ...(secondary && { secondary }),
  }
}

function undecided(fields: Fields): Faults {
  return fields.get('how') === 'generate' ? {} : { how: 'Choose where the password comes from.' }
}

async function faultsOf(
  password: Secret,
  fields: Fields,
  names: readonly Username[],
  { generated }: Desk,
): Promise<Faults> {
  if (password.isEmpty) return { password: 'Type a password.' }
  const flaw = await passwordFlaw(password, names, generated)
  if (flaw !== undefined) return { password: passwordSentences[flaw] }
  const same = fields.get('again') === fields.get('password')
  return same ? {} : { again: 'The two passwords differ. Type the same one twice.' }
}

async function refused(desk: Desk, change: Change, problem: Problem): Promise<Page> {
  if (problem.problem !== 'username-taken' && problem.problem !== 'unclaimed') {
    throw new Error(`a credential cannot be set: ${problem.problem}`)
  }
  if (problem.username !== change.username) {
    const faults = { secondary: 'Somebody else has this user name. Choose another one.' }
    return await show(desk, change, { faults, secondary: problem.username })
  }
  if (problem.problem === 'username-taken') {
    await desk.contests.signedIn(change.identity) // the other one has set it since
    return nameTaken(change.place, change.username)
  }
  return await show(desk, change, {
    note: 'Nothing was changed: your operator has made credentials of your name.',
  })
}

/** It holds everywhere by now: the registry has promised that. */
async function sayso(desk: Desk, change: Change, { password, made }: Wish): Promise<Page> {
  const credential = await ownCredential(desk, change)
  if (credential === undefined) throw new Error('a credential was set and is not there')
  const { account, place, session } = change
  return saved({
    csrf: session.csrf,
    account: account.name,
    place,
    credential,
    url: new URL(addressOf(account.name, desk.publicUrl, desk.naming)),
    made: made ? password : undefined,
    advice: made ? [] : passwordAdvice(password),
  })
}
