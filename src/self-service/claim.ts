import type { FastifyRequest } from 'fastify'
import { readPassword } from '../gateway/credential.ts'
import type { Compared } from '../gateway/ports.ts'
import type { Secret } from '../gateway/secret.ts'
import { ownCredential, readChange, show, showMade, tell, type Change } from './changes.ts'
import type { Desk } from './desk.ts'
import { busy, nameTaken } from './pages/trouble.ts'
import { isPage, type Page } from './page.ts'
import { TooMuch } from './throttle.ts'

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
  const compared = await compare(desk, change, password, desk.senderOf(request.raw).from)
  if (compared === 'busy') return busy(change.account.name)
  if (compared === 'mismatch') {
    return await show(desk, change, { faults: { current: 'That is not the present password.' } })
  }
  const problem = await desk.registry.claimCredential(change.actor, scope, change.username, owner)
  if (problem !== undefined) return nameTaken(change.place, change.username)
  tell(desk, change, change.username, 'claimed')
  return await showMade(show(desk, change, { done: 'They are yours now.' }))
}

/** One password hash, as at the door; and counted as there, because it is a guess at the same credential. */
async function compare(desk: Desk, change: Change, password: Secret, from: string) {
  const { credentials, hasher, keys, generated, guesses } = desk
  if (generated.isForged(password)) return 'mismatch'
  const { username, account } = change
  const { scope } = change.identity
  const { current } = await credentials.find(scope, undefined, username)
  const proof = keys.proof(scope, undefined, username, password)
  const attempt = { scope, former: undefined, username, password, slot: keys.slot(scope, username), proof }
  const compared = { scope, username: current?.username ?? username }
  const caller = { account: account.name, from, lane: 'production' } as const
  const admission = await guesses.admit(attempt, caller, { compared, beside: undefined })
  if ('by' in admission) throw new TooMuch(Math.ceil(admission.retryAfter))
  let found: Compared = 'busy'
  try {
    found = await hasher.compare({ password, proof }, current?.hash ?? 'decoy')
    return found
  } finally {
    if (found !== 'mismatch') admission.absolve() // of a full queue and an outage, too
  }
}
