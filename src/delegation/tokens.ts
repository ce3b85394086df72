import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import { createSharedCalls } from '../common/calls.ts'
import { demandIn } from '../common/claims-request.ts'
import { atMost } from '../engine/memory.ts'
import { scopeOf } from '../gateway/account.ts'
import type { Allow } from '../gateway/decision.ts'
import type {
  Delegation,
  FoundGrant,
  Grant,
  GrantRegistry,
  GrantStore,
  SignInCause,
  UserToken,
} from '../gateway/delegation.ts'
import type { Instant, Scope, Slot, Subject, Username } from '../gateway/names.ts'
import { Outage } from '../gateway/outage.ts'
import type { Secret } from '../gateway/secret.ts'
import { type Found, type Held, isSame, type TokenMemory } from './memory.ts'
import { timeoutSeconds } from './provider.ts'
import { leaseMs, type Renewing } from './renewal.ts'
import type { Sealing } from './sealing.ts'

export interface DelegationParts {
  /** Whether a request reaches its upstream as its user. */
  readonly delegates: (allowed: Allow) => boolean
  /** What access tokens are requested for. */
  readonly upstreamScope: string
  readonly memory: TokenMemory
  readonly grants: Pick<GrantStore, 'ofSubject'>
  readonly registry: Pick<GrantRegistry, 'endGrant'>
  readonly sealing: Sealing
  readonly renewing: Renewing
  readonly slotOf: (scope: Scope, username: Username) => Slot
  /** Told of outages that no request waits for. */
  readonly outage: (outage: Outage) => void
  readonly now: () => Instant
}

/** Milliseconds that a request waits for a token: a turn that another process has left, and one of its own. */
const patience = leaseMs + (timeoutSeconds + 1) * 1000

/** Milliseconds between two looks at a turn of another process. */
const looks = { first: 50, longest: 500 }

/** Milliseconds until a token is renewed ahead again: another process may be about to, or the provider has failed. */
const pauses = { elsewhere: 1000, failed: 5000 }

/** Milliseconds before its end at which a token counts as ended: requests take time. At most a tenth of its life. */
const longestMargin = 30_000

/** Milliseconds for which a token that follows a rejected one is kept: the upstream would reject the next one, too. */
const newFor = 60_000

/**
 * Milliseconds for which a token is used without another question to the provider. Tokens for continuous access evaluation
 * live for up to 28 hours; the rest of their life bridges outages, so that a user who has left is noticed as before.
 */
const trustedFor = 90 * 60_000

/** Milliseconds for which a token is used beyond that while the provider is down, until it is asked again. */
const spareFor = 30_000

/** Whose token it is. */
interface User {
  readonly key: string
  /** Of the account, and of the grant. */
  readonly scope: Scope
  readonly subject: Subject
  readonly slots: readonly Slot[]
}

/**
 * Why a token is looked for, if not because there is none: the present one is to be renewed, or was rejected, perhaps by a
 * claims challenge. `demand`: what that asks for, if it says so in a form that can be passed on.
 */
type Reason =
  | { readonly ahead: true }
  | { readonly rejected: UserToken; readonly challenge?: Challenge }
  | undefined

interface Challenge {
  readonly demand: string | undefined
}

type Answer = Found<Held | SignInCause>

/** Tokens out of memory, out of the store, and renewed, in this order. */
export function createDelegation(parts: DelegationParts): Delegation {
  const { delegates, upstreamScope, memory, grants, registry, sealing, renewing, slotOf, now } = parts
  const calls = createSharedCalls<string, Answer>()
  /** Until when no renewal ahead is begun for a user. */
  const ahead = new LRUCache<string, Instant>(atMost(20_000))
  /** Until when a token that followed a rejected one is new. */
  const replaced = new LRUCache<string, Instant>(atMost(20_000))

  function userOf({ account, scope, subject, username }: Allow): User {
    const present = scopeOf(account.connection)
    const slots = [slotOf(present, username)]
    // By a credential of the former scope: its link leads to the grant.
    if (scope !== present) slots.push(slotOf(scope, username))
    return { key: keyOf(present, subject), scope: present, subject, slots }
  }

  /**
   * Shares what is under way, unless it turns out to be older than a change that this process knows of: it may have begun
   * before a commit that the caller must see.
   */
  async function look(user: User, reason: Reason): Promise<UserToken | SignInCause> {
    const name = reason === undefined ? user.key : `${user.key} ${kindOf(reason)}`
    let isOwn = false
    const first = await calls.join(name, () => {
      isOwn = true
      return obtain(user, reason)
    })
    const { value } =
      isOwn || !memory.isVoid(first) ? first : await calls.join(name, () => obtain(user, reason))
    if (typeof value === 'string') return value
    if (reason === undefined && now() >= value.renewAt) renewAhead(user)
    return value.token
  }

  /** Throws `Outage`. */
  async function obtain(user: User, reason: Reason): Promise<Answer> {
    const urgent = reason === undefined || !('ahead' in reason)
    const challenge = reason !== undefined && 'rejected' in reason ? reason.challenge : undefined
    const deadline = now() + patience
    let pause = looks.first
    for (;;) {
      const readAt = now()
      const found = await grants.ofSubject(user.scope, user.subject)
      const answer = (value: Held | SignInCause): Answer => {
        const all = { asOf: found.asOf, slots: user.slots }
        if (typeof value !== 'string') return { ...all, value: memory.remember(user.key, { ...all, value }) }
        memory.drop(user.key)
        return { ...all, value }
      }
      const { grant } = found
      if (grant === undefined) return answer('no-grant')
      if (grant.ended !== undefined) return answer(grant.ended.cause === 'claims' ? 'claims' : 'ended')

      if (await renewing.settle(grant)) continue

      const held = heldIn(found, grant, readAt)
      if (held !== undefined && isGoodEnough(held, reason)) return answer(held)

      if (challenge !== undefined && held !== undefined && isInVain(challenge, found, grant)) {
        // Only as it was read: the user may sign in at this moment.
        const ended = await registry.endGrant('upstream', grant, 'claims', challenge.demand)
        if (ended !== undefined) return answer('claims')
      }
      const outcome = await renewing
        .renew(grant, { urgent, deadline }, challenge?.demand)
        .catch((error: unknown) => {
          const spare = reason === undefined ? spareIn(found, grant, readAt) : undefined
          if (spare === undefined || !(error instanceof Outage && error.part === 'provider')) throw error
          return spare
        })
      if (typeof outcome === 'object' && 'renewAt' in outcome) return answer(outcome)
      if (typeof outcome === 'object')
        return answer(heldOf(grant, outcome.token, outcome.askedAt, outcome.lifeMs))
      if (outcome === 'ended') return answer('ended')
      if (outcome === 'demanded') return answer('claims')
      // The present one goes on while another process renews it, or for as long as it lives.
      if (!urgent && held !== undefined) return answer(held)
      if (outcome === 'sealed-otherwise') return answer('sealed-otherwise')
      if (outcome === 'unusable') return answer('ended')
      if (now() + pause > deadline)
        throw new Outage('provider', new Error('another process has not renewed the token in time'))
      await delay(pause)
      pause = Math.min(looks.longest, pause * 2)
    }
  }

  /** The token in the store, if it is one that can be used. */
  function heldIn(found: FoundGrant, grant: Grant, readAt: Instant): Held | undefined {
    const stored = storedIn(found, grant, readAt)
    if (stored === undefined) return undefined
    const held = heldOf(grant, stored.token, stored.since, stored.lifeMs)
    return held.token.endsAt > readAt ? held : undefined
  }

  /** The same while the provider is down: a token that lives for longer than it is trusted. */
  function spareIn(found: FoundGrant, grant: Grant, readAt: Instant): Held | undefined {
    const stored = storedIn(found, grant, readAt)
    if (stored === undefined) return undefined
    const endsAt = Math.min(endOf(stored.since, stored.lifeMs), readAt + spareFor)
    return endsAt > readAt
      ? { token: { token: stored.token, endsAt }, renewAt: readAt + pauses.failed }
      : undefined
  }

  function storedIn({ now: storeNow }: FoundGrant, grant: Grant, readAt: Instant) {
    const { access, renewedAt } = grant
    if (access === undefined || access.of !== upstreamScope) return undefined
    const token = sealing.open(access.token, { accessOf: grant, of: access.of })
    // Times of the store become times of this process.
    return token && { token, since: readAt - (storeNow - renewedAt), lifeMs: access.endsAt - renewedAt }
  }

  function isGoodEnough({ token, renewAt }: Held, reason: Reason): boolean {
    if (reason === undefined) return true
    return 'ahead' in reason ? renewAt > now() : !isSame(token, reason.rejected)
  }

  function renewAhead(user: User): void {
    const at = now()
    if (at < (ahead.get(user.key) ?? 0)) return
    ahead.set(user.key, at + pauses.elsewhere)
    look(user, { ahead: true }).catch((error: unknown) => {
      if (!(error instanceof Outage)) throw error
      ahead.set(user.key, now() + pauses.failed)
      parts.outage(error)
    })
  }

  return {
    tokenFor(allowed) {
      if (!delegates(allowed)) return undefined
      const held = memory.recall(keyOf(scopeOf(allowed.account.connection), allowed.subject))
      if (held === undefined) return look(userOf(allowed), undefined)
      if (now() >= held.renewAt) renewAhead(userOf(allowed))
      return held.token
    },

    async rejected(allowed, token, claims) {
      const user = userOf(allowed)
      if (claims !== undefined)
        return await look(user, { rejected: token, challenge: { demand: demandIn(claims) } })
      const held = memory.recall(user.key)
      if (held !== undefined && !isSame(held.token, token)) return held.token
      if (now() < (replaced.get(user.key) ?? 0)) return token
      const next = await look(user, { rejected: token })
      replaced.set(user.key, now() + newFor)
      return next
    },
  }
}

function keyOf(scope: Scope, subject: Subject): string {
  return `${subject} ${scope}`
}

function kindOf(reason: NonNullable<Reason>): string {
  if ('ahead' in reason) return 'ahead'
  return reason.challenge === undefined ? 'rejected' : 'challenged'
}

/**
 * Whether no other token can meet a challenge without the user: it says nothing that can be asked for, or the present token
 * was asked for that already, or is new and the answer to another challenge.
 */
function isInVain({ demand }: Challenge, { now: storeNow }: FoundGrant, grant: Grant): boolean {
  if (demand === undefined || grant.demand === demand) return true
  return grant.demand !== undefined && storeNow - grant.renewedAt < newFor
}

function heldOf(grant: Grant, token: Secret, since: Instant, lifeMs: number): Held {
  const trusted = Math.min(lifeMs, trustedFor)
  return { token: { token, endsAt: endOf(since, trusted) }, renewAt: since + trusted * shareOf(grant) }
}

/** After this, no request is sent with a token. */
function endOf(since: Instant, lifeMs: number): Instant {
  return since + lifeMs - Math.min(longestMargin, lifeMs / 10)
}

/**
 * The part of a token's life after which it is renewed: it differs from user to user, so that tokens which end in the same
 * minute are not renewed in the same minute. The same in every process, where the first one to come renews.
 */
export function shareOf({ scope, owner }: Pick<Grant, 'scope' | 'owner'>, least = 0.6, most = 0.85): number {
  const hash = createHash('sha256').update(`${scope} ${owner}`).digest()
  return least + ((most - least) * hash.readUInt32BE(0)) / 2 ** 32
}
