import type { Ending } from './ending.ts'
import type { Terms } from './terms.ts'
import { pathOf } from './tool-path.ts'

/**
 * Whether git-lfs is in a loop: it asks its helper again on every 401, and there are helpers that always give the same
 * wrong password. 429 would not end that: it comes again after `Retry-After`, eight times, and then finds another 401.
 * Of all that we may say only 403 ends it at once, and keeps the password.
 */
export function loopsInLfs(ending: Ending, target: string): boolean {
  return ending.outcome === 'throttled' && ending.by === 'repetition' && lfsPath.test(pathOf(target))
}

/** The same text as 403, with no time to come back. */
export function lastWord({ headers = {}, ...terms }: Terms): Terms {
  const { 'Retry-After': _, ...others } = headers
  return { ...terms, status: 403, headers: others }
}

const lfsPath = /\/info\/lfs(?:\/|$)/i
