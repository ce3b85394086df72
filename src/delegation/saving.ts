import { setTimeout as delay } from 'node:timers/promises'
import type { Grant, GrantStore, NewAccess } from '../gateway/delegation.ts'
import { Outage } from '../gateway/outage.ts'
import type { Secret } from '../gateway/secret.ts'
import type { Sealing } from './sealing.ts'

/** What a renewal gave, until it is in the store. */
export interface Received {
  /** As it was when the turn to renew it was taken. */
  readonly grant: Grant
  /** The refresh token that was used. */
  readonly used: Secret
  readonly refreshToken: Secret
  readonly access?: { readonly token: Secret; readonly of: string; readonly lifeMs: number }
  /** The claims challenge that the access token is to meet. */
  readonly demand?: string | undefined
}

/** `later`: the store is down. `superseded`: it has other tokens now. `ended`: the grant has ended meanwhile. */
export type Saved = 'saved' | 'later' | 'superseded' | 'ended'

/**
 * Writes what renewals gave. A provider may accept each refresh token once: what it gave must not be lost while this
 * process lives, even if the store is down at that moment.
 */
export interface Saving {
  /** Never throws. What cannot be written now is written as soon as the store answers. */
  save(received: Received): Promise<Saved>
  /** Writes now what of this grant waits to be written; until then, the store is out of date. `undefined`: nothing does. */
  settle(grant: Pick<Grant, 'scope' | 'owner'>): Promise<Saved | undefined>
  /** Tries for a moment to write what is left. */
  close(): Promise<void>
}

interface SavingParts {
  readonly grants: Pick<GrantStore, 'renewed' | 'of'>
  readonly sealing: Sealing
  /** Told of each time that something cannot be written. */
  readonly outage: (outage: Outage) => void
  /** Told what became of it in the end. */
  readonly late: (received: Received, saved: Saved) => void
  readonly now: () => number
}

/** Milliseconds between two tries. */
const pause = 500

/** Writes that may be overtaken by others, one after the other, before it is given up. */
const mostTries = 5

export function createSaving({ grants, sealing, outage, late, now }: SavingParts): Saving {
  const waiting = new Map<string, { readonly received: Received; readonly at: number }>()
  let retrying: NodeJS.Timeout | undefined

  function sealed({ grant, refreshToken, access, demand }: Received, at: number) {
    const fresh: NewAccess | undefined = access && {
      token: sealing.seal(access.token, { accessOf: grant, of: access.of }),
      of: access.of,
      // It ages while it waits.
      lifeMs: Math.max(0, access.lifeMs - (now() - at)),
    }
    return {
      refreshToken: sealing.seal(refreshToken, { refreshOf: grant }),
      ...(fresh && { access: fresh }),
      ...(demand !== undefined && { demand }),
    }
  }

  /** Throws `Outage`. */
  async function write(received: Received, at: number): Promise<Saved> {
    let { grant } = received
    for (let tries = 0; tries < mostTries; tries += 1) {
      if (await grants.renewed(grant, sealed(received, at))) return 'saved'
      const present = (await grants.of(grant.scope, grant.owner)).grant
      if (present?.refreshToken === undefined) return 'ended'
      // Another process may have taken the turn, or sealed the same token with another key: ours is newer all the same.
      const token = sealing.open(present.refreshToken, { refreshOf: present })
      if (token?.reveal() !== received.used.reveal()) return 'superseded'
      grant = present
    }
    return 'superseded'
  }

  async function attempt(name: string, received: Received, at: number): Promise<Saved> {
    try {
      const saved = await write(received, at)
      waiting.delete(name)
      return saved
    } catch (error) {
      if (!(error instanceof Outage)) throw error
      outage(error)
      waiting.set(name, { received, at })
      retrying ??= setTimeout(retry, pause).unref()
      return 'later'
    }
  }

  async function retryAll(): Promise<void> {
    for (const [name, { received, at }] of waiting) {
      const saved = await attempt(name, received, at)
      if (saved === 'later') return // the store is down for the others, too
      late(received, saved)
    }
  }

  function retry(): void {
    void retryAll().finally(() => {
      retrying = waiting.size === 0 ? undefined : setTimeout(retry, pause).unref()
    })
  }

  return {
    save: received => attempt(nameOf(received.grant), received, now()),
    async settle(grant) {
      const name = nameOf(grant)
      const left = waiting.get(name)
      if (left === undefined) return undefined
      const saved = await attempt(name, left.received, left.at)
      if (saved !== 'later') late(left.received, saved)
      return saved
    },
    async close() {
      for (let tries = 0; tries < 4 && waiting.size > 0; tries += 1) {
        await retryAll()
        if (waiting.size > 0) await delay(pause)
      }
      clearTimeout(retrying)
    },
  }
}

/** A key for what is kept about a grant. */
export function nameOf({ scope, owner }: Pick<Grant, 'scope' | 'owner'>): string {
  return `${scope} ${owner}`
}
