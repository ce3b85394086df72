import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Authority, authorityFor, type NoAuthority, ownerIn } from '../../common/authorities.ts'
import type { AccountName, DirectoryId } from '../../gateway/names.ts'
import { usernameIn } from '../authority.ts'
import { type PageContext, ProviderFailed } from '../context.ts'
import { readFields } from '../guard.ts'
import type { Page } from '../html.ts'
import { notUnderstood, signInLost } from '../pages/trouble.ts'
import { isFromElsewhere, queryOf } from '../sign-in.ts'
import type { Cookies } from '../session.ts'
import { groupsIn, type HelperSessions, hasTooManyGroups, isNamed, type NamedPerson } from './helpers.ts'
import { declined, notNamed, notSetUp } from './pages.ts'

export const consolePath = '/_altgate/admin'

/** What signing in to the console works with. */
export interface HelpDesk {
  readonly context: PageContext
  readonly people: readonly NamedPerson[]
  readonly sessions: HelperSessions
  readonly cookies: Cookies
}

/** The directories in which named people sign in, with their names. Throws `Outage`. */
export async function directoriesOf({ context, people }: HelpDesk) {
  const known = await context.registry.directories()
  const ids = [...new Set(people.map(({ directory }) => directory))]
  return ids.map(id => ({ id, name: known.find(each => each.id === id)?.name ?? id }))
}

/** Redirects to the identity provider of a directory. */
export async function startSignIn(
  desk: HelpDesk,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Page | URL> {
  const { context, cookies } = desk
  const fields = readFields(queryOf(request).slice(1))
  const ask = fields?.get('ask')
  const authority = await authorityOf(desk, fields?.get('directory'))
  if (fields === undefined || authority === undefined || (ask !== undefined && ask !== 'other'))
    return notUnderstood
  // A page of an upstream on this host could load it as an image.
  if (isFromElsewhere(request)) return new URL(consolePath, context.publicUrl)
  if ('setting' in authority) return notSetUp(authority.setting)
  context.throttle.count('signIns', networkOf(context, request))
  await context.throttle.signInTurn()
  const openId = await context.openId()
  const prompt = ask === 'other' ? 'select_account' : undefined
  const { url, ...pending } = await openId.begin(authority, { prompt, scopes: [], forUpstream: false })
  const { scope, issuer } = authority
  const kept = context.pendingSignIns.send({ ...pending, account: noAccount, scope, issuer, console: true })
  cookies.keepPendingSignIn(request, reply, pending.state, kept)
  return new URL(url)
}

/** The console belongs to no account. */
const noAccount = '' as AccountName

/** Completes a sign-in; `undefined`: it is none of the console's. */
export async function finishSignIn(
  desk: HelpDesk,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Page | string | undefined> {
  const { context, cookies, people, sessions } = desk
  const query = queryOf(request)
  const state = readFields(query.slice(1))?.get('state') ?? ''
  const pending = context.pendingSignIns.find(state, cookies.pendingSignIn(request, state))
  if (!pending?.console) return undefined
  context.throttle.count('returns', networkOf(context, request))
  context.pendingSignIns.take(pending)
  cookies.dropPendingSignIn(reply, state)
  const authority = await authorityOf(desk, pending.scope)
  if (authority === undefined || 'setting' in authority || authority.issuer !== pending.issuer)
    return signInLost
  const openId = await context.openId()
  const returned = await openId.finish(authority, { ...pending, forUpstream: false }, query)
  if (returned instanceof ProviderFailed) context.observer.providerFailed(returned, request.id)
  if (returned === 'declined' || returned instanceof ProviderFailed) return declined
  if (!(await context.pendingSignIns.end(pending))) return signInLost

  const { claims } = returned
  const { scope } = pending
  const owner = ownerIn(scope, claims)
  if (owner === 'no-subject')
    throw new ProviderFailed('nonsense', new Error('the token has no usable subject'))
  const again = `${consolePath}/sign-in?directory=${scope}&ask=other`
  if (owner === 'wrong-directory') return notNamed(again, false)
  const username = usernameIn(scope, claims)
  const identity = { scope, owner, at: context.now(), ...(username && { username }) }
  const helper = { identities: [identity] as const, groups: groupsIn(claims, people) }
  if (!isNamed(people, helper)) return notNamed(again, hasTooManyGroups(claims))
  cookies.keepSession(reply, await sessions.start(cookies.session(request), helper))
  return consolePath
}

/** `undefined`: no named person signs in there. */
async function authorityOf(
  desk: HelpDesk,
  directory: string | undefined,
): Promise<Authority | NoAuthority | undefined> {
  const { context, people } = desk
  if (directory === undefined || people.every(each => each.directory !== directory)) return undefined
  const directoryId = directory as DirectoryId // the settings name it
  const connection = { kind: 'entra', directoryId, directoryName: directory } as const
  return authorityFor(connection, context.signIn, await context.registry.directories())
}

function networkOf(context: PageContext, request: FastifyRequest): string {
  return context.networkOf(context.senderOf(request.raw).from)
}
