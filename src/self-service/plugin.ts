import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import type { Logo } from '../common/logo.ts'
import { palette } from '../common/palette.ts'
import { InDoubt, Outage } from '../gateway/outage.ts'
import {
  claimCredential,
  disconnect,
  fieldsOf,
  linkIdentities,
  show,
  switchCredential,
  unlinkIdentities,
} from './changes.ts'
import type { Desk } from './console/plugin.ts'
import {
  type ConsoleParts,
  createPageContext,
  type PageContext,
  ProviderFailed,
  type SelfServiceObserver,
  type SelfServiceParts,
} from './context.ts'
import { addGitHelper } from './git-helper.ts'
import { addGuard, readFields, send } from './guard.ts'
import { isPage, type Page } from './html.ts'
import { addOAuthPages } from './oauth.ts'
import { oauthEndpoints } from './oauth-endpoints.ts'
import { withMoveAhead } from './pages/moving.ts'
import {
  inDoubt,
  noAuthority,
  noSuchPage,
  notFromHere,
  notUnderstood,
  partUnavailable,
  providerTrouble,
  tooLarge,
  tooManyRequests,
  wrongType,
} from './pages/trouble.ts'
import { goodbye, welcome, whichAccount } from './pages/welcome.ts'
import { addPassword, replacing, revokePasswords } from './passwords.ts'
import { isSameText } from './session.ts'
import { setPassword } from './set-password.ts'
import { finishSignIn, queryOf, signInToo, startSignIn } from './sign-in.ts'
import { TooManyRequests } from './throttle.ts'

/**
 * The page where users set their alternate credentials, mounted under `/_altgate` on the public port.
 * A session permits what its identities permit, and nothing else.
 */
export function createSelfService(parts: SelfServiceParts): FastifyPluginAsync {
  const context = createPageContext(parts)
  const { oauth } = context
  return async app => {
    const desk = parts.console && (await openDesk(context, parts.console, parts.sessions))
    await app.register(page, { context, desk })
    if (oauth !== undefined) await app.register(oauthEndpoints, { context, server: oauth })
  }
}

/** Loaded only where the console is switched on. */
async function openDesk(
  context: PageContext,
  parts: ConsoleParts,
  sessions: SelfServiceParts['sessions'],
): Promise<Desk> {
  const { createDesk } = await import('./console/plugin.ts')
  return createDesk(context, parts, sessions)
}

interface PageOptions {
  readonly context: PageContext
  readonly desk: Desk | undefined
}

async function page(app: FastifyInstance, { context, desk }: PageOptions): Promise<void> {
  app.setErrorHandler((error, request, reply) => send(reply, pageAbout(error, request, context.observer)))
  app.setNotFoundHandler((_, reply) => send(reply, noSuchPage))
  await addGuard(app, context)
  addAssets(app)
  if (context.brand?.logo !== undefined) addLogo(app, context.brand.logo)
  addSignIn(app, context, desk)
  if (desk !== undefined) await app.register(desk.routes, { prefix: '/admin' })
  app.get('/', async (request, reply) => send(reply, await home(context, request)))
  addChange(app, '/credential', request => setPassword(context, request))
  addChange(app, '/password', request => addPassword(context, request))
  addChange(app, '/revoke', request => revokePasswords(context, request))
  addChange(app, '/switch', request => switchCredential(context, request))
  addChange(app, '/claim', request => claimCredential(context, request))
  addChange(app, '/disconnect', request => disconnect(context, request))
  addChange(app, '/link', request => linkIdentities(context, request))
  addChange(app, '/unlink', request => unlinkIdentities(context, request))
  if (context.oauth !== undefined) addOAuthPages(app, context, context.oauth)
  if (context.oauth?.deviceCodes === true) addGitHelper(app)
}

/** `GET /`: an account's page, or the question which one. */
async function home(context: PageContext, request: FastifyRequest): Promise<Page> {
  const { accounts, sessions, cookies } = context
  const fields = readFields(queryOf(request).slice(1))
  if (fields === undefined) return notUnderstood
  const session = await sessions.find(cookies.session(request))
  const typed = fields.get('account')
  if (typed === undefined) {
    const page = whichAccount(await accounts.setsOf(session))
    return { ...page, ...(session && { csrf: session.csrf }) }
  }

  const requested = await accounts.find(typed, session !== undefined, fields.get('scope'))
  if (isPage(requested)) return requested
  const user = accounts.signedIn(requested, session)
  if (user !== undefined) return await show(context, user, await replacing(context, user, fields))
  const { account, authority, coming } = requested
  if ('setting' in authority) {
    const page = noAuthority(account.name)
    if (account.planned === undefined || coming !== undefined) return page
    return withMoveAhead(page, account, account.planned)
  }
  return welcome(requested, await context.acting.wantedFor(requested))
}

function addSignIn(app: FastifyInstance, context: PageContext, desk: Desk | undefined): void {
  // HEAD, which some mail programs send to preview links, must not consume a sign-in.
  const get = { exposeHeadRoute: false }
  app.get('/sign-in', get, async (request, reply) => {
    const to = await startSignIn(context, request, reply)
    return to instanceof URL ? reply.redirect(to.href, 303) : send(reply, to)
  })
  app.get('/callback', get, async (request, reply) => {
    // The console's sign-ins return here as well: app registrations name one address.
    const to = (await desk?.finishSignIn(request, reply)) ?? (await finishSignIn(context, request, reply))
    if (to instanceof URL) return reply.redirect(to.href, 303)
    return typeof to === 'string' ? reply.redirect(to, 303) : send(reply, to)
  })
  app.post('/sign-in-too', async (request, reply) => send(reply, await signInToo(context, request, reply)))
  redirectHome(app, '/sign-in-too')
  app.post('/sign-out', async (request, reply) => {
    const { sessions, cookies } = context
    const session = await sessions.find(cookies.session(request))
    if (session !== undefined) {
      if (!isSameText(session.csrf, fieldsOf(request)?.get('csrf') ?? '')) return send(reply, notFromHere)
      await sessions.end(cookies.session(request))
      cookies.dropSession(reply)
    }
    return send(reply, goodbye)
  })
  redirectHome(app, '/sign-out')
}

function addChange(
  app: FastifyInstance,
  path: string,
  change: (request: FastifyRequest) => Promise<Page>,
): void {
  app.post(path, async (request, reply) => send(reply, await change(request)))
  redirectHome(app, path)
}

/** After a POST the browser shows the form's address; opening it again leads to the start page. */
function redirectHome(app: FastifyInstance, path: string): void {
  app.get(path, (_, reply) => reply.redirect('/_altgate/', 303))
}

/** Name, type, and what the file begins with. */
const files = [
  ['style.css', 'text/css; charset=utf-8', palette],
  ['page.js', 'text/javascript; charset=utf-8', ''],
  ['icon.svg', 'image/svg+xml', ''],
] as const

/** Serves the page's style, script and icon. Browsers revalidate each time, so a new version is used at once. */
function addAssets(app: FastifyInstance): void {
  for (const [name, type, beginning] of files) {
    const body = beginning + readFileSync(join(import.meta.dirname, 'assets', name), 'utf8')
    addFile(app, name, type, Buffer.from(body))
  }
}

/** Opened by itself, an SVG is a document: it gets a policy under which its scripts do not run. */
function addLogo(app: FastifyInstance, { type, bytes }: Logo): void {
  addFile(app, 'logo', type, bytes, reply =>
    reply.header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'; sandbox"),
  )
}

function addFile(
  app: FastifyInstance,
  name: string,
  type: string,
  body: Buffer,
  prepare: (reply: FastifyReply) => unknown = () => {},
): void {
  const tag = `"${createHash('sha256').update(body).digest('base64url')}"`
  app.get(`/${name}`, (request, reply) => {
    prepare(reply)
    reply.header('etag', tag).header('cache-control', 'no-cache')
    const same = request.headers['if-none-match']
      ?.split(',')
      .some(each => each.trim().replace(/^W\//, '') === tag)
    return same === true ? reply.code(304).send() : reply.type(type).send(body)
  })
}

/** Seconds after which a retry makes sense when a part is down. */
const outageRetryAfter = 5

/** The page for an error. The observer is told unless the client caused it. */
function pageAbout(error: unknown, { id }: FastifyRequest, observer: SelfServiceObserver): Page {
  if (error instanceof TooManyRequests) return tooManyRequests(error.retryAfter)
  if (error instanceof ProviderFailed) {
    observer.providerFailed(error, id)
    return providerTrouble(error.failing)
  }
  if (error instanceof Outage) {
    observer.outage(error)
    if (error instanceof InDoubt) return inDoubt(error.made)
    return partUnavailable(outageRetryAfter)
  }
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined
  if (status === 413) return tooLarge
  if (status === 415) return wrongType
  if (typeof status === 'number' && status >= 400 && status < 500) return notUnderstood
  observer.bug(error, id)
  return partUnavailable(outageRetryAfter)
}
