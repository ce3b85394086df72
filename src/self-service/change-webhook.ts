import { type Delivered, idOf, type LoggedChange } from '../gateway/deliveries.ts'
import type { Instant } from '../gateway/names.ts'
import { NotAccepted, type Receiver, send } from './webhook.ts'

export interface ChangeSenderParts {
  readonly to: Receiver
  /** Told of each attempt that failed, and how many there were in a row. */
  readonly failed: (cause: unknown, tries: number) => void
  readonly now: () => Instant
  readonly steadyNow: () => Instant
}

/** Sends changes by the webhook, one at a time; see `Delivery`. */
export interface ChangeSender {
  readonly deliver: (news: readonly Delivered[]) => Promise<number>
  /** Whether the pause after a failure is over. */
  readonly isReady: () => boolean
}

/** Milliseconds between two attempts: at first, at most, and at most if the receiver asks for it. */
const firstPauseMs = 1000
const longestPauseMs = 60_000
const longestAskedMs = 600_000

/** Most names in one event: an import has thousands. */
const mostNames = 100

/**
 * The pause doubles with each failure. What comes after a change waits for it, because a receiver that keeps a copy would
 * otherwise end with the older state.
 */
export function createChangeSender({ to, failed, now, steadyNow }: ChangeSenderParts): ChangeSender {
  let failures = 0
  let readyAt = -Infinity

  async function sendOne(one: Delivered): Promise<boolean> {
    try {
      const id = one.kind === 'change' ? idOf(one.change) : undefined
      await send(to, one.kind === 'change' ? changeEvent(one.change) : gapEvent(one, now()), id)
      failures = 0
      return true
    } catch (cause) {
      failures += 1
      const asked = cause instanceof NotAccepted ? Math.min(cause.retryAfter * 1000, longestAskedMs) : 0
      const pause = Math.min(firstPauseMs * 2 ** (failures - 1), longestPauseMs)
      readyAt = steadyNow() + Math.max(pause, asked)
      failed(cause, failures)
      return false
    }
  }

  return {
    isReady: () => steadyNow() >= readyAt,
    async deliver(news) {
      let sent = 0
      for (const one of news) {
        if (!(await sendOne(one))) break
        sent += 1
      }
      return sent
    },
  }
}

function changeEvent(change: LoggedChange): object {
  const { number, at, actor, action, account, accounts, scope, usernames } = change
  return {
    event: 'change',
    id: idOf(change),
    number,
    action,
    actor,
    account,
    ...(accounts && shortened('accounts', accounts)),
    scope,
    ...shortened('usernames', usernames),
    at: new Date(at).toISOString(),
  }
}

function shortened(name: string, values: readonly string[]): Readonly<Record<string, unknown>> {
  const more = values.length - mostNames
  return { [name]: values.slice(0, mostNames), ...(more > 0 && { [`${name}Left`]: more }) }
}

function gapEvent({ kind: event, ...facts }: Extract<Delivered, { kind: 'gap' }>, at: Instant): object {
  return { event, ...facts, at: new Date(at).toISOString() }
}
