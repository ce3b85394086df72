import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import { createSharedCalls } from '../common/calls.ts'
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

/** Attempts to end a grant that others change at the same time. */
const mostTries = 10

/** Whose token it is. */
interface User {
  readonly key: string
  /** Of the account, and of the grant. */
  readonly scope: Scope
  readonly subject: Subject
  readonly slots: readonly Slot[]
}

/** Why a token is looked for, if not because there is none: the present one is to be renewed, or was rejected. */
type Reason = { readonly ahead: true } | { readonly rejected: UserToken } | undefined

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
    const name = reason === undefined ? user.key : `${user.key} ${'ahead' in reason ? 'ahead' : 'rejected'}`
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

      const outcome = await renewing.renew(grant, { urgent, deadline })
      if (typeof outcome === 'object')
        return answer(heldOf(grant, outcome.token, outcome.askedAt, outcome.lifeMs))
      if (outcome === 'ended') return answer('ended')
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
  function heldIn({ now: storeNow }: FoundGrant, grant: Grant, readAt: Instant): Held | undefined {
    const { access, renewedAt } = grant
    if (access === undefined || access.of !== upstreamScope) return undefined
    const token = sealing.open(access.token, { accessOf: grant, of: access.of })
    if (token === undefined) return undefined
    // Times of the store become times of this process.
    const held = heldOf(grant, token, readAt - (storeNow - renewedAt), access.endsAt - renewedAt)
    return held.token.endsAt > readAt ? held : undefined
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

  /**
   * The upstream wants more than the sign-in has proved. One that the user has made since may have proved it: then the
   * rejected token is not the one in the store.
   */
  async function challenged(user: User, token: UserToken): Promise<UserToken | SignInCause> {
    for (let tries = 0; tries < mostTries; tries += 1) {
      const readAt = now()
      const found = await grants.ofSubject(user.scope, user.subject)
      const { grant } = found
      if (grant === undefined) return 'no-grant'
      const present = heldIn(found, grant, readAt)
      if (grant.ended !== undefined || present === undefined || !isSame(present.token, token))
        return await look(user, { rejected: token })
      // Only as it was read: the user may sign in at this moment.
      if ((await registry.endGrant('upstream', grant, 'claims')) === undefined) continue
      memory.drop(user.key)
      return 'claims'
    }
    throw new Outage('store', new Error('the grant changes all the time'))
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
      if (claims !== undefined) return await challenged(user, token)
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

function heldOf(grant: Grant, token: Secret, since: Instant, lifeMs: number): Held {
  const margin = Math.min(longestMargin, lifeMs / 10)
  return { token: { token, endsAt: since + lifeMs - margin }, renewAt: since + lifeMs * shareOf(grant) }
}

/**
 * The part of a token's life after which it is renewed: it differs from user to user, so that tokens which end in the same
 * minute are not renewed in the same minute. The same in every process, where the first one to come renews.
 */
export function shareOf({ scope, owner }: Pick<Grant, 'scope' | 'owner'>, least = 0.6, most = 0.85): number {
  const hash = createHash('sha256').update(`${scope} ${owner}`).digest()
  return least + ((most - least) * hash.readUInt32BE(0)) / 2 ** 32
}
