import { setTimeout as delay } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import { type Authorities, type Client, clientOf } from '../common/authorities.ts'
import { atMost } from '../engine/memory.ts'
import type { Grant, GrantRegistry, GrantStore } from '../gateway/delegation.ts'
import type { Instant } from '../gateway/names.ts'
import { Outage } from '../gateway/outage.ts'
import type { Secret } from '../gateway/secret.ts'
import type { Budget, Urgency } from './budget.ts'
import { type Fault, isFault, type Providers, type Renewal, timeoutSeconds } from './provider.ts'
import { createSaving, nameOf, type Received, type Saved } from './saving.ts'
import { keyIdOf, type Sealing } from './sealing.ts'

/** The result of asking a provider, for the metrics. */
export type RenewalResult = Renewal['result'] | 'not-stored'

/** A new access token. */
export interface Renewed {
  readonly token: Secret
  readonly lifeMs: number
  /** When the provider was asked, by the monotonic clock: it lives from then on. */
  readonly askedAt: Instant
}

/**
 * What became of a renewal. `demanded`: the grant has ended because only the user can meet a claims challenge. `elsewhere`:
 * another process has the turn, or the grant has changed, so that the store has to be read again. `unusable`: the gateway
 * cannot use this grant, and the user has to sign in again.
 */
export type Outcome = Renewed | 'ended' | 'demanded' | 'elsewhere' | 'unusable' | 'sealed-otherwise'

/** Renews grants, each in one process at a time. */
export interface Renewing {
  /** `demand`: of a claims challenge that the new token is to meet. Throws `Outage`: of the provider, or of the store. */
  renew(grant: Grant, how: Urgency, demand?: string): Promise<Outcome>
  /** Writes what of this grant could not be written so far. True: it was, and the store has to be read again. Throws `Outage`. */
  settle(grant: Grant): Promise<boolean>
  /** Waits for renewals under way, and tries for a moment to write what is left. */
  close(): Promise<void>
}

/** Reports a fault to the operator; must not throw. */
export type Warn = (sentence: string, facts: Readonly<Record<string, string>>) => void

export const asBefore = Symbol('the scope of the last access token')

export interface RenewingParts {
  readonly authorities: Authorities
  /**
   * What access tokens are requested for. `asBefore`: the same as last time, or nothing, so that no user is asked for a
   * consent that is not needed.
   */
  readonly upstreamScope: string | typeof asBefore
  readonly grants: Pick<GrantStore, 'takeTurn' | 'giveTurnBack' | 'renewed' | 'of'>
  readonly registry: Pick<GrantRegistry, 'endGrant' | 'refuseGrant'>
  readonly sealing: Sealing
  /** Loaded at the first renewal. */
  readonly providers: () => Promise<Providers>
  readonly budget: Budget
  readonly outage: (outage: Outage) => void
  /** Told of each question to a provider, and how many seconds it took. */
  readonly told: (result: RenewalResult, seconds: number) => void
  readonly warn: Warn
  readonly now: () => Instant
}

/** Milliseconds of a turn: the provider's answer, and the time to store it. */
export const leaseMs = (timeoutSeconds + 2) * 1000

/** Milliseconds until a grant is tried again whose provider gave nothing usable for it, doubled each time. */
const pauses = { first: 1000, longest: 60_000 }

/** Who ends a grant that the provider refuses, as the audit log shows it. */
const actor = 'identity-provider'

/** The same where users are checked for liveness, and the credential is switched off, too. */
const livenessActor = 'liveness'

export function createRenewing(parts: RenewingParts): Renewing {
  const { authorities, upstreamScope, grants, registry, sealing, budget, outage, told, warn, now } = parts
  const saving = createSaving({ grants, sealing, outage, now, late })
  const warned = new Set<string>()
  /** Grants for which the provider answers, but not with what can be used. */
  const failures = new LRUCache<string, { readonly count: number; readonly until: Instant }>(atMost(10_000))

  /** A whole directory can be affected: its operator needs to be told once. */
  function warnOnce(sentence: string, facts: Readonly<Record<string, string>>): void {
    const about = JSON.stringify([sentence, facts])
    if (warned.has(about) || warned.size > 1000) return
    warned.add(about)
    warn(sentence, facts)
  }

  /** A process that stops must not lose what it is about to receive. */
  const underWay = new Set<Promise<Outcome>>()

  function renew(grant: Grant, how: Urgency, demand?: string): Promise<Outcome> {
    const renewal = ask(grant, how, demand).finally(() => underWay.delete(renewal))
    underWay.add(renewal)
    return renewal
  }

  async function ask(grant: Grant, how: Urgency, demand: string | undefined): Promise<Outcome> {
    const { scope, issuer, clientId } = grant
    if (grant.refreshToken === undefined) return 'ended'
    const refreshToken = sealing.open(grant.refreshToken, { refreshOf: grant })
    if (refreshToken === undefined) {
      warnOnce(sealedOtherwise, { key: keyIdOf(grant.refreshToken) })
      return 'sealed-otherwise'
    }
    const client = clientOf(grant, authorities)
    if (client === undefined) {
      warnOnce(otherClient, { scope, clientId })
      return 'unusable'
    }
    const failed = failures.get(nameOf(grant))
    if (failed !== undefined && now() < failed.until)
      throw new Outage('provider', new Error('the identity provider gave no usable token a moment ago'))
    const outcome = await budget.run(issuer, how, async () => {
      const providers = await parts.providers()
      const startedAt = now()
      const provider = await providers.at(grant, client)
      if (isFault(provider)) return fail(grant, provider, startedAt)

      const version = await grants.takeTurn(grant, leaseMs)
      if (version === undefined) return 'elsewhere'
      const mine = { ...grant, version }
      const askedAt = now()
      const asked = scopeFor(grant)
      const renewal = await provider.renew(mine, refreshToken, { upstreamScope: asked, demand })
      return await conclude({ grant: mine, client, used: refreshToken, renewal, asked, demand, askedAt })
    })
    if (outcome === 'not-now')
      throw new Outage(
        'provider',
        new Error('the identity provider has failed and is left alone for a while'),
      )
    return outcome
  }

  function scopeFor({ access }: Grant): string | undefined {
    return upstreamScope === asBefore ? access?.of : upstreamScope
  }

  async function conclude(answered: Answered): Promise<Outcome> {
    const { grant, client, used, renewal, asked, demand, askedAt } = answered
    switch (renewal.result) {
      case 'renewed': {
        told('renewed', (now() - askedAt) / 1000)
        budget.succeeded(grant.issuer)
        failures.delete(nameOf(grant))
        const { accessToken: token, refreshToken, lifeSeconds } = renewal
        const lifeMs = lifeSeconds * 1000
        const access = asked !== undefined && { access: { token, of: asked, lifeMs } }
        const received = { grant, used, refreshToken, demand, ...access }
        const saved = await saving.save(received)
        if (saved === 'later') told('not-stored', 0)
        if (saved === 'ended') forsake(received)
        return saved === 'ended' || saved === 'superseded' ? 'elsewhere' : { token, lifeMs, askedAt }
      }
      case 'refused':
      case 'other-person': {
        told(renewal.result, (now() - askedAt) / 1000)
        budget.succeeded(grant.issuer)
        const isOff = renewal.result === 'refused' && renewal.isOfUser && client.liveness !== undefined
        const isDemanded = renewal.result === 'refused' && !renewal.isOfUser && demand !== undefined
        const sought = renewal.result === 'refused' ? renewal.demand : undefined
        const ended = isOff
          ? await registry.refuseGrant(livenessActor, grant)
          : await registry.endGrant(actor, grant, isDemanded ? 'claims' : 'refused', sought)
        if (ended === undefined) return 'elsewhere'
        const { scope, owner } = grant
        if (isOff) warn(switchedOff, { scope, owner, why: renewal.why })
        else if (renewal.result === 'refused')
          warn('an identity provider ended the sign-in of a user', { scope, owner, why: renewal.why })
        else warn('an identity provider answered with the token of another user', { scope, owner })
        return isDemanded ? 'demanded' : 'ended'
      }
      default:
        if (renewal.refreshToken !== undefined && renewal.refreshToken.reveal() !== used.reveal())
          await saving.save({ grant, used, refreshToken: renewal.refreshToken })
        else await giveTurnBack(grant)
        return fail(grant, renewal, askedAt)
    }
  }

  function fail(grant: Grant, { result, why, retryAfterSeconds }: Fault, since: Instant): never {
    told(result, (now() - since) / 1000)
    if (isOfProvider.has(result)) budget.failed(grant.issuer, since, retryAfterSeconds)
    else {
      budget.succeeded(grant.issuer)
      const count = failures.get(nameOf(grant))?.count ?? 0
      failures.set(nameOf(grant), {
        count: count + 1,
        until: now() + Math.min(pauses.longest, pauses.first * 2 ** count),
      })
    }
    throw new Outage('provider', new Error(`${result}: ${why}`))
  }

  /** The lease ends by itself; this only lets others try earlier. */
  async function giveTurnBack(grant: Grant): Promise<void> {
    await grants.giveTurnBack(grant).catch((error: unknown) => {
      if (!(error instanceof Outage)) throw error
    })
  }

  /** The user has disconnected while the renewal was under way: the tokens that it gave must not stay valid. */
  function forsake({ grant, refreshToken }: Received): void {
    const client = clientOf(grant, authorities)
    if (client === undefined) return
    void parts
      .providers()
      .then(providers => providers.at(grant, client))
      .then(provider => (isFault(provider) ? undefined : provider.revoke(refreshToken)))
      .catch(cause => outage(new Outage('provider', cause)))
  }

  function late(received: Received, saved: Saved): void {
    if (saved === 'ended') forsake(received)
  }

  async function settle(grant: Grant): Promise<boolean> {
    const saved = await saving.settle(grant)
    if (saved === 'later') throw new Outage('store', new Error('a renewed token cannot be stored'))
    return saved !== undefined
  }

  async function close(): Promise<void> {
    const enough = new AbortController()
    const patience = delay(leaseMs, undefined, { signal: enough.signal }).catch(() => {})
    await Promise.race([Promise.allSettled(underWay), patience])
    enough.abort()
    await saving.close()
  }

  return { renew, settle, close }
}

interface Answered {
  readonly grant: Grant
  readonly client: Client
  readonly used: Secret
  readonly renewal: Renewal
  /** The scope of the upstream, if a token for it was requested. */
  readonly asked: string | undefined
  /** The claims challenge that it was requested for. */
  readonly demand: string | undefined
  readonly askedAt: Instant
}

/** Faults that all users of the provider would meet. */
const isOfProvider: ReadonlySet<string> = new Set([
  'unreachable',
  'slow',
  'throttled',
  'server-error',
  'misconfigured',
] satisfies Fault['result'][])

const switchedOff =
  'an identity provider refused a user: the sign-in has ended, and the credential is switched off'

const sealedOtherwise =
  'tokens of users are sealed with a key that secrets.sealingKeys does not have: these users are asked to sign in again, unless the key is put back'

const otherClient =
  'users signed in with an app registration that signIn no longer names for their scope: they are asked to sign in again'
