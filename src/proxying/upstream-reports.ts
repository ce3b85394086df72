import { errors } from 'undici'
import type { UpstreamFailed } from '../gateway/decision.ts'
import type { Outage } from '../gateway/outage.ts'
import type { RequestContext } from './headers.ts'

/** What learns how it goes: metrics and log. Must not throw. */
export interface UpstreamObserver {
  /** The upstream began to answer, so many seconds after the request was sent. */
  upstreamAnswered(seconds: number): void
  /** With the error behind it, if there is one, and the request that got the failure. */
  upstreamFailed(failure: UpstreamFailed, cause: unknown, context: RequestContext): void
  /** All connections that the user, or all users together, may have to the upstream are taken: the request waits or not even that. */
  upstreamCrowded(how: Crowding, context: RequestContext): void
  /** The gateway could not say who it is, so the request was answered 503. */
  outage(outage: Outage): void
  /** A bug: the request was answered 503, or cut off, and this is what was thrown. */
  bug(error: unknown, requestId: string): void
}

export type Crowding = 'waits' | 'turned-away'

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
    upstreamFailed(failure, cause, context) {
      try {
        observer.upstreamFailed(failure, cause, context)
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
    outage(outage) {
      try {
        observer.outage(outage)
      } catch (error) {
        bug(error, none)
      }
    },
  }
}

type Because = UpstreamFailed['because']

/** What a failed exchange with an upstream means, from the code of the error that undici, TLS or the socket gave. */
export function failureOf(error: Error): UpstreamFailed {
  return { outcome: 'upstream-failed', because: becauseOf(codeOf(error)) }
}

/** Whether we could not even try: the machine gives us no socket or no memory for it. */
export function lacksResources(error: unknown): boolean {
  return error instanceof Error && resourceCodes.has(codeOf(error))
}

const resourceCodes: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM'])

function becauseOf(code: string): Because {
  const known = codes.get(code)
  if (known !== undefined) return known
  // OpenSSL names what it dislikes about a certificate; the list is long and grows.
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
  // undici asserts what an upstream should never do: a status below 100, a 101 without an upgrade.
  ['ERR_ASSERTION', 'bad-answer'],
])

function codeOf(error: Error): string {
  // llhttp's own codes, HPE_INVALID_HEADER_TOKEN and its kin.
  if (error.name === 'HTTPParserError') return 'ERR_INVALID_CHAR'
  return 'code' in error && typeof error.code === 'string' ? error.code : ''
}

/** Whether an error means that undici was asked for something that it refuses to send: no upstream has seen it. */
export function isOurFault(error: unknown): boolean {
  return error instanceof errors.InvalidArgumentError || error instanceof errors.NotSupportedError
}
