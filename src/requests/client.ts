import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { TLSSocket } from 'node:tls'
import { among, plainAddress } from '../common/addresses.ts'
import type { TrafficLane } from '../gateway/ask.ts'
import type { Secret } from '../gateway/secret.ts'

/** Who sent a request, as far as the socket and the proxies that we trust can say. */
export interface Client {
  /** The client's address; behind trusted proxies, the one they name. */
  readonly from: string
  readonly secure: boolean
  readonly host: string
  /** The port that the client has connected to, if a trusted proxy names it; empty otherwise. */
  readonly port: string
  /** The value of `X-Forwarded-For` for the upstream. */
  readonly forwardedFor: string
  /** Whether the peer on the socket is a proxy that we trust. */
  readonly trusted: boolean
  readonly lane: TrafficLane
}

/** See `createSenderReader`. */
export type ReadClient = (request: IncomingMessage) => Client

/**
 * Reads the sender of a request. `trustedProxies`: addresses and CIDR ranges whose `X-Forwarded-*`, or else `Forwarded`,
 * are believed; with none, no sender's are. Only the canonical spellings are read: `X_Forwarded_Proto` is another header to Node
 * (CVE-2025-64484 and its kin).
 */
export function createClientReader(
  trustedProxies: readonly string[],
  { addresses, secret }: LoadTest = { addresses: [] },
): ReadClient {
  const trusts = among(trustedProxies)
  const laneOf = createLaneReader(secret, among(addresses))

  return request => {
    const { headers, socket } = request
    const peer = plainAddress(socket.remoteAddress ?? '')
    const testing = headerOf(headers[loadTestHeader])
    const direct: Client = {
      from: peer,
      secure: socket instanceof TLSSocket,
      host: headers.host ?? '',
      port: '',
      forwardedFor: peer,
      trusted: false,
      lane: laneOf(peer, testing),
    }
    if (trustedProxies.length === 0 || !trusts(peer)) return direct

    const { proto, host, port, chain, ...told } = readForwarding(headers, trusts)
    const from = told.from || peer
    return {
      from,
      secure: proto === '' ? direct.secure : proto.toLowerCase() === 'https',
      host: host || direct.host,
      port,
      forwardedFor: [...chain, peer].join(', '),
      trusted: true,
      lane: laneOf(from, testing),
    }
  }
}

/** Node joins repeated headers with commas; only its types say they could be lists. */
function headerOf(value: string | readonly string[] | undefined): string {
  return typeof value === 'string' ? value : (value?.join(', ') ?? '')
}

/** What the trusted proxies in front say of the hop from the client to the first of them. Empty where they say nothing. */
interface Forwarding {
  readonly from: string
  readonly proto: string
  readonly host: string
  readonly port: string
  /** The way as the proxies tell it, the client first. What stands left of the client in the header is not in it. */
  readonly chain: readonly string[]
}

/** Asks whether an address is that of a trusted proxy. */
type Trusts = (address: string) => boolean

/**
 * Reads `X-Forwarded-*`, or `Forwarded` (RFC 7239) where a request has none of them. Each proxy appends, so the lists are
 * walked from the right, one hop an element: the client is the first address that is no trusted proxy, and its own hop is
 * the same number of elements from the right in every list. What stands left of it the client could have written.
 *
 * A list that is shorter than the way comes from a proxy that overwrites, or passes on what it got: its leftmost element
 * is then the nearest to the client, and all of it was written by proxies. So ASP.NET Core reads them, too.
 */
function readForwarding(headers: IncomingHttpHeaders, trusts: Trusts): Forwarding {
  const addresses = elementsOf(headers['x-forwarded-for'])
  const protos = elementsOf(headers['x-forwarded-proto'])
  const hosts = elementsOf(headers['x-forwarded-host'])
  // Not both: most proxies set one kind, and pass on what a client has sent of the other.
  if (addresses.length + protos.length + hosts.length === 0) return readStandard(headers['forwarded'], trusts)

  const { from, hops } = walk(addresses.toReversed(), trusts)
  return {
    from,
    proto: atHop(protos, hops),
    host: atHop(hosts, hops),
    port: atHop(elementsOf(headers['x-forwarded-port']), hops),
    chain: addresses.slice(addresses.length - hops),
  }
}

/** The client, and how many addresses from the nearest proxy on name it or a proxy behind it. */
function walk(fromTheRight: Iterable<string>, trusts: Trusts): { from: string; hops: number } {
  let from = ''
  let hops = 0
  for (const element of fromTheRight) {
    hops++
    const address = addressIn(element)
    // `unknown`, or an obfuscated name: this hop is the client's, and the last proxy is all that is known of it.
    if (address === undefined) break
    from = address
    if (!trusts(address)) break
  }
  return { from, hops }
}

function atHop(elements: readonly string[], hops: number): string {
  return elements[Math.max(0, elements.length - Math.max(1, hops))] ?? ''
}

/** The elements of a list (RFC 9110, 5.6.1) without the empty ones. Node has joined repeated lines with commas. */
function elementsOf(value: string | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return []
  const text = typeof value === 'string' ? value : value.join(',')
  return text
    .split(',')
    .map(element => element.trim())
    .filter(element => element !== '')
}

type Pairs = ReadonlyMap<string, string>

function readStandard(value: string | undefined, trusts: Trusts): Forwarding {
  const way: Pairs[] = []
  const addresses = function* (): Iterable<string> {
    for (const pairs of pairsFromTheRight(value ?? '')) {
      way.push(pairs)
      yield pairs.get('for') ?? 'unknown'
    }
  }
  const { from } = walk(addresses(), trusts)
  way.reverse()
  const told = (name: string): string => way.find(pairs => pairs.has(name))?.get(name) ?? ''
  const chain = way.map(pairs => addressIn(pairs.get('for') ?? '') ?? 'unknown')
  return { from, proto: told('proto'), host: told('host'), port: '', chain }
}

/** Longer than any element that a proxy writes: an unreadable header is not searched to its end again and again. */
const longestElement = 1024

/**
 * The elements of `Forwarded`, last first. Commas may be quoted, and a client can leave a quotation open in front of what
 * the proxies write, so the shortest end of the text that can be read is the last element.
 */
function* pairsFromTheRight(text: string): Iterable<Pairs> {
  let end = text.length
  let comma = end
  while (comma > 0 && end - comma <= longestElement) {
    comma = text.lastIndexOf(',', comma - 1)
    const element = text.slice(comma + 1, end).trim()
    const pairs = pairsIn(element)
    if (pairs !== undefined || element === '') end = comma
    if (pairs !== undefined) yield pairs
    if (comma === -1) return
  }
}

/** A value is a token or a string in quotation marks; ports and IPv6 are often written without the marks. */
const pair = /\s*([\w-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s",;\\]+))\s*(?:;|$)/y

function pairsIn(element: string): Pairs | undefined {
  const pairs = new Map<string, string>()
  pair.lastIndex = 0
  while (pair.lastIndex < element.length) {
    const [, name, quoted, bare] = pair.exec(element) ?? []
    if (name === undefined) return undefined
    pairs.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? bare ?? '')
  }
  return pairs.size === 0 ? undefined : pairs
}

/** Some proxies write the port, too: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
function addressIn(element: string): string | undefined {
  const text = element.replace(/^"(.*)"$/, '$1')
  const bare = /^\[([^\]]+)\](?::\w+)?$/.exec(text)?.[1] ?? /^([\d.]+):\w+$/.exec(text)?.[1] ?? text
  return isIP(bare) === 0 ? undefined : plainAddress(bare)
}

/** Whose requests are a load test: they come from these addresses, or bear the secret. */
export interface LoadTest {
  readonly addresses: readonly string[]
  readonly secret?: Secret
}

/** Tells the lane of a request by the client's address and the value of `X-Altgate-Load-Test`, empty if it has none. */
type LaneReader = (from: string, presented: string) => TrafficLane

/** The header as Node spells it. Like all of ours it never reaches an upstream. */
const loadTestHeader = 'x-altgate-load-test'

function createLaneReader(secret: Secret | undefined, isTester: (address: string) => boolean): LaneReader {
  const expected = secret && digest(secret.reveal())
  const knows = (text: string): boolean => expected !== undefined && timingSafeEqual(digest(text), expected)
  // Whoever presents a wrong secret is a caller like all others, and is not told so.
  return (from, presented) =>
    (presented !== '' && knows(presented)) || isTester(from) ? 'load-test' : 'production'
}

/** Of one length, whatever was presented: only then it can be compared in constant time. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
