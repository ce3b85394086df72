import type { Ended, UnclearTarget } from './decision.ts'
import type { Secret } from './secret.ts'

/** The headers of a request. They hold credentials, so they are not printed with the request. */
export class RequestHeaders {
  readonly #raw: readonly string[]
  #product: string | null | undefined

  constructor(raw: readonly string[]) {
    this.#raw = raw
  }

  /** Names and values in turn, as in `IncomingMessage`. */
  get raw(): readonly string[] {
    return this.#raw
  }

  /** See `productOf`. Several witnesses ask for it. */
  get product(): string | undefined {
    if (this.#product === undefined) this.#product = productIn(this.#raw) ?? null
    return this.#product ?? undefined
  }
}

/** What one request asks, read once when it arrives. */
export interface Ask {
  /** The request's id, in every text and log line about it. */
  readonly id: string
  readonly method: string
  /** The request target as in the request line, without scheme and host. */
  readonly target: string
  readonly headers: RequestHeaders
  /** The `Host` header; empty if there was none. */
  readonly host: string
  /** Every `Authorization` line: Node's own `headers` silently keeps only the first. */
  readonly authorization: readonly Secret[]
  /** The client's address; behind trusted proxies, the one that they report. */
  readonly from: string
  /** Whether the client spoke https, as far as this socket or a trusted proxy can say. */
  readonly secure: boolean
  readonly lane: TrafficLane
}

/**
 * The product in the user agent, as `git/2.47.1` (RFC 9110, 10.1.5), for display: what cannot be part of one is left out,
 * because it is the client's own text. `undefined` if there is none.
 */
export function productOf({ headers }: Pick<Ask, 'headers'>): string | undefined {
  return headers.product
}

function productIn(raw: readonly string[]): string | undefined {
  let at = 0
  // Compare lengths first: this loop runs over the headers of every request.
  while (at < raw.length && (raw[at]?.length !== 10 || raw[at]?.toLowerCase() !== 'user-agent')) at += 2
  const agent = raw[at + 1] ?? ''
  // Its versions and platforms are in a comment.
  if (/^Team Explorer Everywhere\b/i.test(agent)) return 'Team Explorer Everywhere'
  return /^[\w.+-]{1,40}(?:\/[\w.+-]{1,23})?/.exec(agent)?.[0]
}

/** Kind of traffic: a load test has its own guess counts, places in the hash queue and metrics. */
export type TrafficLane = 'production' | 'load-test'

/** A request target that every parser reads the same way. The bytes that are judged are the bytes that are forwarded. */
export interface Target {
  readonly path: string
  /** Including its `?`; empty if there is none. */
  readonly query: string
  readonly host: string
}

/**
 * The only place where host and path are parsed. A path that an upstream could resolve differently is refused rather
 * than normalized, because gateways and upstreams normalize differently (CVE-2026-40912 and many more).
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

/** Links are built from it, so it must be valid in a URL: `git.example.com:99999` is not. */
function isHost(host: string): boolean {
  if (host === lastHost) return true
  if (/[^\w.:[\]-]/.test(host) || !URL.canParse(`http://${host}/`)) return false
  lastHost = host
  return true
}

/** A valid one: a gateway has few names, and its clients ask for one of them again and again. */
let lastHost: string | undefined

function flawIn(target: string): UnclearTarget['flaw'] | undefined {
  if (!target.startsWith('/')) return 'absolute-form' // also `*` and authority-form
  if (target.startsWith('//')) return 'double-slash' // `//host/path` is another host to some parsers
  if (/[^\x21-\x7e\x80-\xff]/.test(target)) return 'control-character'
  if (target.includes('#')) return 'fragment'
  const mark = target.indexOf('?')
  return flawInPath(mark === -1 ? target : target.slice(0, mark))
}

/**
 * Only the path: the query does not name the account and is forwarded unchanged. git and curl do not escape letters beyond
 * ASCII; such bytes are judged as if they were escaped.
 */
function flawInPath(written: string): UnclearTarget['flaw'] | undefined {
  const path = withoutPlainDots(written).replace(
    /[\x80-\xff]/g,
    byte => `%${byte.charCodeAt(0).toString(16)}`,
  )
  if (path.includes('\\')) return 'backslash' // `new URL` turns it into a slash
  if (path.includes('%')) {
    if (/%(?![0-9a-f]{2})/i.test(path) || overlong.test(path)) return 'bad-escape'
    if (/%5c/i.test(path)) return 'backslash'
    if (/%(?:[01][0-9a-f]|7f)/i.test(path)) return 'control-character'
    return hasDotSegment(path.replace(/%2e/gi, '.').replace(/%2f/gi, '/').replace(/%3b/gi, ';'))
  }
  return hasDotSegment(path)
}

/**
 * A path without its plain `./`, which apt sends for a flat repository (`deb https://… ./`), and which can lead nowhere:
 * every server reads `/a/./b` as `/a/b`. Escaped ones, with parameters, at the end and before an empty segment stay.
 */
function withoutPlainDots(path: string): string {
  return path.includes('/./') ? path.replace(/\/\.(?=\/[^/])/g, '') : path
}

/**
 * Overlong encodings: `%c0%ae` is not valid UTF-8 (RFC 3629, 3), but older servers read it as a dot (CVE-2000-0884,
 * CVE-2008-2938). Some ignore the upper bits of the continuation bytes.
 */
const overlong = /%c[01]%|%e0%[89][0-9a-f]%|%f0%8[0-9a-f]%|%f8%8[0-7]%|%fc%8[0-3]%/i

/** `.` and `..`, with or without path parameters: servlet containers read `/..;x=y/` as `/../`. */
function hasDotSegment(path: string): 'dot-segment' | undefined {
  return path.includes('/.') && /\/\.{1,2}(?:;[^/]*)?(?:\/|$)/.test(path) ? 'dot-segment' : undefined
}
