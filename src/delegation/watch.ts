import { type Authorities, livenessIn } from '../common/authorities.ts'
import type { Grant } from '../gateway/delegation.ts'
import type { Instant } from '../gateway/names.ts'
import type { CredentialRecord } from '../gateway/registry.ts'

/** Whether it would be noticed that the user of a credential has left. */
export type Watch =
  | { readonly watched: true; readonly everySeconds: number }
  | {
      readonly watched: false
      readonly because: Unwatched
      /** From then on the credential is switched off, unless its user signs in on the page. Left out: it stays on. */
      readonly until?: Instant
    }

/**
 * Why it would not. `not-set`: the settings do not ask for it; `no-owner`: a command set the password, and no user has
 * claimed it since; `no-sign-in`: the user has not signed in since it is asked for; `ended`: the sign-in has ended, or the user has
 * disconnected; `unusable`: no sealing key opens the sign-in, or it is of another app registration.
 */
export type Unwatched = 'not-set' | 'no-owner' | 'no-sign-in' | 'ended' | 'unusable'

const dayMs = 86_400_000

/** `grant`: of the owner of the credential. `isUsable`: whether a provider can be asked with a grant that has not ended. */
export function watchOf(
  credential: Pick<CredentialRecord, 'scope' | 'username' | 'owner' | 'unproved' | 'confirmedAt'>,
  grant: Grant | undefined,
  {
    authorities,
    isUsable,
  }: { readonly authorities: Authorities; readonly isUsable: (grant: Grant) => boolean },
): Watch {
  const rule = livenessIn(credential.scope, authorities)
  if (rule === undefined) return { watched: false, because: 'not-set' }
  const because = whyNot(credential, grant, isUsable)
  if (because === undefined) return { watched: true, everySeconds: rule.everySeconds }
  const { unwatchedDays: days, unwatchedUsers: spared = [] } = rule
  if (days === undefined || spared.includes(credential.username)) return { watched: false, because }
  const since = Math.max(
    credential.confirmedAt,
    grant === undefined || because === 'no-owner' ? 0 : (grant.ended?.at ?? grant.checkedAt),
  )
  return { watched: false, because, until: since + days * dayMs }
}

function whyNot(
  { owner, unproved }: Pick<CredentialRecord, 'owner' | 'unproved'>,
  grant: Grant | undefined,
  isUsable: (grant: Grant) => boolean,
): Unwatched | undefined {
  if (owner === undefined || unproved) return 'no-owner'
  if (grant === undefined) return 'no-sign-in'
  if (grant.ended !== undefined) return 'ended'
  return isUsable(grant) ? undefined : 'unusable'
}
