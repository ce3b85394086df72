import type { Ask } from '../gateway/ask.ts'

/** Whether a request may change something. Only what is known to read is a read. */
export function writes({ method, target }: Pick<Ask, 'method' | 'target' | 'headers'>): boolean {
  if (/git-receive-pack/i.test(target)) return true
  return !['GET', 'HEAD', 'OPTIONS', 'PROPFIND', 'REPORT'].includes(method)
}
