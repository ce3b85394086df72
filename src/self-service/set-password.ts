import type { FastifyRequest } from 'fastify'
import { addressOf } from '../gateway/account.ts'
import { readPassword } from '../gateway/credential.ts'
import { foldUsername, type Username } from '../gateway/names.ts'
import { noPassword } from '../gateway/ports.ts'
import type { NewCredential } from '../gateway/registry.ts'
import type { Secret } from '../gateway/secret.ts'
import { flawText, improvable, passwordFlaw } from '../passwords/rules.ts'
import { secondaryFault } from '../passwords/usernames.ts'
import {
  alreadyDone,
  type Change,
  notify,
  ownCredential,
  readChange,
  refused,
  show,
  showResult,
} from './changes.ts'
import type { PageContext } from './context.ts'
import type { Fields } from './guard.ts'
import { isPage, type Page } from './html.ts'
import type { Messages } from './messages/en.ts'
import type { Faults } from './pages/fields.ts'
import { saved } from './pages/saved.ts'
import { busy } from './pages/trouble.ts'

/** `POST /credential`: creates the user's credential in the scope, or gives it a new password. */
export async function setPassword(context: PageContext, request: FastifyRequest): Promise<Page> {
  const change = await readChange(context, request)
  if (isPage(change)) return change
  const { scope, owner } = change.identity
  // A double click sends two forms: the second must see the result of the first.
  return await context.turns.take(`${scope} ${owner}`, () => setInTurn(context, change))
}

async function setInTurn(context: PageContext, change: Change): Promise<Page> {
  const before = await ownCredential(context, change)
  if (change.fields.get('seen') !== String(before?.setAt ?? 0)) return await alreadyDone(context, change)

  const read = await readForm(context, change)
  if ('faults' in read) return await show(context, change, read)
  const { password, secondary } = read

  const { generated } = read
  const hash = generated ? noPassword : await context.hasher.hash(password)
  if (hash === 'busy') return busy(change)
  const { identity, username, actor } = change
  const { scope, owner } = identity
  const credential = {
    username,
    hash,
    ...(generated && { generated }),
    owner,
    ...(secondary && { secondary }),
  }
  const problem = await context.registry.setCredential(actor, scope, credential)
  if (problem?.problem === 'username-taken' && problem.username !== username) {
    const faults = { secondary: ({ faults: say }: Messages) => say.secondaryTaken }
    return await show(context, change, { faults, secondary: problem.username })
  }
  if (problem !== undefined) return await refused(context, change, problem)
  notify(context, change, username, 'set')
  return await showResult(savedPage(context, change, read))
}

interface Requested {
  readonly password: Secret
  /** What the store keeps of it if it was generated. */
  readonly generated?: NewCredential['generated']
  readonly secondary?: Username
}

async function readForm(
  context: PageContext,
  change: Change,
): Promise<Requested | { readonly faults: Faults; readonly secondary: string }> {
  const { fields } = change
  const typed = fields.get('secondary') ?? ''
  const secondary = typed === '' ? undefined : foldUsername(typed)
  const isWrong = typed !== '' && secondaryFault(typed) !== undefined
  const chosen = fields.get('how') === 'choose' ? readPassword(fields.get('password') ?? '') : undefined
  const faults: Faults = {
    ...(isWrong && { secondary: ({ faults: say }: Messages) => say.secondary }),
    ...(chosen ? await faultsOf(chosen, secondary, change, context) : undecided(fields)),
  }
  // Cut, because an invalid user name can have any length.
  if (Object.keys(faults).length > 0) return { faults, secondary: typed.slice(0, 64).toWellFormed() }
  const rest = secondary ? { secondary } : {}
  if (chosen !== undefined) return { password: chosen, ...rest }
  const { password, ...generated } = context.generated.make()
  return { password, generated, ...rest }
}

function undecided(fields: Fields): Faults {
  return fields.get('how') === 'generate' ? {} : { how: ({ faults: say }) => say.how }
}

async function faultsOf(
  password: Secret,
  secondary: Username | undefined,
  { fields, username, account, scopeName }: Change,
  { generated, publicUrl }: PageContext,
): Promise<Faults> {
  if (password.isEmpty) return { password: ({ faults: say }) => say.empty }
  const usernames = secondary === undefined ? [username] : [username, secondary]
  const owner = { usernames, places: [account.name, scopeName.directory ?? 'Microsoft accounts'], publicUrl }
  const flaw = await passwordFlaw(password, owner, generated)
  if (flaw !== undefined) return { password: ({ flaws }) => flawText(flaw, flaws) }
  const same = fields.get('again') === fields.get('password')
  return same ? {} : { again: ({ faults: say }) => say.again }
}

/** The registry returns only when the new password is in force everywhere. */
async function savedPage(
  context: PageContext,
  change: Change,
  { password, generated }: Requested,
): Promise<Page> {
  const credential = await ownCredential(context, change)
  if (credential === undefined) throw new Error('a credential was set and is not there')
  const { account, scopeName, coming, session } = change
  return saved({
    csrf: session.csrf,
    account: account.name,
    scopeName,
    coming,
    credential,
    url: new URL(addressOf(account.name, context.publicUrl, context.naming)),
    made: generated ? password : undefined,
    advice: generated ? [] : improvable(password),
  })
}
