import type { Instant, Scope, Username } from '../gateway/names.ts'
import type { Registry } from '../gateway/registry.ts'
import type { CredentialChange, Notice } from './webhook.ts'

/**
 * The same registry, which tells owners when a sign-in begins and ends to let requests act as them, and when a check switches
 * their credential off. One place for the page, for requests and for checks; commands have a registry without notices.
 */
export function withNotices(registry: Registry, notice: Notice, now: () => Instant): Registry {
  /** A user without a name from the provider cannot be notified. */
  function tell(scope: Scope, username: Username | undefined, what: CredentialChange['what']): void {
    if (username !== undefined) notice.credentialChanged({ scope, username, what, at: now() })
  }

  return {
    ...registry,
    async giveGrant(actor, grant) {
      const given = await registry.giveGrant(actor, grant)
      // Every sign-in gives one; only the first connects.
      if (given === 'connected') tell(grant.scope, grant.username, 'connected')
      return given
    },
    async endGrant(actor, grant, cause, demand) {
      const ended = await registry.endGrant(actor, grant, cause, demand)
      const what = cause === 'disconnected' ? 'disconnected' : 'sign-in-ended'
      if (ended !== undefined) tell(ended.scope, ended.username, what)
      return ended
    },
    async refuseGrant(actor, grant) {
      const refused = await registry.refuseGrant(actor, grant)
      if (refused !== undefined) tell(refused.scope, refused.username, 'disabled-by-liveness')
      return refused
    },
    async disableUnconfirmed(actor, which, sinceMs) {
      const isOff = await registry.disableUnconfirmed(actor, which, sinceMs)
      if (isOff) tell(which.scope, which.username, 'disabled-by-liveness')
      return isOff
    },
  }
}
