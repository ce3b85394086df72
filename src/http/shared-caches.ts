/**
 * The header lines, names and values in turn, that a forwarded answer gets in addition, so that no cache between gateway
 * and client gives it to somebody else.
 * Without leave, shared caches keep no answer to a request with a credential (RFC 9111, 3.5). The upstream gives leave
 * with one of three words, and does not know that there was a credential: the gateway took it off.
 * `cacheControl`: all of the upstream's lines, joined with commas.
 */
export function cacheLines(cacheControl: string | undefined): readonly string[] {
  if (cacheControl === undefined || !mayBeShared(cacheControl)) return []
  // `private` overrules the leave; `Vary` is for caches that overlook it, and keeps two callers apart there.
  return ['Cache-Control', 'private', 'Vary', 'Authorization']
}

/** `no-cache` asks the gateway each time. `private="x"` and `no-cache="x"` are about one field and take no leave back. */
function mayBeShared(cacheControl: string): boolean {
  const words = cacheControl.split(',').map(word => word.trim().toLowerCase())
  if (words.some(word => word === 'no-store' || word === 'private' || word === 'no-cache')) return false
  return words.some(word => word === 'public' || word === 'must-revalidate' || word.startsWith('s-maxage'))
}
