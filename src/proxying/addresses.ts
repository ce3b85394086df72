import { remembered } from '../engine/memory.ts'
import type { Naming } from '../gateway/account.ts'
import { type Ask, readTarget } from '../gateway/ask.ts'
import type { UnclearTarget, UpstreamFailed } from '../gateway/decision.ts'
import type { Client } from '../requests/client.ts'

/** How addresses in the headers of a request, and of its answer, are translated. */
export interface AddressMapping {
  /** Path and query as the client sent them. */
  readonly target: string
  /** Scheme and host as the client sees them: `https://git.example.com`. */
  readonly address: string
  /**
   * `publicUrl`, where paths name accounts: a second address of the same accounts. A proxy in front may have replaced the
   * client's host with its own.
   */
  readonly publicAddress?: string | undefined
  readonly destination: Destination
}

/** How a request is sent to the upstream. */
export interface UpstreamRoute {
  readonly mapping: AddressMapping
  /** Names and values in turn, with addresses in the upstream's terms. */
  readonly headers: readonly string[]
}

/**
 * The route of an allowed request to the upstream of its account. A request with an address outside the account is
 * refused here, before it is recorded as allowed.
 */
export function upstreamRouteOf(
  { ask, client, rawHeaders }: { ask: Ask; client: Client; rawHeaders: readonly string[] },
  upstream: string,
  { naming, publicUrl }: { readonly naming: Naming; readonly publicUrl: string },
): UpstreamRoute | UnclearTarget | UpstreamFailed {
  const destination = destinationOf(upstream, ask.target, naming)
  if ('outcome' in destination) return destination
  // HTTP/1.0 may omit the host, and then means the public URL.
  const address =
    client.host === '' ? new URL(publicUrl).origin : `${ask.secure ? 'https' : 'http'}://${ask.host}`
  const mapping = {
    target: ask.target,
    address,
    publicAddress: naming.by === 'path' ? publicUrl : undefined,
    destination,
  }
  const headers = requestHeaders(ask.method, rawHeaders, mapping)
  return 'outcome' in headers ? headers : { mapping, headers }
}

/**
 * Translates a header of an answer for the client, if it is one that clients follow: an address in the account becomes
 * the one that the client knows. Everything else stays as it is, byte for byte.
 */
export function answerHeader(name: string, value: string, mapping: AddressMapping): string {
  switch (addressIn(name)) {
    case 'whole':
      return forClient(value, mapping)
    case 'refresh':
      return value.replace(refreshAddress, (_, before: string, reference: string) => {
        return before + forClient(reference, mapping)
      })
    case 'links':
      return value.replace(/<([^<>]*)>/g, (_, reference: string) => `<${forClient(reference, mapping)}>`)
    case 'none':
      return value
  }
}

/** Where a header of an answer has addresses that clients follow. */
const addressIn = remembered((name): 'whole' | 'refresh' | 'links' | 'none' => {
  switch (name.toLowerCase()) {
    case 'location':
    case 'content-location':
    // Azure's clients poll these two after a 202.
    case 'operation-location':
    case 'azure-asyncoperation':
      return 'whole'
    case 'refresh':
      return 'refresh'
    case 'link':
      return 'links'
    default:
      return 'none'
  }
})

const refreshAddress = /^(\s*[\d.]+\s*[;,]\s*(?:url\s*=\s*)?["']?)([^"']*)/i

/**
 * The headers of a request with their addresses translated for the upstream: WebDAV's `Destination`, and the addresses in
 * `If` (RFC 4918, 10.3 and 10.4). All of them must be in the account that was decided on, or COPY and MOVE would reach
 * into another one. This holds for all methods, because an upstream may take the method from a header.
 */
export function requestHeaders(
  method: string,
  raw: readonly string[],
  mapping: AddressMapping,
): readonly string[] | UnclearTarget {
  let headers: string[] | undefined
  let destinations = 0
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] ?? ''
    // Compare lengths first: this loop runs over every header of every request.
    const isDestination = name.length === 11 && name.toLowerCase() === 'destination'
    if (!isDestination && (name.length !== 2 || name.toLowerCase() !== 'if')) continue
    const value = raw[at + 1] ?? ''
    const written = isDestination ? destinationHeader(method, value, mapping) : taggedLists(value, mapping)
    if (isDestination) destinations++
    if (written === undefined || destinations > 1) return outsideAccount
    headers ??= [...raw]
    headers[at + 1] = written
  }
  return headers ?? raw
}

const outsideAccount: UnclearTarget = { outcome: 'unclear-target', flaw: 'destination' }

/** COPY and MOVE need an address. With other methods the header may be something else. */
function destinationHeader(method: string, value: string, mapping: AddressMapping): string | undefined {
  if (!looksLikeAddress.test(value) && !/^(?:copy|move)$/i.test(method)) return value
  return forUpstream(value, mapping)
}

/** Addresses are outside of the parentheses, which contain tokens and ETags. */
function taggedLists(value: string, mapping: AddressMapping): string | undefined {
  let lost = false
  const written = value.replace(listOrAddress, (whole, reference?: string) => {
    if (reference === undefined || !looksLikeAddress.test(reference)) return whole
    const inside = forUpstream(reference, mapping)
    lost ||= inside === undefined
    return `<${inside}>`
  })
  return lost ? undefined : written
}

/** An unclosed list extends to the end: searching for its end at each position would take quadratic time. */
const listOrAddress = /\((?:[^)"]|"[^"]*(?:"|$))*(?:\)|$)|<([^<>]*)>/g

const looksLikeAddress = /^\s*(?:https?:|[/\\])/i

/**
 * The address for the client of a reference in an answer; `undefined` if it is outside the account, or if two parsers
 * could read it in two ways. Origins are compared by value, not by spelling; what follows them stays as written.
 */
export function placeOf(written: string, mapping: AddressMapping): string | undefined {
  const { target, destination } = mapping
  // undici keeps trailing spaces of a header.
  const reference = written.trim()
  const parts = partsOf(reference)
  const asked = destination.origin + destination.path
  if (parts === undefined || !URL.canParse(reference, asked)) return undefined
  const url = new URL(reference, asked)
  const rooted = parts.authority !== undefined || parts.path.startsWith('/')
  const path = rooted && !dotSegment.test(parts.path) ? parts.path || '/' : url.pathname
  const { here, address } = addressHere(url, mapping)
  const there = nearness(url, new URL(destination.origin))
  if (here === 0 && there === 0) return undefined
  const outside = there > here ? pathOutside(path, destination) : pathHere(path, destination)
  if (outside === undefined) return undefined
  // A reference without path and query keeps the query of the request.
  const kept = rooted || parts.path !== '' || parts.rest.startsWith('?') ? '' : url.search
  const place = outside + kept + parts.rest
  // An upstream that insists on the other scheme would redirect the client to the same URL for ever.
  if (here < 2 && there < 2 && place === target) return undefined
  return address + place
}

/** How closely an address matches one of the gateway's own, and which. */
function addressHere(
  url: URL,
  { address, publicAddress }: AddressMapping,
): { here: 0 | 1 | 2; address: string } {
  const here = nearness(url, new URL(address))
  if (here > 0 || publicAddress === undefined) return { here, address }
  const known = new URL(publicAddress)
  const there = nearness(url, known)
  return there > 0 ? { here: there, address: known.origin } : { here, address }
}

function pathHere(path: string, { outer }: Destination): string | undefined {
  return isWithin(path, outer) ? path : undefined
}

/** The reference itself, if the client resolves it correctly. */
function forClient(reference: string, mapping: AddressMapping): string {
  const place = placeOf(reference, mapping)
  if (place === undefined) return reference
  const base = mapping.address + mapping.target
  const reads = URL.canParse(reference, base) ? new URL(reference, base).href : undefined
  return reads === new URL(place, base).href ? reference : place
}

/** Translates a reference of a client for the upstream; `undefined` if it is outside the account or ambiguous. */
function forUpstream(reference: string, mapping: AddressMapping): string | undefined {
  const { destination } = mapping
  const parts = partsOf(reference)
  if (parts === undefined) return undefined
  const { authority, rest } = parts
  if (authority !== undefined) {
    if (!/^https?:/i.test(reference) || !URL.canParse(reference)) return undefined
    if (addressHere(new URL(reference), mapping).here === 0) return undefined
  }
  // Parsed like the target of the request itself: what is judged is what is forwarded.
  const path = authority !== undefined && parts.path === '' ? '/' : parts.path
  if ('outcome' in readTarget({ target: path + rest, host: new URL(destination.origin).host }))
    return undefined
  const inside = pathInside(path, destination)
  if (inside === undefined || inside.startsWith('//')) return undefined
  return `${authority === undefined ? '' : destination.origin}${inside}${rest}`
}

/**
 * 2 for the same origin; 1 for the same host with the other of http and https, as written by upstreams that read
 * only one of `X-Forwarded-Proto` and `X-Forwarded-Host`; otherwise 0.
 */
function nearness(one: URL, other: URL): 0 | 1 | 2 {
  if (hostOf(one) !== hostOf(other) || !/^https?:$/.test(one.protocol)) return 0
  return one.protocol === other.protocol ? 2 : 1
}

/** With the port, and without the dot at the end of an absolute name, which is the same host. */
function hostOf({ hostname, port }: URL): string {
  return `${hostname.replace(/\.$/, '')}:${port}`
}

interface Parts {
  readonly authority: string | undefined
  readonly path: string
  /** Query and fragment. */
  readonly rest: string
}

/**
 * Splits a reference by RFC 3986, appendix B. `undefined` for what browsers and curl parse differently: backslashes before
 * the query, control characters, and http without its two slashes.
 */
function partsOf(reference: string): Parts | undefined {
  if (/^[^?#]*\\|[^ -~\x80-\xff]/.test(reference)) return undefined
  const [, scheme, authority, path = '', rest = ''] = uri.exec(reference) ?? []
  return scheme !== undefined && authority === undefined ? undefined : { authority, path, rest }
}

const uri = /^(?:([a-z][a-z\d+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(.*)$/i
const dotSegment = /(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)/i

/** Where one request goes, and how upstream paths correspond to gateway paths. */
export interface Destination {
  /** Scheme, host and port. */
  readonly origin: string
  /** Path and query as the upstream gets them. */
  readonly path: string
  /** The path prefix of the account at the gateway and at the upstream; both may be empty. */
  readonly outer: string
  readonly inner: string
}

/** The parsed URL of an account's upstream. */
interface Upstream {
  readonly origin: string
  /** Without a trailing slash; `undefined` if the URL has no path at all, not even `/`. */
  readonly base: string | undefined
}

/** Most cached upstreams; accounts share them, so few are needed. */
const mostUpstreams = 1000

/** By the whole URL: keys made of joined parts collide (CVE-2026-16158). */
const known = new Map<string, Upstream | undefined>()

/**
 * Where a request for `target` (path and query as the client sent them) goes. An upstream without a path gets them byte
 * for byte. With a path, even `/`, that path replaces the account's segment, as with nginx's `proxy_pass`, or is
 * prepended where the host names the account.
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
  // `/fabrikam//host/path` is valid here, but without the account's segment it begins with a double slash.
  if (path.startsWith('//')) return { outcome: 'unclear-target', flaw: 'double-slash' }
  return { origin, path, outer, inner }
}

/** Translates an upstream path for clients; `undefined` if it is outside the account. */
export function pathOutside(path: string, { inner, outer }: Destination): string | undefined {
  return inPlaceOf(inner, outer, path)
}

/** The inverse: translates a client's path for the upstream. */
function pathInside(path: string, { inner, outer }: Destination): string | undefined {
  return inPlaceOf(outer, inner, path)
}

/** If both prefixes are equal, the spelling stays: an upstream that corrects it by redirect would do so for ever. */
function inPlaceOf(from: string, to: string, path: string): string | undefined {
  if (!isWithin(path, from)) return undefined
  return from === to ? path : rooted(to + path.slice(from.length))
}

/** Whether a path is `root` or below it. Ignores case, because upstreams correct the spelling of an account. */
function isWithin(path: string, root: string): boolean {
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
  let end = 1
  while (end < target.length && target[end] !== '/' && target[end] !== '?') end += 1
  return Math.min(end, target.length)
}

function rooted(path: string): string {
  return path.startsWith('/') ? path : `/${path}`
}
