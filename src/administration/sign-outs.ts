import type { Grant, Grants, Revocation } from '../gateway/delegation.ts'
import type { Scope, Username } from '../gateway/names.ts'
import { Outage } from '../gateway/outage.ts'
import { notMade, Refused } from './problems.ts'
import { signInOf } from './sign-ins.ts'
import type { Tools } from './tools.ts'

/** Ends the sign-in of a user. `undefined`: there was none. Throws `Refused` for an unknown user, and `NotMade`. */
export async function endSignIn(
  tools: Pick<Tools, 'registry' | 'store' | 'grants'>,
  actor: string,
  scope: Scope,
  user: Username,
): Promise<Revocation | undefined> {
  const found = await signInOf(tools, scope, user)
  if (found === 'unknown') throw new Refused({ problem: 'no-such-credential', username: user, scope })
  if (found?.refreshToken === undefined) return undefined
  return await tools.grants.end(actor, found, 'signed-out').catch(notMade)
}

export const atProvider: Readonly<Record<Revocation, string>> = {
  revoked: 'It is revoked at the identity provider.',
  'no-endpoint':
    'The identity provider cannot be asked to revoke it: revoke the sessions of the user there, if the token may have been stolen.',
  failed: 'It is not revoked at the identity provider.',
}

export const notRevoked =
  'The identity provider was not reached or refused, or the settings no longer have the sealing key or the app registration of the sign-in. The gateway has deleted its copy; revoke the sessions of the user at the provider, if the token may have been stolen.'

/** What became of many sign-ins. */
export interface Ended {
  /** How many ended, by what their providers said. */
  readonly counts: Readonly<Record<Revocation, number>>
  /** Not tried any more: Ctrl-C, or an outage. */
  readonly left: number
  readonly outage?: Outage
}

/** Sign-ins that are ended at the same time: each waits for all gateways, and then for its provider. */
const mostAtOnce = 8

/** After so many failures in a row a provider is not asked any more: ending the others must not wait for it. */
const mostFailures = 3

/** Ends each one here before its provider is asked, and begins none after `stop` or an outage. */
export async function endAll(
  active: readonly Grant[],
  parts: {
    readonly grants: Pick<Grants, 'end'>
    readonly actor: string
    readonly stop: AbortSignal
    readonly progress: (done: number) => void
  },
): Promise<Ended> {
  const { grants, actor, stop, progress } = parts
  const counts: Record<Revocation, number> = { revoked: 0, 'no-endpoint': 0, failed: 0 }
  const failures = new Map<string, number>()
  const waiting = [...active]
  let done = 0
  let outage: Outage | undefined

  async function lane(): Promise<void> {
    while (!stop.aborted && outage === undefined) {
      const grant = waiting.shift()
      if (grant === undefined) return
      const failed = failures.get(grant.issuer) ?? 0
      const revoke = failed < mostFailures
      const revocation = await grants.end(actor, grant, 'signed-out', { revoke }).catch((error: unknown) => {
        if (!(error instanceof Outage)) throw error
        waiting.push(grant)
        outage ??= error
        return undefined
      })
      if (outage !== undefined && revocation === undefined) return
      progress((done += 1))
      if (revocation === undefined) continue // it has ended meanwhile
      counts[revocation] += 1
      if (revoke) failures.set(grant.issuer, revocation === 'failed' ? failed + 1 : 0)
    }
  }

  await Promise.all(Array.from({ length: mostAtOnce }, lane))
  return { counts, left: waiting.length, ...(outage !== undefined && { outage }) }
}
