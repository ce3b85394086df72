import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import type { SessionStore } from '../../gateway/ports.ts'
import { fieldsOf } from '../changes.ts'
import type { ConsoleParts, PageContext } from '../context.ts'
import { readFields, send } from '../guard.ts'
import type { Page } from '../html.ts'
import { notFromHere, notUnderstood } from '../pages/trouble.ts'
import { createCookies, isSameText } from '../session.ts'
import { queryOf } from '../sign-in.ts'
import { act, actIn, sure } from './acts.ts'
import { find, start } from './finding.ts'
import { actorOf, createHelperSessions, type Helper, isBlockedHelper, isNamed } from './helpers.ts'
import { blocked, goodbye, notNamed, welcome } from './pages.ts'
import { consolePath, directoriesOf, finishSignIn, type HelpDesk, startSignIn } from './sign-in.ts'

/** The console for help desks. */
export interface Desk {
  /** To be mounted below the page, whose guard holds for it as well. */
  readonly routes: FastifyPluginAsync
  /** Completes a sign-in that the console began; `undefined`: it began none. */
  finishSignIn(request: FastifyRequest, reply: FastifyReply): Promise<Page | string | undefined>
}

/** What the routes of the console work with. */
export interface DeskContext extends HelpDesk, Omit<ConsoleParts, 'people'> {}

export function createDesk(context: PageContext, parts: ConsoleParts, store: SessionStore): Desk {
  const life = context.signIn.freshMinutes * 60_000
  const desk: DeskContext = {
    ...parts,
    context,
    sessions: createHelperSessions(store, life, context.now),
    cookies: createCookies(context.secure, 'altgate-console'),
  }
  return {
    routes: app => addRoutes(app, desk),
    finishSignIn: (request, reply) => finishSignIn(desk, request, reply),
  }
}

async function addRoutes(app: FastifyInstance, desk: DeskContext): Promise<void> {
  const { sessions, cookies } = desk
  const get = { exposeHeadRoute: false }
  app.get('/', get, async (request, reply) =>
    send(reply, await forHelpers(desk, request, async () => await home(desk, request))),
  )
  app.get('/sure', get, async (request, reply) =>
    send(reply, await forHelpers(desk, request, async helper => await ask(desk, helper, request))),
  )
  app.get('/sign-in', get, async (request, reply) => {
    const to = await startSignIn(desk, request, reply)
    return to instanceof URL ? reply.redirect(to.href, 303) : send(reply, to)
  })
  app.post('/act', async (request, reply) =>
    send(reply, await forHelpers(desk, request, async helper => await change(desk, helper, request))),
  )
  app.post('/sign-out', async (request, reply) => {
    const helper = await sessions.find(cookies.session(request))
    if (helper !== undefined) {
      if (!isOwnForm(helper, request)) return send(reply, notFromHere)
      await sessions.end(cookies.session(request))
      cookies.dropSession(reply)
    }
    return send(reply, goodbye)
  })
  for (const path of ['/act', '/sign-out']) app.get(path, (_, reply) => reply.redirect(consolePath, 303))
}

/** The page for a signed-in helper who is named in the settings in force; else the way to sign in, or a refusal. */
async function forHelpers(
  desk: DeskContext,
  request: FastifyRequest,
  show: (helper: Helper) => Promise<Page>,
): Promise<Page> {
  const helper = await desk.sessions.find(desk.cookies.session(request))
  if (helper === undefined) return welcome(await directoriesOf(desk), request.method === 'POST')
  if (!isNamed(desk.people, helper)) {
    const [{ scope }] = helper.identities
    return { ...notNamed(`${consolePath}/sign-in?directory=${scope}&ask=other`, false), csrf: helper.csrf }
  }
  if (await isBlockedHelper(desk.tools.registry, helper)) return { ...blocked, csrf: helper.csrf }
  return { ...(await show(helper)), csrf: helper.csrf, console: true }
}

function isOwnForm({ csrf }: Helper, request: FastifyRequest): boolean {
  return isSameText(csrf, fieldsOf(request)?.get('csrf') ?? '')
}

async function home(desk: DeskContext, request: FastifyRequest): Promise<Page> {
  const fields = readFields(queryOf(request).slice(1))
  if (fields === undefined) return notUnderstood
  const typed = fields.get('q')?.trim() ?? ''
  return typed === '' ? await start(desk) : await find(desk, typed)
}

async function ask(desk: DeskContext, helper: Helper, request: FastifyRequest): Promise<Page> {
  const wanted = actIn(readFields(queryOf(request).slice(1)))
  return wanted === undefined ? notUnderstood : await sure(desk, wanted, helper.csrf)
}

async function change(desk: DeskContext, helper: Helper, request: FastifyRequest): Promise<Page> {
  const fields = fieldsOf(request)
  if (fields === undefined) return notUnderstood
  if (!isOwnForm(helper, request)) return notFromHere
  const wanted = actIn(fields)
  if (wanted === undefined) return notUnderstood
  const [{ scope, owner }] = helper.identities
  desk.context.throttle.count('changes', `console ${scope} ${owner}`)
  return await act(desk, wanted, actorOf(helper))
}
