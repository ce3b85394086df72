import type { UpstreamFailed } from '../gateway/decision.ts'
import type { Outage } from '../gateway/outage.ts'
import type { Passage } from './upstream-headers.ts'

/** What learns how it goes: metrics and log. Must not throw. */
export interface UpstreamObserver {
  /** The upstream began to answer, so many seconds after the request was sent. */
  upstreamAnswered(seconds: number): void
  /** With the error behind it, if there is one, and the request that got the failure. */
  upstreamFailed(failure: UpstreamFailed, cause: unknown, passage: Passage): void
  /** The gateway could not say who it is, so the request was answered 503. */
  outage(outage: Outage): void
  /** A bug: the request was answered 503, or cut off, and this is what was thrown. */
  bug(error: unknown, requestId: string): void
}

/** The same one; what it throws all the same is told to its `bug`, and no request depends on it. */
export function unfailing(observer: UpstreamObserver): UpstreamObserver {
  function bug(error: unknown, requestId: string): void {
    try {
      observer.bug(error, requestId)
    } catch {
      // The log itself is broken. The request comes first, and there is no other place to tell it.
    }
  }
  const none = 'none'
  return {
    bug,
    upstreamAnswered(seconds) {
      try {
        observer.upstreamAnswered(seconds)
      } catch (error) {
        bug(error, none)
      }
    },
    upstreamFailed(failure, cause, passage) {
      try {
        observer.upstreamFailed(failure, cause, passage)
      } catch (error) {
        bug(error, passage.ask.id)
      }
    },
    outage(outage) {
      try {
        observer.outage(outage)
      } catch (error) {
        bug(error, none)
      }
    },
  }
}
