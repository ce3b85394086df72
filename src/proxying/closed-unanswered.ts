/** Errors of kept connections that ended before the first byte of an answer. */
export const closedEarly = new WeakSet<Error>()

/**
 * Whether this error ended a kept connection before any byte of an answer: the upstream closed it while the request was
 * being sent, and has most likely not seen the request.
 */
export function closedUnanswered(error: unknown): boolean {
  return error instanceof Error && closedEarly.has(error)
}
