import type { Naming } from '../gateway/account.ts'
import type { UnclearTarget, UpstreamFailed } from '../gateway/decision.ts'

/** Where one request goes, and how addresses there correspond to addresses here. */
export interface Destination {
  /** Scheme, host and port. */
  readonly origin: string
  /** Path and query as the upstream gets them. */
  readonly path: string
  /** What paths of the account begin with at the gateway, and what with at the upstream; both may be empty. */
  readonly outer: string
  readonly inner: string
}

/** An account's upstream, taken apart. */
interface Upstream {
  readonly origin: string
  /** Without a trailing slash; `undefined` if the address has no path at all, not even `/`. */
  readonly base: string | undefined
}

/** Upstreams that are remembered; accounts share them, so few are needed. */
const mostUpstreams = 1000

/** By the whole address: keys made of joined parts meet (CVE-2026-16158). */
const known = new Map<string, Upstream | undefined>()

/**
 * Where a request for `target` (path and query as the client wrote them) goes. An upstream without a path gets them
 * byte for byte; with a path, even `/`, that path replaces the account's segment, as nginx's `proxy_pass` does, or
 * is put before the path where the host names the account.
 */
export function destinationOf(
  upstream: string,
  target: string,
  naming: Naming,
): Destination | UpstreamFailed | UnclearTarget {
  const there = upstreamAt(upstream)
  if (there === undefined) return { outcome: 'upstream-failed', because: 'bad-address' }
  const { origin, base } = there
  const outer = naming.by === 'path' ? target.slice(0, endOfSegment(target)) : ''
  const inner = base ?? outer
  const path = rooted(inner + target.slice(outer.length))
  // `/fabrikam//host/path` was no double slash to the gateway, but what is left of it is one to the upstream.
  if (path.startsWith('//')) return { outcome: 'unclear-target', flaw: 'double-slash' }
  return { origin, path, outer, inner }
}

/** A path at the upstream as clients know it; `undefined` if it lies outside of the account. */
export function pathOutside(path: string, { inner, outer }: Destination): string | undefined {
  return inPlaceOf(inner, outer, path)
}

/** The other way round: a path of a client as the upstream knows it. */
export function pathInside(path: string, { inner, outer }: Destination): string | undefined {
  return inPlaceOf(outer, inner, path)
}

/** Where both sides call the account the same, its spelling stays: an upstream that corrects it would do so for ever. */
function inPlaceOf(from: string, to: string, path: string): string | undefined {
  if (!isWithin(path, from)) return undefined
  return from === to ? path : rooted(to + path.slice(from.length))
}

/** Whether a path is `root` or below it. Without case: upstreams correct the spelling of an account. */
export function isWithin(path: string, root: string): boolean {
  if (path.slice(0, root.length).toLowerCase() !== root.toLowerCase()) return false
  const next = path.charAt(root.length)
  return root === '' || next === '' || next === '/' || next === '?' || next === '#'
}

function upstreamAt(address: string): Upstream | undefined {
  if (known.has(address)) return known.get(address)
  const upstream = readUpstream(address)
  if (known.size >= mostUpstreams) known.clear()
  known.set(address, upstream)
  return upstream
}

/** `undefined` for anything but http(s) with a host and perhaps a path. */
function readUpstream(address: string): Upstream | undefined {
  if (!/^https?:\/\/[^/?#@\\]+(?:\/[^?#]*)?$/i.test(address) || !URL.canParse(address)) return undefined
  const { origin, pathname } = new URL(address)
  const hasPath = address.indexOf('/', address.indexOf('//') + 2) !== -1
  return { origin, base: hasPath ? pathname.replace(/\/$/, '') : undefined }
}

/** Where the first segment of a path ends. */
function endOfSegment(target: string): number {
  const end = target.slice(1).search(/[/?]/)
  return end === -1 ? target.length : end + 1
}

function rooted(path: string): string {
  return path.startsWith('/') ? path : `/${path}`
}
