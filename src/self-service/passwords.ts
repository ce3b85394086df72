import type { FastifyRequest } from 'fastify'
import { addressOf } from '../gateway/account.ts'
import type { NewPassword, PasswordRecord } from '../gateway/registry.ts'
import type { Secret } from '../gateway/secret.ts'
import { endFault, endOf, passwordNameFlaw } from '../passwords/named.ts'
import type { SignedInUser } from './account-lookup.ts'
import {
  alreadyDone,
  type Change,
  doing,
  notify,
  noting,
  ownCredential,
  readChange,
  readOwnForm,
  refused,
  show,
  showResult,
} from './changes.ts'
import type { PageContext } from './context.ts'
import type { Fields } from './guard.ts'
import { isPage, type Page } from './html.ts'
import type { Faults } from './pages/fields.ts'
import { dayAt, isCurrent, type Wanted } from './pages/passwords.ts'
import type { Feedback } from './pages/profile.ts'
import { savedNamed } from './pages/saved.ts'
import { notUnderstood } from './pages/trouble.ts'

const hourMs = 60 * 60 * 1000
const dayMs = 24 * hourMs

/** `POST /password`: creates a generated password of the user's set, or replaces one. */
export async function addPassword(context: PageContext, request: FastifyRequest): Promise<Page> {
  const change = await readChange(context, request)
  if (isPage(change)) return change
  const { scope, owner } = change.identity
  // A double click sends two forms: the second must see the result of the first.
  return await context.turns.take(`${scope} ${owner}`, () => addInTurn(context, change))
}

async function addInTurn(context: PageContext, change: Change): Promise<Page> {
  const { all, state } = await context.accounts.passwordsOf(change)
  if (change.fields.get('seen') !== state) return await alreadyDone(context, change)

  const read = readForm(context, change, all)
  if (read === 'nonsense') return notUnderstood
  if (read === 'gone') return await show(context, change, noting('nothingToReplace'))
  if ('faults' in read) return await show(context, change, read)

  const { password, ...proof } = context.generated.make()
  const { identity, username, actor } = change
  const { scope, owner } = identity
  const problem = await context.registry.addPassword(actor, scope, { username, owner }, { ...proof, ...read })
  // In another process, since this one looked.
  if (problem?.problem === 'password-name-taken') return await alreadyDone(context, change)
  if (problem?.problem === 'too-many-passwords') return await show(context, change, noting('tooMany'))
  if (problem !== undefined) return await refused(context, change, problem)
  notify(context, change, username, read.replacing ? 'password-replaced' : 'password-added')
  return await showResult(savedPage(context, change, password, read))
}

/** `GET /?account=…&replace=…`: the form of the page replaces this password. */
export async function replacing(context: PageContext, user: SignedInUser, fields: Fields): Promise<Feedback> {
  const id = fields.get('replace')
  if (id === undefined) return {}
  const { all, now, lives } = await context.accounts.passwordsOf(user)
  const replaced = replaceable(all, id)
  if (replaced === undefined) return noting('replacedIsOver')
  const { name = '', readOnly } = replaced
  const lastDay = dayAt(now + lives.defaultLifeDays * dayMs)
  return { adding: { name, lastDay, readOnly, hours: '0', replaced } }
}

/** Only one with a name that counts: a main password is replaced by the form for it. */
function replaceable(all: readonly PasswordRecord[], id: string): PasswordRecord | undefined {
  return all.find(each => (each.id as string) === id && isCurrent(each) && each.name !== undefined)
}

type Requested = Omit<NewPassword, 'id' | 'mac'>

/** What the form asks for; `gone`: what it would replace does not count any more. */
function readForm(
  { passwords, now }: PageContext,
  { fields }: Change,
  all: readonly PasswordRecord[],
): Requested | { readonly faults: Faults; readonly adding: Wanted } | 'nonsense' | 'gone' {
  const id = fields.get('replace')
  const replaced = id === undefined ? undefined : replaceable(all, id)
  if (id !== undefined && replaced === undefined) return 'gone'
  const access = fields.get('access')
  if (access !== undefined && access !== 'read' && access !== 'write') return 'nonsense'

  const name = replaced?.name ?? (fields.get('name') ?? '').trim().normalize('NFC')
  const lastDay = fields.get('ends') ?? ''
  const hours = fields.get('hours') ?? '0'
  const end = endOf(lastDay === '' ? 'never' : lastDay, passwords, now())
  const nameFlaw = passwordNameFlaw(name)
  const isTaken = replaced === undefined && all.some(each => isCurrent(each) && each.name === name)
  const isGrace =
    replaced === undefined || (/^\d{1,5}$/.test(hours) && Number(hours) <= passwords.maxGraceHours)
  const faults: Faults = {
    ...(isTaken && { name: say => say.faults.nameTaken }),
    ...(nameFlaw && { name: say => say.faults.name[nameFlaw] }),
    ...('wrong' in end && { ends: say => endFault(end.wrong, say.faults.end) }),
    ...(access === undefined && { access: say => say.faults.access }),
    ...(!isGrace && { hours: say => say.faults.hours(passwords.maxGraceHours) }),
  }
  const readOnly = access === 'read'
  if ('wrong' in end || Object.keys(faults).length > 0) {
    // Cut, because invalid fields can have any length.
    const cut = (text: string) => text.slice(0, 64).toWellFormed()
    return {
      faults,
      adding: { name: cut(name), lastDay: cut(lastDay), readOnly, hours: cut(hours), replaced },
    }
  }
  return {
    name,
    readOnly,
    ...(end.endsAt !== undefined && { endsAt: end.endsAt }),
    ...(replaced && { replacing: { graceMs: Number(hours) * hourMs } }),
  }
}

/** The registry returns only when the new password is in force everywhere. */
async function savedPage(
  context: PageContext,
  change: Change,
  password: Secret,
  { name, endsAt, readOnly, replacing }: Requested,
): Promise<Page> {
  const credential = await ownCredential(context, change)
  if (credential === undefined) throw new Error('a password was added and its credential is not there')
  const { account, scopeName, coming, session } = change
  return savedNamed({
    csrf: session.csrf,
    account: account.name,
    scopeName,
    coming,
    credential,
    url: new URL(addressOf(account.name, context.publicUrl, context.naming)),
    made: password,
    name,
    endsAt,
    readOnly,
    graceHours: replacing && replacing.graceMs / hourMs,
  })
}

/** `POST /revoke`: ends one generated password, or all that have a name. */
export async function revokePasswords(context: PageContext, request: FastifyRequest): Promise<Page> {
  const change = await readOwnForm(context, request)
  if (isPage(change)) return change
  const { fields, identity, actor } = change
  const credential = await ownCredential(context, change)
  const { all } = await context.accounts.passwordsOf(change)
  const one = all.find(({ id }) => (id as string) === fields.get('password'))
  const isAll = fields.get('all') === '1'
  if (one === undefined && !isAll && fields.get('password') === undefined) return notUnderstood
  const nothing = noting('nothingToRevoke')
  if (credential === undefined || (one === undefined && !isAll)) return await show(context, change, nothing)

  const { username } = credential
  const which = isAll || one === undefined ? 'all' : { id: one.id }
  const problem = await context.registry.revokePasswords(actor, identity.scope, username, which)
  if (problem !== undefined) return await show(context, change, nothing)
  notify(context, change, username, 'passwords-revoked')
  return await showResult(show(context, change, doing(isAll ? 'revokedAll' : 'revoked')))
}
