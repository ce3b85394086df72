import { keepLooking, seldom, Turn } from '../common/turn.ts'
import type { Instant } from '../gateway/names.ts'
import type { Outage } from '../gateway/outage.ts'
import type { EndingPassword, PasswordEnds } from '../gateway/password-ends.ts'
import type { Turns } from '../gateway/ports.ts'
import type { AnnounceEnd } from './webhook.ts'

export interface AnnouncerParts {
  readonly passwordEnds: PasswordEnds
  readonly turns: Turns
  /** Names this gateway. */
  readonly holder: string
  readonly announce: AnnounceEnd
  /** Told of an announcement that was not delivered. It is tried again. */
  readonly failed: (cause: unknown) => void
  readonly now: () => Instant
  /** For the length of the turn. */
  readonly steadyNow: () => Instant
}

/** Announces that named passwords end, one gateway at a time. */
export interface Announcer {
  /** Makes the announcements that are due, if it is this gateway's turn. Throws `Outage`. */
  look(): Promise<void>
  /** Lets the announcement in progress end, and gives the turn back. */
  close(): Promise<void>
}

/** After so many failures in a row the receiver is down, and is left alone until the next look. */
const mostFailures = 3

/**
 * An announcement is recorded only after the receiver has accepted it, so none is lost. It is repeated if the gateway dies
 * between the two, or another one takes over while it cannot reach the store, or if the receiver accepts it without saying
 * so.
 */
export function createAnnouncer({
  passwordEnds,
  announce,
  failed,
  now,
  ...parts
}: AnnouncerParts): Announcer {
  const turn = new Turn({ ...parts, work: 'password-ends', now: parts.steadyNow })
  let looking: Promise<void> | undefined
  /** Where the next look goes on: what a receiver never accepts must not keep the others waiting. */
  let last: EndingPassword | undefined
  /** Accepted, but not recorded yet. */
  let accepted: EndingPassword | undefined

  async function lookOnce(): Promise<void> {
    let failures = 0
    await record()
    while (await turn.isOurs()) {
      const batch = await passwordEnds.due(now(), last)
      if (batch.length === 0) {
        last = undefined
        return
      }
      for (const each of batch) {
        if (!(await turn.isOurs())) return
        last = each
        if (await delivered(each)) {
          accepted = each
          await record()
          failures = 0
        } else if (++failures === mostFailures) return
      }
    }
  }

  async function record(): Promise<void> {
    if (accepted !== undefined) await passwordEnds.announced(accepted)
    accepted = undefined
  }

  async function delivered(password: EndingPassword): Promise<boolean> {
    try {
      await announce(password, now())
      return true
    } catch (cause) {
      failed(cause)
      return false
    }
  }

  return {
    look() {
      looking ??= lookOnce().finally(() => (looking = undefined))
      return looking
    },
    async close() {
      turn.stop()
      // Its outages are told to the one that looks.
      await looking?.catch(() => {})
      await turn.leave().catch(() => {})
    },
  }
}

/** Milliseconds between two looks. */
const pauseMs = 30_000

/** Announces the ends of passwords until it is closed. */
export function keepAnnouncing(parts: AnnouncerParts & { readonly outage: (outage: Outage) => void }): {
  close(): Promise<void>
} {
  return keepLooking(createAnnouncer(parts), pauseMs, seldom(parts.outage, parts.steadyNow))
}
