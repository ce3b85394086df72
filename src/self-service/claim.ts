import type { FastifyRequest } from 'fastify'
import { readPassword } from '../gateway/credential.ts'
import type { Secret } from '../gateway/secret.ts'
import { ownCredential, readChange, show, showMade, tell, type Change } from './changes.ts'
import type { Desk } from './desk.ts'
import { busy, nameTaken } from './pages/trouble.ts'
import { isPage, type Page } from './page.ts'

/** `POST /claim`: gives a credential that an operator made to the person of its name, who knows its password. */
export async function claimCredential(desk: Desk, request: FastifyRequest): Promise<Page> {
  const change = await readChange(desk, request)
  if (isPage(change)) return change
  if ((await ownCredential(desk, change)) !== undefined) {
    return await show(desk, change, {
      note: 'These credentials are yours already. Nothing was changed this time.',
    })
  }
  const password = readPassword(change.fields.get('current') ?? '')
  if (password.isEmpty) return await show(desk, change, { faults: { current: 'Type the present password.' } })

  const { scope, owner } = change.identity
  // Not compared: the page must not tell whether another person's password is right.
  if (await desk.contests.isTaken(scope, change.username, owner))
    return nameTaken(change.place, change.username)
  desk.throttle.count('claims', `${scope} ${change.username}`)
  const compared = await compare(desk, change, password)
  if (compared === 'busy') return busy(change.account.name)
  if (compared === 'mismatch') {
    return await show(desk, change, { faults: { current: 'That is not the present password.' } })
  }
  const problem = await desk.registry.claimCredential(change.actor, scope, change.username, owner)
  if (problem !== undefined) return nameTaken(change.place, change.username)
  tell(desk, change, change.username, 'claimed')
  return await showMade(show(desk, change, { done: 'They are yours now.' }))
}

/** One password hash, as at the door. */
async function compare({ credentials, hasher, keys, generated }: Desk, change: Change, password: Secret) {
  if (generated.isForged(password)) return 'mismatch'
  const { username, identity } = change
  const { current } = await credentials.find(identity.scope, undefined, username)
  const proof = keys.proof(identity.scope, undefined, username, password)
  return await hasher.compare({ password, proof }, current?.hash ?? 'decoy')
}
