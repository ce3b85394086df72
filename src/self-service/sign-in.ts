import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Authority, type Claims, ownerIn } from '../common/authorities.ts'
import { pageOf } from '../gateway/account.ts'
import type { SignedIn } from '../gateway/delegation.ts'
import type { Instant } from '../gateway/names.ts'
import type { RequestedAccount } from './account-lookup.ts'
import { scopesFor, type StepUp, stepUpOf, type Wanted } from './acting.ts'
import { usernameIn } from './authority.ts'
import { readChange, show } from './changes.ts'
import { type PageContext, ProviderFailed } from './context.ts'
import { type Fields, readFields } from './guard.ts'
import { isPage, type Page } from './html.ts'
import type { Prompt, Tokens } from './openid.ts'
import { notConnected } from './pages/acting.ts'
import { continueToProvider } from './pages/links.ts'
import { declined, noAuthority, notUnderstood, signInLost, wrongDirectory } from './pages/trouble.ts'
import { pageAt } from './scope-names.ts'
import { hashed, type Identity, isSameText, type PendingSignIn } from './session.ts'

const prompts: Readonly<Record<string, Prompt>> = {
  again: 'login',
  other: 'select_account',
  consent: 'consent',
}

/**
 * Redirects to the identity provider of an account, or to the account's page. The browser keeps the pending sign-in
 * sealed, never an address.
 */
export async function startSignIn(
  context: PageContext,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Page | URL> {
  const fields = readFields(queryOf(request).slice(1))
  const ask = fields?.get('ask')
  const grant = fields?.get('grant') ?? 'yes'
  if (fields === undefined || (ask !== undefined && !Object.hasOwn(prompts, ask))) return notUnderstood
  if (grant !== 'yes' && grant !== 'no') return notUnderstood
  const next = continuationIn(fields)
  const session = await context.sessions.find(context.cookies.session(request))
  const mayHear = session !== undefined
  const requested = await context.accounts.find(fields.get('account') ?? '', mayHear, fields.get('scope'))
  if (isPage(requested)) return requested
  const { account, authority } = requested
  if ('setting' in authority) return noAuthority(account.name)

  const prompt = ask === undefined ? undefined : prompts[ask]
  const wanted = grant === 'no' ? undefined : await context.acting.wantedFor(requested)
  // Another site must not connect a user who has disconnected: the page says first what signing in allows.
  if (wanted !== undefined && isFromElsewhere(request)) return new URL(pageAt(requested), context.publicUrl)
  const user = context.accounts.signedIn(requested, session)
  const stepUp = wanted && user && (await stepUpFor(context, requested, user.identity))
  const start = { account: account.name, authority, wanted, prompt, stepUp, ...(next && { next }) }
  return await redirectToProvider(context, request, reply, start)
}

/** What the sign-in has to prove in addition. */
async function stepUpFor(
  context: PageContext,
  requested: RequestedAccount,
  { owner }: Pick<Identity, 'owner'>,
): Promise<StepUp | undefined> {
  const { authority } = requested
  if ('setting' in authority) return undefined
  return stepUpOf(await context.acting.stateOf(requested, owner), authority)
}

/**
 * `POST /sign-in-too`: signs in for one more account and keeps the identities of this session, which no other route
 * does. A planted session id would otherwise keep an attacker's identity beside the victim's. So a form of the session,
 * which no other site can send, must request it, and only the response to that pending sign-in is added.
 */
export async function signInToo(
  context: PageContext,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Page> {
  const change = await readChange(context, request)
  if (isPage(change)) return change
  const { fields } = change
  const requested = await context.accounts.find(fields.get('also') ?? '', true, fields.get('also-scope'))
  if (isPage(requested)) return requested
  const { account, scopeName, authority } = requested
  if (scopeName.scope === change.identity.scope) {
    return await show(context, change, { note: ({ notes }) => notes.worksThere(account.name) })
  }
  if ('setting' in authority) return noAuthority(account.name)
  const id = context.cookies.session(request)
  const beside = id === undefined ? undefined : hashed('session', id)
  const wanted = await context.acting.wantedFor(requested)
  const besideFrom = networkOf(context, request)
  const start = { account: account.name, authority, wanted, ...(beside && { beside, besideFrom }) }
  const to = await redirectToProvider(context, request, reply, start)
  return continueToProvider({ from: change, scopeName, to, wanted })
}

/**
 * Whether another site has led here, as far as browsers tell, or something other than a link: pages of an upstream on this
 * host could load it as an image or in a frame, and a provider at which the user is signed in redirects back at once.
 */
export function isFromElsewhere({ headers }: FastifyRequest): boolean {
  const { 'sec-fetch-site': site, 'sec-fetch-dest': dest } = headers
  if (dest !== undefined && dest !== 'document') return true
  return site !== undefined && site !== 'same-origin' && site !== 'none'
}

interface SignInStart extends Pick<PendingSignIn, 'account' | 'next' | 'beside' | 'besideFrom'> {
  readonly authority: Authority
  readonly wanted: Wanted | undefined
  readonly prompt?: Prompt | undefined
  readonly stepUp?: StepUp | undefined
}

async function redirectToProvider(
  context: PageContext,
  request: FastifyRequest,
  reply: FastifyReply,
  { authority, wanted, prompt: chosen, stepUp, ...start }: SignInStart,
): Promise<URL> {
  context.throttle.count('signIns', networkOf(context, request))
  await context.throttle.signInTurn()
  const openId = await context.openId()
  const prompt = stepUp?.isUnderstood === false ? 'login' : chosen
  const forUpstream = wanted?.upstream !== undefined
  const asked = { prompt, scopes: scopesFor(wanted), forUpstream, demand: stepUp?.demand }
  const { url, ...pending } = await openId.begin(authority, asked)
  const { scope, issuer } = authority
  const asking = { ...(wanted && { wanted }), ...provedBy(prompt, stepUp) }
  const kept = context.pendingSignIns.send({ ...pending, ...start, scope, issuer, ...asking })
  context.cookies.keepPendingSignIn(request, reply, pending.state, kept)
  return new URL(url)
}

/** Completes a sign-in when the browser returns from the identity provider. */
export async function finishSignIn(
  context: PageContext,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Page | string | URL> {
  const query = queryOf(request)
  const state = readFields(query.slice(1))?.get('state')
  if (state === undefined) return notUnderstood
  const pending = context.pendingSignIns.find(state, context.cookies.pendingSignIn(request, state))
  if (pending === undefined || pending.console) return signInLost
  context.throttle.count('returns', networkOf(context, request))
  context.pendingSignIns.take(pending)
  context.cookies.dropPendingSignIn(reply, state)
  const begun = await context.accounts.find(pending.account, false, pending.scope)
  // The account, or its directory, has changed in the meantime: its page says where to sign in now.
  if (isPage(begun) || !isStillFor(begun, pending)) return pageOf(pending.account)

  const openId = await context.openId()
  const { wanted } = pending
  const forUpstream = wanted?.upstream !== undefined
  const returned = await openId.finish(begun.authority, { ...pending, forUpstream }, query)
  if (returned instanceof ProviderFailed) context.observer.providerFailed(returned, request.id)
  if (returned === 'declined' || returned instanceof ProviderFailed)
    return declined(begun, wanted !== undefined)
  const { claims, tokens } = returned
  if (!(await context.pendingSignIns.end(pending))) return signInLost
  // The user may hear now that there is no such account, and is not kept signed in: there is nothing to be signed in for.
  const present = await context.accounts.find(pending.account, true)
  if (isPage(present)) return present
  // It has moved in the meantime, or its planned move has changed.
  const requested = await context.accounts.find(pending.account, true, pending.scope)
  if (isPage(requested) || !isStillFor(requested, pending)) return pageOf(pending.account)
  const owner = ownerIn(pending.scope, claims)
  if (owner === 'wrong-directory') return wrongDirectory(requested)
  if (owner === 'no-subject')
    throw new ProviderFailed('nonsense', new Error('the token has no usable subject'))

  // Only now it is known who the user is: once more, at the provider alone, if that was not enough.
  const stepUp = wanted && (await stepUpFor(context, requested, { owner }))
  if (stepUp !== undefined && !isProved(stepUp, pending)) {
    const { account, next, beside, besideFrom } = pending
    const kept = { ...(next && { next }), ...(beside && { beside }), ...(besideFrom && { besideFrom }) }
    const start = { account, wanted, stepUp, ...kept }
    return await redirectToProvider(context, request, reply, { ...start, authority: requested.authority })
  }

  const { account, scope } = pending
  const username = usernameIn(scope, claims)
  const at = signedInAt(claims, context.now())
  const coming = requested.coming && { coming: true as const }
  const identity: Identity = { scope, owner, account, at, ...(username && { username }), ...coming }
  await context.nameConflicts.signedIn(identity)
  await context.confirmations.signedIn(scope, owner)
  if (wanted !== undefined && tokens !== undefined) {
    const signedIn = grantOf(identity, requested.authority, wanted, tokens)
    if ((await context.grants.give(`page:${owner}`, signedIn)) === 'other-person')
      throw new ProviderFailed('nonsense', new Error('the access token is of another user'))
  }
  const before = context.cookies.session(request)
  const isFromThere = pending.besideFrom === networkOf(context, request)
  const identities = [...(isFromThere ? await kept(context, pending, before) : []), identity]
  context.cookies.keepSession(reply, await context.sessions.start(before, identities))
  if (wanted === undefined || tokens !== undefined) return pending.next ?? pageAt(requested)

  context.observer.notConnected({ scope, account }, request.id)
  const { grant } = await context.acting.stateOf(requested, owner)
  const isConnected = grant?.refreshToken !== undefined
  return notConnected({ ...requested, wanted, isConnected })
}

function provedBy(prompt: Prompt | undefined, stepUp: StepUp | undefined): Pick<PendingSignIn, 'stepUp'> {
  if (stepUp?.demand !== undefined) return { stepUp: 'demand' }
  return prompt === 'login' ? { stepUp: 'password' } : {}
}

/** Whether a sign-in has asked for what was demanded. It is not repeated again: the upstream says whether it was enough. */
function isProved({ demand }: StepUp, { stepUp }: PendingSignIn): boolean {
  return stepUp === 'demand' || (demand === undefined && stepUp === 'password')
}

/** What the gateway keeps of a sign-in. */
function grantOf(
  { scope, owner, username }: Identity,
  { issuer, clientId }: Authority,
  { upstream }: Wanted,
  { refreshToken, access }: Tokens,
): SignedIn {
  const whose = { scope, owner, issuer, clientId, ...(username && { username }) }
  return { ...whose, refreshToken, ...(upstream && access && { access: { ...access, of: upstream } }) }
}

/** The identities that a form asked to keep, if the browser still has that form's session and they are recent. */
async function kept(
  context: PageContext,
  { scope, beside }: PendingSignIn,
  id: string | undefined,
): Promise<readonly Identity[]> {
  if (id === undefined || beside === undefined || !isSameText(beside, hashed('session', id))) return []
  const session = await context.sessions.find(id)
  const oldest = context.now() - context.signIn.sessionMinutes * 60_000
  return session?.identities.filter(each => each.scope !== scope && each.at > oldest) ?? []
}

function isStillFor(
  requested: RequestedAccount,
  { scope, issuer }: PendingSignIn,
): requested is RequestedAccount & { authority: Authority } {
  return (
    'issuer' in requested.authority &&
    requested.authority.issuer === issuer &&
    requested.authority.scope === scope
  )
}

function networkOf(context: PageContext, request: FastifyRequest): string {
  return context.networkOf(context.senderOf(request.raw).from)
}

/** The query as sent in the request line, with its `?`. */
export function queryOf({ originalUrl }: FastifyRequest): string {
  const mark = originalUrl.indexOf('?')
  return mark === -1 ? '' : originalUrl.slice(mark)
}

/** When the user entered a password there. Entra sends it only if the app registration asks for `auth_time`. */
function signedInAt({ auth_time: seconds }: Claims, now: Instant): Instant {
  return typeof seconds === 'number' ? Math.min(seconds * 1000, now) : now
}

/** Where a sign-in leads on: only to the pages that ask whether a helper may have a password. Anything else is ignored. */
function continuationIn(fields: Fields): string | undefined {
  const path = fields.get('next') ?? ''
  const leadsOn = /^\/_altgate\/(?:oauth\/authorize\/[\w-]{1,63}\?[!-~]*|device\?[!-~]*)$/
  return path.length <= longestContinuation && leadsOn.test(path) ? path : undefined
}

/** Characters: it travels in a cookie, which may have four kilobytes. */
const longestContinuation = 1500
