import { errors } from 'undici'
import type { UpstreamFailed } from '../gateway/decision.ts'
import type { SignInCause } from '../gateway/delegation.ts'
import type { Outage } from '../gateway/outage.ts'
import type { RequestContext } from './headers.ts'

/** Receives events of forwarding, for metrics and log. Must not throw. */
export interface UpstreamObserver {
  /** The upstream began to answer, this many seconds after the request was sent. */
  upstreamAnswered(seconds: number, context: RequestContext): void
  /** `cause`: the error behind the failure, if there is one. */
  upstreamFailed(failure: UpstreamFailed, cause: unknown, context: RequestContext): void
  /** An allowed request lost its token, mostly because the upstream rejected it, and the user has to sign in again. */
  signInNeeded(cause: SignInCause, context: RequestContext): void
  /** All upstream connections of the user, or of all users, are in use: the request waits, or is turned away. */
  upstreamCrowded(how: Crowding, context: RequestContext): void
  /** A part is down. `context`: of the request that got 503 for it; left out if its answer is another. */
  outage(outage: Outage, context?: RequestContext): void
  /**
   * A bug: the request was answered with 503, or its connection closed, and this is what was thrown. `context`: as for an
   * outage.
   */
  bug(error: unknown, requestId: string, context?: RequestContext): void
}

export type Crowding = 'waits' | 'turned-away'

/** Wraps an observer, so that anything it throws is reported to its `bug` and does not affect the request. */
export function unfailing(observer: UpstreamObserver): UpstreamObserver {
  function bug(error: unknown, requestId: string, context?: RequestContext): void {
    try {
      observer.bug(error, requestId, context)
    } catch {
      // The log itself fails. The request comes first, and there is no other place to report it.
    }
  }
  const none = 'none'
  return {
    bug,
    upstreamAnswered(seconds, context) {
      try {
        observer.upstreamAnswered(seconds, context)
      } catch (error) {
        bug(error, context.ask.id)
      }
    },
    upstreamFailed(failure, cause, context) {
      try {
        observer.upstreamFailed(failure, cause, context)
      } catch (error) {
        bug(error, context.ask.id)
      }
    },
    signInNeeded(cause, context) {
      try {
        observer.signInNeeded(cause, context)
      } catch (error) {
        bug(error, context.ask.id)
      }
    },
    upstreamCrowded(how, context) {
      try {
        observer.upstreamCrowded(how, context)
      } catch (error) {
        bug(error, context.ask.id)
      }
    },
    outage(outage, context) {
      try {
        observer.outage(outage, context)
      } catch (error) {
        bug(error, none)
      }
    },
  }
}

type Because = UpstreamFailed['because']

/** The meaning of a failed exchange with an upstream, from the error code of undici, TLS or the socket. */
export function failureOf(error: Error): UpstreamFailed {
  return { outcome: 'upstream-failed', because: becauseOf(codeOf(error)) }
}

/** Whether the request could not be tried because the system is out of sockets or memory. */
export function lacksResources(error: unknown): boolean {
  return error instanceof Error && resourceCodes.has(codeOf(error))
}

const resourceCodes: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM'])

function becauseOf(code: string): Because {
  const known = codes.get(code)
  if (known !== undefined) return known
  // OpenSSL has many codes for certificate problems, and adds more.
  return /CERT|^ERR_(?:SSL|TLS)|^UNABLE_TO_|^HOSTNAME_/.test(code) ? 'certificate' : 'dropped'
}

const codes: ReadonlyMap<string, Because> = new Map([
  ['UND_ERR_CONNECT_TIMEOUT', 'timeout'],
  ['UND_ERR_HEADERS_TIMEOUT', 'timeout'],
  ['UND_ERR_BODY_TIMEOUT', 'timeout'],
  ['ETIMEDOUT', 'timeout'],
  ['ECONNREFUSED', 'refused'],
  ['EHOSTUNREACH', 'refused'],
  ['ENETUNREACH', 'refused'],
  ['EADDRNOTAVAIL', 'refused'],
  ['ENOTFOUND', 'refused'],
  ['EAI_AGAIN', 'refused'],
  ['EAI_FAIL', 'refused'],
  ['EAI_NODATA', 'refused'],
  ['UND_ERR_HEADERS_OVERFLOW', 'bad-answer'],
  ['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'bad-answer'],
  ['ERR_INVALID_CHAR', 'bad-answer'],
  // undici asserts against invalid answers: a status below 100, a 101 without an upgrade.
  ['ERR_ASSERTION', 'bad-answer'],
])

function codeOf(error: Error): string {
  // llhttp's own codes, such as HPE_INVALID_HEADER_TOKEN.
  if (error.name === 'HTTPParserError') return 'ERR_INVALID_CHAR'
  return 'code' in error && typeof error.code === 'string' ? error.code : ''
}

/** Whether undici refused to send the request, so that no upstream has seen it. */
export function isOurFault(error: unknown): boolean {
  return error instanceof errors.InvalidArgumentError || error instanceof errors.NotSupportedError
}
