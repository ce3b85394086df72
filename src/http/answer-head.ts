import { STATUS_CODES } from 'node:http'
import type { Dispatcher } from 'undici'

/** The head of an upstream's answer as undici gives it. */
export interface AnswerHead {
  readonly controller: Dispatcher.DispatchController
  readonly status: number
  /** By lower-case names. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** Names and values in turn, as they were on the wire. */
  readonly raw: readonly Buffer[]
  readonly reason: string | undefined
}

/**
 * Node sends no phrase with a byte outside of ASCII that it got as UTF-8, and undici reads all bytes as that. The phrase
 * means nothing (RFC 9112, 4): one that is not plain is left to Node, which has one for each status.
 */
export function phraseOf({ status, reason = '' }: AnswerHead): string {
  return /^[\t\x20-\x7e]*$/.test(reason) ? reason : (STATUS_CODES[status] ?? '')
}

/** The first value of a header. */
export function first(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.[0]
}

/** All values of a header that is a list (RFC 9110, 5.3). */
export function joined(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.join(',')
}
