import type { FastifyRequest } from 'fastify'
import { readPassword } from '../gateway/credential.ts'
import { overBy } from '../gateway/decision.ts'
import type { Username } from '../gateway/names.ts'
import { InDoubt, Outage } from '../gateway/outage.ts'
import {
  type Compared,
  type Decoy,
  noPassword,
  type PasswordHash,
  type StoredCredential,
  type StoredPassword,
} from '../gateway/ports.ts'
import { type CredentialRecord, isBlocked, type ProblemOf } from '../gateway/registry.ts'
import type { Secret } from '../gateway/secret.ts'
import type { SignedInUser } from './account-lookup.ts'
import type { PageContext } from './context.ts'
import type { Fields } from './guard.ts'
import { isPage, type Page } from './html.ts'
import type { Messages } from './messages/en.ts'
import { profile, type Feedback } from './pages/profile.ts'
import { busy, nameTaken, notFromHere, notUnderstood, signedOut, stale } from './pages/trouble.ts'
import { isSameText } from './session.ts'
import { TooManyRequests } from './throttle.ts'
import type { CredentialChange } from './webhook.ts'

/** A user who may make changes, with the submitted form. */
export interface Change extends SignedInUser {
  readonly fields: Fields
  readonly actor: string
  /** The user name of the credential; changes need one. */
  readonly username: Username
}

/**
 * The user who sent a form, if signed in recently, in this session and for the account. Otherwise a page that says what
 * is missing; only the account has been looked up then.
 */
export async function readChange(context: PageContext, request: FastifyRequest): Promise<Change | Page> {
  const form = await readOwnForm(context, request)
  if (isPage(form)) return form
  const { username } = form.identity
  return username === undefined ? await show(context, form, {}) : { ...form, username }
}

/** The same, for what users without a user name can change as well. */
export async function readOwnForm(
  context: PageContext,
  request: FastifyRequest,
): Promise<Omit<Change, 'username'> | Page> {
  const fields = fieldsOf(request)
  if (fields === undefined) return notUnderstood
  const session = await context.sessions.find(context.cookies.session(request))
  if (session !== undefined && !isSameText(session.csrf, fields.get('csrf') ?? '')) return notFromHere

  const mayHear = session !== undefined
  const requested = await context.accounts.find(fields.get('account') ?? '', mayHear, fields.get('scope'))
  if (isPage(requested)) return requested
  const user = context.accounts.signedIn(requested, session)
  if (user === undefined) return signedOut(requested)
  if (!user.fresh) return stale(user)

  const { owner, scope } = user.identity
  context.throttle.count('changes', `${scope} ${owner}`)
  return { ...user, fields, actor: `page:${owner}` }
}

/** The form fields of a request; `undefined` if they could not be read. */
export function fieldsOf(request: FastifyRequest): Fields | undefined {
  // The one parser of these routes gives nothing else.
  return (request.body as { readonly fields?: Fields } | undefined)?.fields
}

/** The page of the account as it is now, and what is to be said about it. */
export async function show(context: PageContext, user: SignedInUser, feedback: Feedback): Promise<Page> {
  return profile(await context.accounts.profileOf(user), feedback)
}

type Note = Exclude<keyof Messages['notes'], 'worksThere'>

/** Says why nothing was done. */
export function noting(why: Note): Feedback {
  return { note: ({ notes }) => notes[why] }
}

/** Says what was done. */
export function doing(what: Note): Feedback {
  return { done: ({ notes }) => notes[what] }
}

/** The form was rendered for an earlier state: the back button, a reload, another tab. */
export async function alreadyDone(context: PageContext, change: Change): Promise<Page> {
  return { ...(await show(context, change, noting('alreadyDone'))), status: 409 }
}

/** The page for a change that the registry refused because of the user's name or directory. */
export async function refused(
  context: PageContext,
  change: Change,
  { problem }: ProblemOf<'no-such-directory' | 'username-taken' | 'unclaimed'>,
): Promise<Page> {
  if (problem === 'username-taken') {
    await context.nameConflicts.signedIn(change.identity) // another person has set it since
    return nameTaken(change.scopeName, change.username)
  }
  // No directory: the store is another one since. An older copy was put in its place.
  return await show(context, change, noting(problem === 'unclaimed' ? 'unclaimed' : 'unknownDirectory'))
}

/** Shows the result of a change. A failure here must not claim that nothing was changed. Throws `InDoubt`. */
export async function showResult(showing: Promise<Page>): Promise<Page> {
  try {
    return await showing
  } catch (error) {
    throw error instanceof Outage && !(error instanceof InDoubt) ? new InDoubt('made', error) : error
  }
}

/** `POST /switch`: the form names the wanted state, so that submitting it twice has the same effect as once. */
export async function switchCredential(context: PageContext, request: FastifyRequest): Promise<Page> {
  const change = await readChange(context, request)
  if (isPage(change)) return change
  const wanted = change.fields.get('on')
  if (wanted !== '0' && wanted !== '1') return notUnderstood
  const on = wanted === '1'
  const credential = await ownCredential(context, change)
  if (credential === undefined) return await show(context, change, noting('nothingToSwitch'))
  if (credential.enabled === on) {
    return await show(context, change, noting(on ? 'alreadyOn' : 'alreadyOff'))
  }
  if (on && (await needsSignIn(context, change))) return await show(context, change, noting('signInFirst'))
  const { scope } = change.identity
  if (on && isBlocked(credential)) return await show(context, change, noting('blocked'))
  const { username } = credential
  const problem = await context.registry.switchCredential(change.actor, scope, username, on, 'owner')
  if (problem?.problem === 'blocked') return await show(context, change, noting('blocked'))
  // Renamed since, in another tab.
  if (problem !== undefined) return await show(context, change, noting('gone'))
  notify(context, change, credential.username, on ? 'enabled' : 'disabled')
  return await showResult(show(context, change, doing(on ? 'on' : 'off')))
}

/**
 * Whether the gateway cannot check that the user is still active, although it should: a session may outlive the account, and
 * its user must not switch on what a check has switched off.
 */
async function needsSignIn(context: PageContext, user: Change): Promise<boolean> {
  const { wanted, grant } = await context.acting.stateOf(user, user.identity.owner)
  return wanted?.liveness === true && grant?.ended?.cause === 'refused'
}

export function ownCredential(
  context: PageContext,
  { identity }: SignedInUser,
): Promise<CredentialRecord | undefined> {
  return context.registry.ownCredential(identity.scope, identity.owner)
}

/** Notifies the service that informs the owner. */
export function notify(
  context: PageContext,
  change: SignedInUser,
  username: Username,
  what: CredentialChange['what'],
): void {
  context.notice.credentialChanged({ scope: change.identity.scope, username, what, at: context.now() })
}

/** `POST /claim`: gives a credential that an operator created to the user of that name who knows its password. */
export async function claimCredential(context: PageContext, request: FastifyRequest): Promise<Page> {
  const change = await readChange(context, request)
  if (isPage(change)) return change
  const own = await ownCredential(context, change)
  if (own !== undefined && !own.unproved) {
    return await show(context, change, noting('alreadyYours'))
  }
  const password = readPassword(change.fields.get('current') ?? '')
  if (password.isEmpty) return await show(context, change, { faults: { current: say => say.faults.current } })

  const { scope, owner } = change.identity
  const username = own?.username ?? change.username
  // Not compared: the page must not notify whether another person's password is right.
  if (await context.nameConflicts.isTaken(scope, username, owner))
    return nameTaken(change.scopeName, username)
  context.throttle.count('claims', `${scope} ${username}`)
  const { from } = context.senderOf(request.raw)
  // A password that the owner had before says nothing about the one that a command has set.
  const which = own === undefined ? 'any' : 'main'
  const compared = await compare(context, { ...change, username }, password, { from, which })
  if (compared === 'busy') return busy(change)
  if (compared === 'mismatch') {
    return await show(context, change, { faults: { current: say => say.faults.notCurrent } })
  }
  const problem = await context.registry.claimCredential(change.actor, scope, username, owner)
  if (problem !== undefined) return nameTaken(change.scopeName, username)
  notify(context, change, username, 'claimed')
  return await showResult(show(context, change, doing('claimed')))
}

/** `POST /disconnect`: ends what the user gave the gateway by signing in, here and at the provider. */
export async function disconnect(context: PageContext, request: FastifyRequest): Promise<Page> {
  const form = await readOwnForm(context, request)
  if (isPage(form)) return form
  const { account, actor, identity } = form
  const { scope } = identity
  const revocation = await context.grants.end(actor, identity, 'disconnected')
  if (revocation === undefined) return await show(context, form, noting('notConnected'))
  if (revocation === 'failed') context.observer.notRevoked({ scope, account: account.name }, request.id)
  return await showResult(show(context, form, doing('disconnected')))
}

/** Hashes and counts as the gateway does, because this is a guess at the same credential. */
async function compare(
  context: PageContext,
  change: Change,
  password: Secret,
  { from, which }: { readonly from: string; readonly which: 'main' | 'any' },
): Promise<Compared> {
  const { credentials, hasher, keys, generated, guesses } = context
  if (generated.isForged(password)) return 'mismatch'
  const { username, account } = change
  const { scope } = change.identity
  const presented = generated.read(password)
  const { current } = await credentials.find(scope, undefined, username, presented?.id)
  const proof = keys.proof(scope, undefined, username, password)
  const attempt = { scope, former: undefined, username, password, slot: keys.slot(scope, username), proof }
  const compared = { scope, username: current?.username ?? username }
  const caller = { account: account.name, from, lane: 'production' } as const
  const admission = await guesses.admit(attempt, caller, { compared, beside: undefined })
  if ('by' in admission) throw new TooManyRequests(Math.ceil(admission.retryAfter))
  let found: Compared = 'busy'
  try {
    const isCounted = which === 'any' || current?.generated?.name === undefined
    found =
      isCounted && provesNow(context, password, current?.generated)
        ? 'match'
        : presented !== undefined && !presented.old
          ? 'mismatch'
          : await hasher.compare({ password, proof }, hashOf(current))
    return found
  } finally {
    if (found !== 'mismatch') admission.absolve() // of a full queue and an outage, too
  }
}

/** Whether it is a generated password that counts now. One that may only read is given to machines, and claims nothing. */
function provesNow(
  { generated, now }: PageContext,
  password: Secret,
  stored: StoredPassword | undefined,
): boolean {
  const isRight = generated.proves(password, stored?.mac)
  return isRight && stored !== undefined && !stored.readOnly && overBy(stored, now()) === undefined
}

function hashOf(current: StoredCredential | undefined): PasswordHash | Decoy {
  return current === undefined || current.hash === noPassword ? 'decoy' : current.hash
}

/**
 * `POST /link`: links two identities of one person. The proof is that both sign-ins are recent and in one session, the
 * second requested by a form of the first. Nothing else can prove it: neither provider knows of the other.
 */
export async function linkIdentities(context: PageContext, request: FastifyRequest): Promise<Page> {
  const change = await readChange(context, request)
  if (isPage(change)) return change
  const others = await context.accounts.otherIdentities(change)
  const other = others.find(({ scopeName }) => scopeName.scope === change.fields.get('with'))
  if (other === undefined || !other.fresh) {
    return await show(context, change, noting('linkAgain'))
  }
  if (other.linked) {
    return await show(context, change, noting('alreadyLinked'))
  }
  await context.registry.link(change.actor, change.identity, other.identity)
  notify(context, change, change.username, 'linked')
  return await showResult(show(context, change, doing('linked')))
}

/** `POST /unlink`: ends the link to the identity of one other scope, which need not be signed in. */
export async function unlinkIdentities(context: PageContext, request: FastifyRequest): Promise<Page> {
  const form = await readOwnForm(context, request)
  if (isPage(form)) return form
  const { actor, identity, fields } = form
  const links = await context.accounts.linksOf(form)
  const link = links.find(({ scopeName }) => scopeName.scope === fields.get('from'))
  const problem = link && (await context.registry.unlink(actor, identity, link.scopeName.scope))
  if (link === undefined || problem !== undefined) return await show(context, form, noting('notLinked'))
  if (identity.username !== undefined) notify(context, form, identity.username, 'unlinked')
  return await showResult(show(context, form, doing('unlinked')))
}
