import type { FastifyRequest } from 'fastify'
import type { Username } from '../gateway/names.ts'
import { InDoubt, Outage } from '../gateway/outage.ts'
import type { CredentialRecord } from '../gateway/registry.ts'
import type { Desk } from './desk.ts'
import type { Fields } from './fields.ts'
import type { CredentialChange } from './notice.ts'
import { notFromHere, notUnderstood, signedOut, stale } from './pages/trouble.ts'
import { profile, type Told } from './pages/profile.ts'
import { isPage, type Page } from './page.ts'
import { isSameText } from './session.ts'
import type { Visitor } from './reception.ts'

/** Somebody who may change something, and the form that says what. */
export interface Change extends Visitor {
  readonly fields: Fields
  readonly actor: string
  /** What the credential is called; changes need one. */
  readonly username: Username
}

/**
 * Who sent a form, if all is well: signed in for the account, in this session, not long ago. Else a page that says
 * what is missing. Nothing has been looked at then but the account.
 */
export async function readChange(desk: Desk, request: FastifyRequest): Promise<Change | Page> {
  const fields = fieldsOf(request)
  if (fields === undefined) return notUnderstood
  const session = await desk.sessions.find(desk.cookies.session(request))
  if (session !== undefined && !isSameText(session.csrf, fields.get('csrf') ?? '')) return notFromHere

  const guest = await desk.reception.receive(fields.get('account') ?? '')
  if (isPage(guest)) return guest
  const visitor = desk.reception.recognise(guest, session)
  if (visitor === undefined) return signedOut(guest.account.name, guest.place)
  if (!visitor.fresh) return stale(guest.account.name)

  const { owner, scope, username } = visitor.identity
  desk.throttle.count('changes', `${scope} ${owner}`)
  if (username === undefined) return await show(desk, visitor, {})
  return { ...visitor, fields, username, actor: `page:${owner}` }
}

/** The form of a request; `undefined` if it could not be read. */
export function fieldsOf(request: FastifyRequest): Fields | undefined {
  // The one parser of these routes gives nothing else.
  return (request.body as { readonly fields?: Fields } | undefined)?.fields
}

/** The page of the account as it is now, and what is to be said about it. */
export async function show(desk: Desk, visitor: Visitor, told: Told): Promise<Page> {
  return profile(await desk.reception.profileOf(visitor), told)
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
export async function switchCredential(desk: Desk, request: FastifyRequest): Promise<Page> {
  const change = await readChange(desk, request)
  if (isPage(change)) return change
  const wanted = change.fields.get('on')
  if (wanted !== '0' && wanted !== '1') return notUnderstood
  const on = wanted === '1'
  const credential = await ownCredential(desk, change)
  if (credential === undefined) return await show(desk, change, { note: 'There is nothing to switch yet.' })
  if (credential.enabled === on) {
    const note = `They were switched ${on ? 'on' : 'off'} already. Nothing was changed this time.`
    return await show(desk, change, { note })
  }
  const { scope } = change.identity
  const problem = await desk.registry.switchCredential(change.actor, scope, credential.username, on)
  if (problem !== undefined) throw new Error(`a credential went away: ${problem.problem}`)
  tell(desk, change, credential.username, on ? 'enabled' : 'disabled')
  return await showMade(show(desk, change, { done: on ? 'Switched on.' : 'Switched off, everywhere.' }))
}

export function ownCredential(desk: Desk, { identity }: Visitor): Promise<CredentialRecord | undefined> {
  return desk.registry.ownCredential(identity.scope, identity.owner)
}

/** Tells whoever tells the person. */
export function tell(desk: Desk, change: Change, username: Username, what: CredentialChange['what']): void {
  desk.notice.credentialChanged({ scope: change.identity.scope, username, what, at: desk.now() })
}
