import type { FastifyRequest } from 'fastify'
import { readPassword } from '../gateway/credential.ts'
import type { Username } from '../gateway/names.ts'
import { InDoubt, Outage } from '../gateway/outage.ts'
import type { Compared } from '../gateway/ports.ts'
import type { CredentialRecord } from '../gateway/registry.ts'
import type { Secret } from '../gateway/secret.ts'
import type { SignedInUser } from './account-lookup.ts'
import type { PageContext } from './context.ts'
import type { Fields } from './guard.ts'
import { isPage, type Page } from './html.ts'
import { profile, type Told } from './pages/profile.ts'
import { busy, nameTaken, notFromHere, notUnderstood, signedOut, stale } from './pages/trouble.ts'
import { isSameText } from './session.ts'
import { TooMuch } from './throttle.ts'
import type { CredentialChange } from './webhook.ts'

/** Somebody who may change something, and the form that says what. */
export interface Change extends SignedInUser {
  readonly fields: Fields
  readonly actor: string
  /** What the credential is called; changes need one. */
  readonly username: Username
}

/**
 * Who sent a form, if all is well: signed in for the account, in this session, not long ago. Else a page that says
 * what is missing. Nothing has been looked at then but the account.
 */
export async function readChange(context: PageContext, request: FastifyRequest): Promise<Change | Page> {
  const fields = fieldsOf(request)
  if (fields === undefined) return notUnderstood
  const session = await context.sessions.find(context.cookies.session(request))
  if (session !== undefined && !isSameText(session.csrf, fields.get('csrf') ?? '')) return notFromHere

  const requested = await context.accounts.find(fields.get('account') ?? '')
  if (isPage(requested)) return requested
  const user = context.accounts.signedIn(requested, session)
  if (user === undefined) return signedOut(requested.account.name, requested.scopeName)
  if (!user.fresh) return stale(requested.account.name)

  const { owner, scope, username } = user.identity
  context.throttle.count('changes', `${scope} ${owner}`)
  if (username === undefined) return await show(context, user, {})
  return { ...user, fields, username, actor: `page:${owner}` }
}

/** The form of a request; `undefined` if it could not be read. */
export function fieldsOf(request: FastifyRequest): Fields | undefined {
  // The one parser of these routes gives nothing else.
  return (request.body as { readonly fields?: Fields } | undefined)?.fields
}

/** The page of the account as it is now, and what is to be said about it. */
export async function show(context: PageContext, user: SignedInUser, told: Told): Promise<Page> {
  return profile(await context.accounts.profileOf(user), told)
}

/** Shows what has been changed. If that fails, nobody may be told that nothing was. Throws `InDoubt`. */
export async function showMade(showing: Promise<Page>): Promise<Page> {
  try {
    return await showing
  } catch (error) {
    throw error instanceof Outage && !(error instanceof InDoubt) ? new InDoubt('made', error) : error
  }
}

/** `POST /switch`: on or off, said in so many words, so that sending it twice does the same as once. */
export async function switchCredential(context: PageContext, request: FastifyRequest): Promise<Page> {
  const change = await readChange(context, request)
  if (isPage(change)) return change
  const wanted = change.fields.get('on')
  if (wanted !== '0' && wanted !== '1') return notUnderstood
  const on = wanted === '1'
  const credential = await ownCredential(context, change)
  if (credential === undefined)
    return await show(context, change, { note: 'There is nothing to switch yet.' })
  if (credential.enabled === on) {
    const note = `They were switched ${on ? 'on' : 'off'} already. Nothing was changed this time.`
    return await show(context, change, { note })
  }
  const { scope } = change.identity
  const problem = await context.registry.switchCredential(change.actor, scope, credential.username, on)
  // Renamed since, in another tab.
  if (problem !== undefined)
    return await show(context, change, { note: 'There is nothing to switch any more. Nothing was changed.' })
  tell(context, change, credential.username, on ? 'enabled' : 'disabled')
  return await showMade(show(context, change, { done: on ? 'Switched on.' : 'Switched off, everywhere.' }))
}

export function ownCredential(
  context: PageContext,
  { identity }: SignedInUser,
): Promise<CredentialRecord | undefined> {
  return context.registry.ownCredential(identity.scope, identity.owner)
}

/** Tells whoever tells the person. */
export function tell(
  context: PageContext,
  change: Change,
  username: Username,
  what: CredentialChange['what'],
): void {
  context.notice.credentialChanged({ scope: change.identity.scope, username, what, at: context.now() })
}

/** `POST /claim`: gives a credential that an operator made to the person of its name, who knows its password. */
export async function claimCredential(context: PageContext, request: FastifyRequest): Promise<Page> {
  const change = await readChange(context, request)
  if (isPage(change)) return change
  if ((await ownCredential(context, change)) !== undefined) {
    return await show(context, change, {
      note: 'These credentials are yours already. Nothing was changed this time.',
    })
  }
  const password = readPassword(change.fields.get('current') ?? '')
  if (password.isEmpty)
    return await show(context, change, { faults: { current: 'Type the present password.' } })

  const { scope, owner } = change.identity
  // Not compared: the page must not tell whether another person's password is right.
  if (await context.nameConflicts.isTaken(scope, change.username, owner))
    return nameTaken(change.scopeName, change.username)
  context.throttle.count('claims', `${scope} ${change.username}`)
  const compared = await compare(context, change, password, context.senderOf(request.raw).from)
  if (compared === 'busy') return busy(change.account.name)
  if (compared === 'mismatch') {
    return await show(context, change, { faults: { current: 'That is not the present password.' } })
  }
  const problem = await context.registry.claimCredential(change.actor, scope, change.username, owner)
  if (problem !== undefined) return nameTaken(change.scopeName, change.username)
  tell(context, change, change.username, 'claimed')
  return await showMade(show(context, change, { done: 'They are yours now.' }))
}

/** One password hash, as at the door; and counted as there, because it is a guess at the same credential. */
async function compare(context: PageContext, change: Change, password: Secret, from: string) {
  const { credentials, hasher, keys, generated, guesses } = context
  if (generated.isForged(password)) return 'mismatch'
  const { username, account } = change
  const { scope } = change.identity
  const { current } = await credentials.find(scope, undefined, username)
  const proof = keys.proof(scope, undefined, username, password)
  const attempt = { scope, former: undefined, username, password, slot: keys.slot(scope, username), proof }
  const compared = { scope, username: current?.username ?? username }
  const caller = { account: account.name, from, lane: 'production' } as const
  const admission = await guesses.admit(attempt, caller, { compared, beside: undefined })
  if ('by' in admission) throw new TooMuch(Math.ceil(admission.retryAfter))
  let found: Compared = 'busy'
  try {
    found = await hasher.compare({ password, proof }, current?.hash ?? 'decoy')
    return found
  } finally {
    if (found !== 'mismatch') admission.absolve() // of a full queue and an outage, too
  }
}

/**
 * `POST /link`: two of those whom somebody has signed in as are one person. Both sign-ins stand in one session, the
 * second because a form of the first asked for it, and are recent, which is all the proof there can be: no authority knows of the other.
 */
export async function linkIdentities(context: PageContext, request: FastifyRequest): Promise<Page> {
  const change = await readChange(context, request)
  if (isPage(change)) return change
  const others = await context.accounts.otherSelves(change)
  const other = others.find(({ scopeName }) => scopeName.scope === change.fields.get('with'))
  if (other === undefined || !other.fresh) {
    return await show(context, change, {
      note: 'Sign in here once more, then for the other account from this page, and then say it. Nothing was changed this time.',
    })
  }
  if (other.linked) {
    return await show(context, change, { note: 'That was known already. Nothing was changed this time.' })
  }
  await context.registry.link(change.actor, change.identity, other.identity)
  tell(context, change, change.username, 'linked')
  return await showMade(show(context, change, { done: 'Linked: both are you.' }))
}
