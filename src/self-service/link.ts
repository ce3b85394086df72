import type { FastifyRequest } from 'fastify'
import { readChange, show, showMade, tell } from './changes.ts'
import type { Desk } from './desk.ts'
import { isPage, type Page } from './page.ts'

/**
 * `POST /link`: two of those whom somebody has signed in as are one person. Both sign-ins stand in one session, the
 * second because a form of the first asked for it, and are recent, which is all the proof there can be: no authority knows of the other.
 */
export async function linkIdentities(desk: Desk, request: FastifyRequest): Promise<Page> {
  const change = await readChange(desk, request)
  if (isPage(change)) return change
  const others = await desk.reception.otherSelves(change)
  const other = others.find(({ place }) => place.scope === change.fields.get('with'))
  if (other === undefined || !other.fresh) {
    return await show(desk, change, {
      note: 'Sign in here once more, then for the other account from this page, and then say it. Nothing was changed this time.',
    })
  }
  if (other.linked) {
    return await show(desk, change, { note: 'That was known already. Nothing was changed this time.' })
  }
  const problem = await desk.registry.link(change.actor, change.identity, other.identity)
  if (problem !== undefined) throw new Error(`two identities could not be linked: ${problem.problem}`)
  tell(desk, change, change.username, 'linked')
  return await showMade(show(desk, change, { done: 'Linked: both are you.' }))
}
