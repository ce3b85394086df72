import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Username } from '../gateway/names.ts'
import { mostPasswords } from '../gateway/registry.ts'
import type { Agreement } from '../oauth/passwords.ts'
import type { AuthorizationServer, WaitingDevice } from '../oauth/server.ts'
import { passwordNameFlaw } from '../passwords/named.ts'
import type { SignedInUser } from './account-lookup.ts'
import { type Change, ownCredential, readChange } from './changes.ts'
import type { PageContext } from './context.ts'
import { type Fields, readFields, send } from './guard.ts'
import { isPage, type Page, type Said } from './html.ts'
import {
  accountFor,
  askForCode,
  askToAgree,
  askToAgreeToDevice,
  backToHelper,
  cannotGive,
  type Cannot,
  deviceAnswered,
  signInFirst,
  startAgain,
  unknownHelper,
} from './pages/oauth.ts'
import { noAuthority, notUnderstood } from './pages/trouble.ts'
import { queryOf } from './sign-in.ts'

/** The pages on which users agree that a helper gets a password. */
export function addOAuthPages(app: FastifyInstance, context: PageContext, server: AuthorizationServer): void {
  const get = { exposeHeadRoute: false }
  for (const path of ['/oauth/authorize', '/oauth/authorize/:account'])
    app.get(path, get, async (request, reply) => {
      const to = publicPage(context, request) ?? (await authorize(context, server, request))
      return typeof to === 'string' ? reply.redirect(to, 303) : send(reply, to)
    })
  app.post('/oauth/consent', async (request, reply) => send(reply, await consent(context, server, request)))
  app.get('/oauth/consent', (_, reply) => reply.redirect('/_altgate/', 303))
  if (!server.deviceCodes) return
  app.get('/device', get, async (request, reply) => send(reply, await device(context, server, request)))
  app.post('/device', async (request, reply) => send(reply, await answerDevice(context, server, request)))
}

/**
 * The same page on the gateway's own host, if it was asked for on that of an account: some helpers complete a path with the
 * host that git uses, and the session is known only here.
 */
function publicPage(
  { naming, publicUrl, senderOf }: PageContext,
  request: FastifyRequest,
): string | undefined {
  if (naming.by === 'path' || senderOf(request.raw).host.toLowerCase() === new URL(publicUrl).host)
    return undefined
  return publicUrl + request.originalUrl
}

/** `GET /oauth/authorize/ACCOUNT`: asks the user whether a helper may have a password. A text: where the helper waits. */
async function authorize(
  context: PageContext,
  server: AuthorizationServer,
  request: FastifyRequest,
): Promise<Page | string> {
  const query = readFields(queryOf(request).slice(1))
  if (query === undefined) return notUnderstood
  const helper = server.clientNamed(query.get('client_id') ?? '')
  if (helper === undefined) return unknownHelper()
  const { account: fromPath } = request.params as { readonly account?: string }
  const { account: fromQuery, rest } = apart(query)
  const user = await userFor(context, request, fromPath ?? fromQuery, {
    helper: helper.name,
    action: '/_altgate/oauth/authorize',
    hidden: rest,
    next: account =>
      `/_altgate/oauth/authorize/${encodeURIComponent(account)}?${new URLSearchParams([...rest]).toString()}`,
  })
  if (isPage(user)) return user

  const standing = await standingOf(context, user, helper.name)
  if (isPage(standing)) return standing
  const begun = await server.begin(rest, whoIs(user))
  if ('refusal' in begun) return unknownHelper(begun.refusal)
  if ('location' in begun) return begun.location
  return askToAgree({ user, helper, username: standing.username, name: () => helper.name, uid: begun.uid })
}

/** A form of these pages. A helper gets its password for what the account accepts now. */
async function readAgreement(context: PageContext, request: FastifyRequest): Promise<Change | Page> {
  const change = await readChange(context, request)
  return 'coming' in change && change.coming !== undefined ? notUnderstood : change
}

/** `POST /oauth/consent`. */
async function consent(
  context: PageContext,
  server: AuthorizationServer,
  request: FastifyRequest,
): Promise<Page> {
  const change = await readAgreement(context, request)
  if (isPage(change)) return change
  const { fields } = change
  const uid = fields.get('uid') ?? ''
  const helper = server.clientNamed(fields.get('helper') ?? '')
  if (helper === undefined) return notUnderstood
  if (fields.get('answer') === 'no') {
    const to = await server.refuse(uid, whoIs(change))
    return to === undefined ? startAgain : backToHelper(to, helper.name, false)
  }
  const agreement = await agreementIn(context, change, helper.name)
  if (isPage(agreement)) return agreement
  if ('fault' in agreement) {
    const { fault, username, name } = agreement
    return askToAgree({ user: change, helper, username, name, uid, fault })
  }
  const to = await server.allow(uid, whoIs(change), agreement)
  return to === undefined ? startAgain : backToHelper(to, helper.name, true)
}

/** `GET /device`: asks for the code of a device, and then whether it may have a password. */
async function device(
  context: PageContext,
  server: AuthorizationServer,
  request: FastifyRequest,
): Promise<Page> {
  const query = readFields(queryOf(request).slice(1))
  if (query === undefined) return notUnderstood
  const code = query.get('user_code')
  if (code === undefined) return askForCode()
  const waiting = await findDevice(context, server, request, code)
  if (waiting === undefined) return askForCode(code)
  const hidden = new Map([['user_code', code]])
  const user = await userFor(context, request, query.get('account') ?? waiting.account, {
    helper: waiting.client.name,
    action: '/_altgate/device',
    hidden,
    next: account => `/_altgate/device?${new URLSearchParams([...hidden, ['account', account]]).toString()}`,
  })
  if (isPage(user)) return user
  const standing = await standingOf(context, user, waiting.client.name)
  if (isPage(standing)) return standing
  const { username } = standing
  const { client, device: info } = waiting
  return askToAgreeToDevice({
    user,
    helper: client,
    username,
    name: ({ asking: say }) => (info.name === '' ? client.name : say.nameOnDevice(info.name)),
    code,
    info,
  })
}

/** `POST /device`. */
async function answerDevice(
  context: PageContext,
  server: AuthorizationServer,
  request: FastifyRequest,
): Promise<Page> {
  const change = await readAgreement(context, request)
  if (isPage(change)) return change
  const code = change.fields.get('user_code') ?? ''
  const waiting = await findDevice(context, server, request, code)
  if (waiting === undefined) return askForCode(code)
  const { client, device: info } = waiting
  if (change.fields.get('answer') === 'no') {
    await waiting.refuse()
    return deviceAnswered(client.name, false)
  }
  const agreement = await agreementIn(context, change, client.name)
  if (isPage(agreement)) return agreement
  if ('fault' in agreement)
    return askToAgreeToDevice({ user: change, helper: client, ...agreement, code, info })
  await waiting.allow(whoIs(change), agreement)
  return deviceAnswered(client.name, true)
}

/** Codes are short, so each address may try few (RFC 8628, 5.1). */
async function findDevice(
  context: PageContext,
  server: AuthorizationServer,
  request: FastifyRequest,
  code: string,
): Promise<WaitingDevice | undefined> {
  context.throttle.count('codes', context.networkOf(context.senderOf(request.raw).from))
  return await server.findDevice(code)
}

/** What leads back to a page of this file. */
interface Way {
  readonly helper: string
  readonly action: string
  readonly hidden: Fields
  readonly next: (account: string) => string
}

/** The user of a request for an account, recently signed in; or the page that leads there. */
async function userFor(
  context: PageContext,
  request: FastifyRequest,
  account: string | undefined,
  { helper, action, hidden, next }: Way,
): Promise<SignedInUser | Page> {
  if (account === undefined || account === '') return accountFor({ helper, action, hidden })
  const session = await context.sessions.find(context.cookies.session(request))
  const requested = await context.accounts.find(account, session !== undefined)
  if (isPage(requested)) return accountFor({ helper, action, hidden, wrong: account })
  if ('setting' in requested.authority) return noAuthority(requested.account.name)
  const user = context.accounts.signedIn(requested, session)
  if (user?.fresh) return user
  const ways = { next: next(requested.account.name), other: next('') }
  return signInFirst({ requested, helper, ...ways, again: user !== undefined })
}

/** The user name of the set that a password would be for, or a page that says why there can be none. */
async function standingOf(
  context: PageContext,
  user: SignedInUser,
  helper: string,
): Promise<{ readonly username: Username } | Page> {
  const { identity, scopeName } = user
  const { scope, owner, username } = identity
  const why = (cannot: Cannot) => cannotGive(user, helper, cannot)
  const own = await ownCredential(context, user)
  if (own !== undefined) {
    if (!own.enabled) return why('switched-off')
    const passwords = await context.registry.passwords(scope, own.username)
    const named = passwords.filter(
      ({ name, over, replacedAt }) => name !== undefined && over === undefined && replacedAt === undefined,
    )
    return named.length >= mostPasswords ? why('too-many') : { username: own.username }
  }
  if (username === undefined) return why('no-name')
  if (await context.nameConflicts.isTaken(scope, username, owner)) return why('taken')
  const { current } = await context.credentials.find(scopeName.scope, undefined, username)
  return current === undefined ? { username } : why('unclaimed')
}

type Agreed = Omit<Agreement, 'client'>

/** A password may not be called so. */
interface Misnamed {
  readonly fault: Said<string>
  readonly username: Username
  readonly name: Said<string>
}

/** What a form agrees to, or what is wrong with the name in it. */
async function agreementIn(
  context: PageContext,
  change: Change,
  helper: string,
): Promise<Agreed | Misnamed | Page> {
  if (change.fields.get('answer') !== 'yes') return notUnderstood
  const standing = await standingOf(context, change, helper)
  if (isPage(standing)) return standing
  const { username } = standing
  const name = (change.fields.get('name') ?? '').trim()
  const flaw = passwordNameFlaw(name)
  if (flaw !== undefined) return { fault: ({ faults }) => faults.name[flaw], username, name: () => name }
  const { scope, owner } = change.identity
  return { account: change.account.name, scope, owner, username, name }
}

/** Who may answer a request: a person in a scope. */
function whoIs({ identity: { scope, owner } }: SignedInUser): string {
  return `${scope} ${owner}`
}

/** The parameters without the account, which the gateway adds to those of OAuth. */
function apart(query: Fields): { readonly account: string | undefined; readonly rest: Fields } {
  return { account: query.get('account'), rest: new Map([...query].filter(([name]) => name !== 'account')) }
}
