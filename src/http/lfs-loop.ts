import { dialectOf, type Asking } from './dialect.ts'
import type { Ending } from './ending.ts'
import type { Terms } from './terms.ts'
import { pathOf } from './tool-path.ts'

/**
 * Whether git-lfs is in a loop: it asks its helper again on every 401, and there are helpers that always give the same
 * password; and what a server has called authenticated it repeats at once, without any. 429 would not end that: it comes
 * again after `Retry-After`, eight times, and then finds another 401. Of all that we may say only 403 ends it at once,
 * keeps the password, and is printed.
 */
export function loopsInLfs(ending: Ending, asking: Asking): boolean {
  return isLoop(ending) && mayBeLfs(asking)
}

function isLoop(ending: Ending): boolean {
  if (ending.outcome === 'reset-needed') return ending.tooOften === true
  return ending.outcome === 'throttled' && (ending.by === 'repetition' || ending.by === 'anonymous')
}

/** The same text as 403, with no time to come back and no challenge. */
export function lastWord({ headers = {}, ...terms }: Terms): Terms {
  const { 'Retry-After': _, 'WWW-Authenticate': __, ...others } = headers
  return { ...terms, status: 403, headers: others }
}

function mayBeLfs(asking: Asking): boolean {
  return lfsPath.test(pathOf(asking.target)) || dialectOf(asking) === 'lfs'
}

const lfsPath = /\/info\/lfs(?:\/|$)/i
