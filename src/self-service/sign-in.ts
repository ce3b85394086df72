import type { FastifyReply, FastifyRequest } from 'fastify'
import type { AccountName, Instant } from '../gateway/names.ts'
import type { Guest } from './account-lookup.ts'
import { type Authority, type Claims, ownerIn, usernameIn } from './authority.ts'
import { readChange, show } from './changes.ts'
import { type Desk, ProviderFailed } from './context.ts'
import { readFields } from './guard.ts'
import { isPage, type Page } from './html.ts'
import type { Prompt } from './openid.ts'
import { goOn } from './pages/profile.ts'
import { declined, noAuthority, notUnderstood, signInLost, wrongDirectory } from './pages/trouble.ts'
import { pageOf } from './scope-names.ts'
import { hashed, type Identity, isSameText, type SignInUnderWay } from './session.ts'

const prompts: Readonly<Record<string, Prompt>> = { again: 'login', other: 'select_account' }

/** Sends somebody to the authority of an account. What it was about the browser keeps, sealed, never an address. */
export async function startSignIn(
  desk: Desk,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Page | URL> {
  const fields = readFields(queryOf(request).slice(1))
  const ask = fields?.get('ask')
  if (fields === undefined || (ask !== undefined && !Object.hasOwn(prompts, ask))) return notUnderstood
  const guest = await desk.reception.receive(fields.get('account') ?? '')
  if (isPage(guest)) return guest
  const { account, place, authority } = guest
  if ('setting' in authority) return noAuthority(account.name, place, authority.setting)

  const prompt = ask === undefined ? undefined : prompts[ask]
  return await sendAway(desk, request, reply, { account: account.name, authority }, prompt)
}

/**
 * `POST /sign-in-too`: signs in for one more account and keeps the sign-ins of this session beside it, which no other
 * way does. A session in which one did not sign in oneself (its id was planted) would keep somebody else's. A form of
 * the session has to ask, which no other site can send, and only the answer to that very errand is taken into it.
 */
export async function signInToo(desk: Desk, request: FastifyRequest, reply: FastifyReply): Promise<Page> {
  const change = await readChange(desk, request)
  if (isPage(change)) return change
  const guest = await desk.reception.receive(change.fields.get('also') ?? '')
  if (isPage(guest)) return guest
  const { account, place, authority } = guest
  if (place.scope === change.identity.scope) {
    const note = `What you have here opens ${account.name} as well: no other sign-in is needed.`
    return await show(desk, change, { note })
  }
  if ('setting' in authority) return noAuthority(account.name, place, authority.setting)
  const id = desk.cookies.session(request)
  const beside = id === undefined ? undefined : hashed('session', id)
  const to = await sendAway(desk, request, reply, { account: account.name, authority, beside }, undefined)
  return goOn(change.account.name, place, to)
}

interface Journey {
  readonly account: AccountName
  readonly authority: Authority
  readonly beside?: string | undefined
}

async function sendAway(
  desk: Desk,
  request: FastifyRequest,
  reply: FastifyReply,
  { account, authority, beside }: Journey,
  prompt: Prompt | undefined,
): Promise<URL> {
  const network = networkOf(desk, request)
  desk.throttle.count('signIns', network)
  desk.throttle.count('signInsInAll', '')
  const openId = await desk.openId()
  const { url, ...errand } = await openId.begin(authority, prompt)
  const { scope, issuer } = authority
  const keeping = beside === undefined ? {} : { beside, besideFrom: network }
  const kept = desk.errands.send({ ...errand, account, scope, issuer, ...keeping })
  desk.cookies.keepErrand(request, reply, errand.state, kept)
  return new URL(url)
}

/** Somebody comes back from an authority. */
export async function finishSignIn(
  desk: Desk,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Page | string> {
  const query = queryOf(request)
  const state = readFields(query.slice(1))?.get('state')
  if (state === undefined) return notUnderstood
  const errand = desk.errands.find(state, desk.cookies.errand(request, state))
  if (errand === undefined) return signInLost
  desk.throttle.count('returns', networkOf(desk, request))
  desk.errands.take(errand)
  desk.cookies.dropErrand(reply, state)
  const guest = await desk.reception.receive(errand.account)
  if (isPage(guest)) return guest
  // The account has moved meanwhile: its page says where to sign in now.
  if (!isStillFor(guest, errand)) return pageOf(errand.account)

  const openId = await desk.openId()
  const claims = await openId.finish(guest.authority, errand, query)
  if (claims === 'declined') return declined(errand.account)
  if (!(await desk.errands.end(errand))) return signInLost
  const owner = ownerIn(errand.scope, claims)
  if (owner === 'wrong-directory') return wrongDirectory(errand.account, guest.place)
  if (owner === 'nobody') throw new ProviderFailed('nonsense', new Error('the token names nobody'))

  const { account, scope } = errand
  const username = usernameIn(scope, claims)
  const at = signedInAt(claims, desk.now())
  const identity: Identity = { scope, owner, account, at, ...(username && { username }) }
  await desk.contests.signedIn(identity)
  const before = desk.cookies.session(request)
  const isFromThere = errand.besideFrom === networkOf(desk, request)
  const identities = [...(isFromThere ? await kept(desk, errand, before) : []), identity]
  desk.cookies.keepSession(reply, await desk.sessions.start(before, identities))
  return pageOf(account)
}

/** The identities that a form asked to keep, if the browser still has the session of that form, and they are recent. */
async function kept(
  desk: Desk,
  { scope, beside }: SignInUnderWay,
  id: string | undefined,
): Promise<readonly Identity[]> {
  if (id === undefined || beside === undefined || !isSameText(beside, hashed('session', id))) return []
  const session = await desk.sessions.find(id)
  const oldest = desk.now() - desk.signIn.sessionMinutes * 60_000
  return session?.identities.filter(each => each.scope !== scope && each.at > oldest) ?? []
}

function isStillFor(
  guest: Guest,
  { scope, issuer }: SignInUnderWay,
): guest is Guest & { authority: Authority } {
  return 'issuer' in guest.authority && guest.authority.issuer === issuer && guest.authority.scope === scope
}

function networkOf(desk: Desk, request: FastifyRequest): string {
  return desk.networkOf(desk.senderOf(request.raw).from)
}

/** The query as it stood in the request line, with its `?`. */
export function queryOf({ originalUrl }: FastifyRequest): string {
  const mark = originalUrl.indexOf('?')
  return mark === -1 ? '' : originalUrl.slice(mark)
}

/** When the person gave a password there. Entra says so only if its app registration asks for `auth_time`. */
function signedInAt({ auth_time: seconds }: Claims, now: Instant): Instant {
  return typeof seconds === 'number' ? Math.min(seconds * 1000, now) : now
}
