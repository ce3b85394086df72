import type { Naming } from '../gateway/account.ts'
import { type Ask, readTarget } from '../gateway/ask.ts'
import type { UnclearTarget, UpstreamFailed } from '../gateway/decision.ts'
import type { Client } from '../requests/client.ts'

/** A request on its way: what addresses in its headers, and in those of its answer, are read against. */
export interface AddressMapping {
  /** Path and query as the client wrote them. */
  readonly target: string
  /** Scheme and host as the client sees them: `https://git.example.com`. */
  readonly address: string
  /**
   * Where paths name accounts, another address of the same ones: that of `publicUrl`. A proxy in front may have put a host
   * of its own in the place of the client's.
   */
  readonly publicAddress?: string | undefined
  readonly destination: Destination
}

/** How a request leaves. */
export interface UpstreamRoute {
  readonly mapping: AddressMapping
  /** Names and values in turn, with addresses in the upstream's terms. */
  readonly headers: readonly string[]
}

/**
 * The course of an allowed request to the upstream of its account. What leads out of the account is refused here, before
 * anything is written down as allowed.
 */
export function upstreamRouteOf(
  { ask, client, rawHeaders }: { ask: Ask; client: Client; rawHeaders: readonly string[] },
  upstream: string,
  { naming, publicUrl }: { readonly naming: Naming; readonly publicUrl: string },
): UpstreamRoute | UnclearTarget | UpstreamFailed {
  const destination = destinationOf(upstream, ask.target, naming)
  if ('outcome' in destination) return destination
  // HTTP/1.0 may come without a host, and then means the public address.
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
 * A header of an answer in the client's terms, if it is one that clients follow: what lies in the account gets the
 * address by which the client knows it. Everything else stays as it is, byte for byte.
 */
export function answerHeader(name: string, value: string, mapping: AddressMapping): string {
  switch (name) {
    case 'location':
    case 'content-location':
    // Azure's clients poll these two after a 202.
    case 'operation-location':
    case 'azure-asyncoperation':
      return forClient(value, mapping)
    case 'refresh':
      return value.replace(refreshAddress, (_, before: string, reference: string) => {
        return before + forClient(reference, mapping)
      })
    case 'link':
      return value.replace(/<([^<>]*)>/g, (_, reference: string) => `<${forClient(reference, mapping)}>`)
    default:
      return value
  }
}

const refreshAddress = /^(\s*[\d.]+\s*[;,]\s*(?:url\s*=\s*)?["']?)([^"']*)/i

/**
 * The headers of a request with their addresses in the upstream's terms: WebDAV's `Destination`, and the addresses
 * in its `If` (RFC 4918, 10.3 and 10.4). The account that was judged must hold them all, or COPY and MOVE would reach
 * into another one; so whatever method carries them, since an upstream may be told another in a header of its own.
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
    // The lengths first: this loop runs over every header of every request.
    const isDestination = name.length === 11 && name.toLowerCase() === 'destination'
    if (!isDestination && (name.length !== 2 || name.toLowerCase() !== 'if')) continue
    const value = raw[at + 1] ?? ''
    const written = isDestination ? destinationHeader(method, value, mapping) : taggedLists(value, mapping)
    if (isDestination) destinations++
    if (written === undefined || destinations > 1) return leadsOut
    headers ??= [...raw]
    headers[at + 1] = written
  }
  return headers ?? raw
}

const leadsOut: UnclearTarget = { outcome: 'unclear-target', flaw: 'destination' }

/** COPY and MOVE need an address. With other methods the header may be something else. */
function destinationHeader(method: string, value: string, mapping: AddressMapping): string | undefined {
  if (!looksLikeAddress.test(value) && !/^(?:copy|move)$/i.test(method)) return value
  return forUpstream(value, mapping)
}

/** Addresses stand between the lists; in the parentheses are tokens and ETags, which are nobody's address. */
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

/** What is not closed reaches to the end: to look for an end again and again would take time by the square. */
const listOrAddress = /\((?:[^)"]|"[^"]*(?:"|$))*(?:\)|$)|<([^<>]*)>/g

const looksLikeAddress = /^\s*(?:https?:|[/\\])/i

/**
 * Where a reference in an answer leads in the client's terms; `undefined` if that is not in the account, or if two
 * parsers could read it in two ways. Origins are compared, not their spelling; what follows them stays as written.
 */
export function placeOf(written: string, mapping: AddressMapping): string | undefined {
  const { target, destination } = mapping
  // undici leaves blanks at the end of a header.
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
  // A reference without path and query keeps the query that it was asked with.
  const kept = rooted || parts.path !== '' || parts.rest.startsWith('?') ? '' : url.search
  const place = outside + kept + parts.rest
  // An upstream that insists on the other scheme would send the client to the same place for ever.
  if (here < 2 && there < 2 && place === target) return undefined
  return address + place
}

/** How near an address is to the gateway's own, and to which of them. */
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

/** The reference itself if the client reads it as it is meant. */
function forClient(reference: string, mapping: AddressMapping): string {
  const place = placeOf(reference, mapping)
  if (place === undefined) return reference
  const base = mapping.address + mapping.target
  const reads = URL.canParse(reference, base) ? new URL(reference, base).href : undefined
  return reads === new URL(place, base).href ? reference : place
}

/** A reference of a client in the upstream's terms; `undefined` if it leads out of the account, or is unclear. */
function forUpstream(reference: string, mapping: AddressMapping): string | undefined {
  const { destination } = mapping
  const parts = partsOf(reference)
  if (parts === undefined) return undefined
  const { authority, rest } = parts
  if (authority !== undefined) {
    if (!/^https?:/i.test(reference) || !URL.canParse(reference)) return undefined
    if (addressHere(new URL(reference), mapping).here === 0) return undefined
  }
  // By the same reading as the address of the request itself: what is judged is what is forwarded.
  const path = authority !== undefined && parts.path === '' ? '/' : parts.path
  if ('outcome' in readTarget({ target: path + rest, host: new URL(destination.origin).host }))
    return undefined
  const inside = pathInside(path, destination)
  if (inside === undefined || inside.startsWith('//')) return undefined
  return `${authority === undefined ? '' : destination.origin}${inside}${rest}`
}

/**
 * 2 on one origin; 1 on one host with http and https mixed up, as upstreams write it that believe `X-Forwarded-Proto`
 * but not `X-Forwarded-Host`, or the other way round; else 0.
 */
function nearness(one: URL, other: URL): 0 | 1 | 2 {
  if (hostOf(one) !== hostOf(other) || !/^https?:$/.test(one.protocol)) return 0
  return one.protocol === other.protocol ? 2 : 1
}

/** With the port, without the dot that ends a full name: with it, it is the same one. */
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
 * A reference by RFC 3986, appendix B. `undefined` for what browsers and curl read differently: backslashes in front of
 * the query, control characters, and http without its two slashes.
 */
function partsOf(reference: string): Parts | undefined {
  if (/^[^?#]*\\|[^ -~\x80-\xff]/.test(reference)) return undefined
  const [, scheme, authority, path = '', rest = ''] = uri.exec(reference) ?? []
  return scheme !== undefined && authority === undefined ? undefined : { authority, path, rest }
}

const uri = /^(?:([a-z][a-z\d+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(.*)$/i
const dotSegment = /(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)/i

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
function pathInside(path: string, { inner, outer }: Destination): string | undefined {
  return inPlaceOf(outer, inner, path)
}

/** Where both sides call the account the same, its spelling stays: an upstream that corrects it would do so for ever. */
function inPlaceOf(from: string, to: string, path: string): string | undefined {
  if (!isWithin(path, from)) return undefined
  return from === to ? path : rooted(to + path.slice(from.length))
}

/** Whether a path is `root` or below it. Without case: upstreams correct the spelling of an account. */
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
  const end = target.slice(1).search(/[/?]/)
  return end === -1 ? target.length : end + 1
}

function rooted(path: string): string {
  return path.startsWith('/') ? path : `/${path}`
}
