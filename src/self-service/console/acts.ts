import { readShown, type Shown } from '../../administration/credentials.ts'
import { anyName, scope as readScope, Unusable } from '../../administration/given.ts'
import { blockPerson, revokeSessions } from '../../administration/people.ts'
import { revokePasswords } from '../../administration/passwords.ts'
import { factOf, inPart, insist, NotMade, Refused } from '../../administration/problems.ts'
import { endSignIn } from '../../administration/sign-outs.ts'
import { resetPageOf } from '../../administration/accounts.ts'
import { Failure } from '../../common/failure.ts'
import { unreachable } from '../../gateway/decision.ts'
import type { AccountName, Scope, Username } from '../../gateway/names.ts'
import { noPassword } from '../../gateway/ports.ts'
import type { Fields } from '../guard.ts'
import type { Page } from '../html.ts'
import { done, noOwner, notDone, sureOf } from './pages.ts'
import type { DeskContext } from './plugin.ts'

/** What a helper wants to do. */
export type Act =
  | { readonly what: 'block' | 'unblock' | 'sign-out'; readonly user: Username }
  | {
      readonly what: 'disable' | 'enable' | 'reset' | 'revoke-passwords'
      readonly user: Username
      readonly scope: Scope
    }

/** Reads what a form or a link asks for; `undefined`: nothing that there is. */
export function actIn(fields: Fields | undefined): Act | undefined {
  try {
    const what = fields?.get('act')
    const user = anyName(fields?.get('user') ?? '')
    if (what === 'block' || what === 'unblock' || what === 'sign-out') return { what, user }
    if (what !== 'disable' && what !== 'enable' && what !== 'reset' && what !== 'revoke-passwords')
      return undefined
    return { what, user, scope: readScope(fields?.get('scope') ?? '') }
  } catch (error) {
    if (error instanceof Unusable) return undefined
    throw error
  }
}

/** Asks once, and says what will happen. Changes nothing. */
export async function sure(desk: DeskContext, wanted: Act, csrf: string): Promise<Page> {
  return await told(desk, wanted.user, async () => {
    if (wanted.what !== 'reset') return sureOf(wanted, csrf)
    const shown = await readShown(desk.tools, wanted.scope, wanted.user)
    return shown.record.owner === undefined ? noOwner(shown.record) : sureOf(wanted, csrf)
  })
}

/** Does it. It is in force in every gateway when the page says so. */
export async function act(desk: DeskContext, wanted: Act, actor: string): Promise<Page> {
  return await told(desk, wanted.user, async () => {
    const { tools } = desk
    const { registry } = tools
    const { user } = wanted
    switch (wanted.what) {
      case 'block':
        await blockPerson(registry, actor, user, true)
        return done(user, `${user} is blocked in all scopes, in every gateway.`)
      case 'unblock':
        await blockPerson(registry, actor, user, false)
        return done(user, `${user} is no longer blocked, in every gateway.`)
      case 'sign-out':
        return await signOut(desk, user, actor)
      case 'disable':
        await insist(registry.switchCredential(actor, wanted.scope, user, false))
        return done(user, `The credentials of ${user} are switched off, in every gateway.`)
      case 'enable':
        await insist(registry.switchCredential(actor, wanted.scope, user, true, 'operator'))
        return done(user, `The block of these credentials of ${user} has ended, in every gateway.`)
      case 'revoke-passwords': {
        const revoked = await revokePasswords(tools, actor, wanted)
        const names = revoked.map(({ name }) => name).join(', ')
        return done(user, `Revoked in every gateway: ${names}.`)
      }
      case 'reset':
        return await reset(desk, wanted, actor)
      default:
        return unreachable(wanted)
    }
  })
}

async function signOut({ tools }: DeskContext, user: Username, actor: string): Promise<Page> {
  const sessions = await revokeSessions(tools.registry, actor, user, undefined)
  let signIns = 0
  await inPart('The sessions have ended, but not all sign-ins. Do it again.', async () => {
    for (const { scope, owner, username } of await tools.registry.person(user))
      if (owner !== undefined && (await endSignIn(tools, actor, scope, username)) !== undefined) signIns += 1
  })
  return done(
    user,
    `${user} is signed out, in every gateway. Sessions that have ended: ${sessions}; sign-ins by which the gateway acted as the user: ${signIns}.`,
  )
}

/** The password is replaced by one that no one has seen; its owner makes a new one on the page. */
async function reset(
  { tools, settings }: DeskContext,
  { user, scope }: Extract<Act, { readonly scope: Scope }>,
  actor: string,
): Promise<Page> {
  const shown = await readShown(tools, scope, user)
  const { username, secondary, owner } = shown.record
  if (owner === undefined) return noOwner(shown.record)
  const { id, mac } = tools.generated.make()
  await insist(
    tools.registry.resetCredential(actor, scope, {
      username,
      hash: noPassword,
      generated: { id, mac },
      samePerson: true,
      ...(secondary !== undefined && { secondary }),
    }),
  )
  return done(username, `The password of ${username} has ended, in every gateway.`, {
    page: resetPageOf(accountOf(shown), settings),
    username,
  })
}

/** An account that the credentials open: the one that was used last, if one was. */
function accountOf({ accounts }: Shown): AccountName {
  const open = accounts.filter(({ member }) => member !== false)
  const [last] = open.toSorted((one, other) => (other.use?.at ?? 0) - (one.use?.at ?? 0))
  return (last?.name ?? '') as AccountName // names of accounts
}

/** The page, or one that says why it cannot be. */
async function told({ context }: DeskContext, user: Username, work: () => Promise<Page>): Promise<Page> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    if (error instanceof NotMade) context.observer.outage(error.outage)
    const why = error instanceof Refused ? factOf(error.problem) : error.message
    return notDone(user, why, error instanceof NotMade ? 503 : 409)
  }
}
