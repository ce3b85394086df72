import type { Ended, UnclearTarget } from './decision.ts'
import type { Secret } from './secret.ts'

/** What one request asks, read once at the door. */
export interface Ask {
  /** The request's id, in every text and log line about it. */
  readonly id: string
  readonly method: string
  /** The request target exactly as it stood in the request line. */
  readonly target: string
  /** The `Host` header; empty if there was none. */
  readonly host: string
  /** Every `Authorization` line: Node's own `headers` would silently keep the first of two. */
  readonly authorization: readonly Secret[]
  /** The client's address, behind trusted proxies the one they name. */
  readonly from: string
  /** Whether the client spoke https, as far as this socket or a trusted proxy can say. */
  readonly secure: boolean
  readonly lane: TrafficLane
}

/** Whose requests these are: a load test has guesses, places in the hash queue and metrics of its own. */
export type TrafficLane = 'production' | 'load-test'

/** A request target that every parser reads in the same way. What is judged is what is forwarded: these bytes. */
export interface Target {
  readonly path: string
  /** With its `?`; empty if there is none. */
  readonly query: string
  readonly host: string
}

/**
 * The one reading of host and path. A path that an upstream could resolve to another place than we did is
 * refused, not repaired: repairing is what gateways and upstreams do differently (CVE-2026-40912 and many more).
 */
export function readTarget({
  target,
  host,
}: {
  readonly target: string
  readonly host: string
}): Target | Ended {
  const flaw = flawIn(target) ?? (isHost(host) ? undefined : 'host')
  if (flaw !== undefined) return { outcome: 'unclear-target', flaw }
  const mark = target.indexOf('?')
  return mark === -1
    ? { path: target, query: '', host }
    : { path: target.slice(0, mark), query: target.slice(mark), host }
}

/** Links are made of it, so it must be one that every URL has: `git.example.com:99999` is none. */
function isHost(host: string): boolean {
  return !/[^\w.:[\]-]/.test(host) && URL.canParse(`http://${host}/`)
}

function flawIn(target: string): UnclearTarget['flaw'] | undefined {
  if (!target.startsWith('/')) return 'absolute-form' // also `*` and authority-form
  if (target.startsWith('//')) return 'double-slash' // `//host/path` is another host to some parsers
  if (/[^\x21-\x7e]/.test(target)) return 'control-character'
  if (target.includes('#')) return 'fragment'
  const mark = target.indexOf('?')
  return flawInPath(mark === -1 ? target : target.slice(0, mark))
}

/** The path alone: no account is read from the query, which decides nothing and is forwarded as it is. */
function flawInPath(path: string): UnclearTarget['flaw'] | undefined {
  if (path.includes('\\')) return 'backslash' // `new URL` makes it a slash
  if (path.includes('%')) {
    if (/%(?![0-9a-f]{2})/i.test(path) || overlong.test(path)) return 'bad-escape'
    if (/%5c/i.test(path)) return 'backslash'
    if (/%(?:[01][0-9a-f]|7f)/i.test(path)) return 'control-character'
    return hasDotSegment(path.replace(/%2e/gi, '.').replace(/%2f/gi, '/').replace(/%3b/gi, ';'))
  }
  return hasDotSegment(path)
}

/**
 * More bytes than a character needs: `%c0%ae` is no UTF-8 (RFC 3629, 3), but a dot to older servers (CVE-2000-0884,
 * CVE-2008-2938). Some do not look at the upper bits of the bytes that follow.
 */
const overlong = /%c[01]%|%e0%[89][0-9a-f]%|%f0%8[0-9a-f]%|%f8%8[0-7]%|%fc%8[0-3]%/i

/** `.` and `..`, also with path parameters: servlet containers read `/..;x=y/` as `/../`. */
function hasDotSegment(path: string): 'dot-segment' | undefined {
  return path.includes('/.') && /\/\.{1,2}(?:;[^/]*)?(?:\/|$)/.test(path) ? 'dot-segment' : undefined
}
