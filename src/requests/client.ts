import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { TLSSocket } from 'node:tls'
import { among, plainAddress } from '../common/addresses.ts'
import { remembered } from '../engine/memory.ts'
import type { TrafficLane } from '../gateway/ask.ts'
import type { Secret } from '../gateway/secret.ts'

/** The sender of a request, according to the socket and the trusted proxies. */
export interface Client {
  /** The client's address; behind trusted proxies, the one that they report. */
  readonly from: string
  readonly secure: boolean
  readonly host: string
  /** The port that the client connected to, if a trusted proxy reports it; otherwise empty. */
  readonly port: string
  /** The value of `X-Forwarded-For` for the upstream. */
  readonly forwardedFor: string
  /** Whether the peer on the socket is a trusted proxy. */
  readonly trusted: boolean
  readonly lane: TrafficLane
}

/** See `createClientReader`. */
export type ReadClient = (request: IncomingMessage) => Client

/**
 * Reads the sender of a request. `trustedProxies`: addresses and CIDR ranges whose `X-Forwarded-*`, or else `Forwarded`,
 * are trusted; if empty, these headers are ignored. Only the canonical spellings are read: `X_Forwarded_Proto` is a
 * different header to Node (CVE-2025-64484 and related).
 */
export function createClientReader(
  trustedProxies: readonly string[],
  { addresses, secret }: LoadTest = { addresses: [] },
): ReadClient {
  const trusts = remembered(among(trustedProxies))
  const laneOf = createLaneReader(secret, among(addresses))

  return ({ headers, socket }) => {
    const peer = plainPeer(socket.remoteAddress ?? '')
    const trusted = trusts(peer)
    const told = trusted ? readForwarding(headers, trusts) : nothingTold
    const from = told.from || peer
    return {
      from,
      // Traefik says wss of a request to upgrade.
      secure: told.proto === '' ? socket instanceof TLSSocket : /^(?:https|wss)$/i.test(told.proto),
      host: told.host || (headers.host ?? ''),
      port: told.port,
      forwardedFor: told.chain.length === 0 ? peer : `${told.chain.join(', ')}, ${peer}`,
      trusted,
      lane: laneOf(from, headerText(headers[loadTestHeader])),
    }
  }
}

const plainPeer = remembered(plainAddress)

/** Node joins repeated headers with commas; only its types say they could be lists. */
export function headerText(value: string | readonly string[] | undefined): string {
  return typeof value === 'string' ? value : (value?.join(', ') ?? '')
}

/** What the trusted proxies report about the hop from the client to the first of them; empty where they report nothing. */
interface Forwarding {
  readonly from: string
  readonly proto: string
  readonly host: string
  readonly port: string
  /** The reported addresses from the client on. What is left of the client in the header is dropped. */
  readonly chain: readonly string[]
}

const nothingTold: Forwarding = { from: '', proto: '', host: '', port: '', chain: [] }

/** Tests whether an address is that of a trusted proxy. */
type Trusts = (address: string) => boolean

/**
 * Reads `X-Forwarded-*`, or `Forwarded` (RFC 7239) if a request has none of them. Each proxy appends, so the lists are
 * read from the right, one element per hop. The client is the first address that is not a trusted proxy, and its hop is
 * the same number of elements from the right in every list. Anything further left may have been written by the client.
 *
 * A list that is shorter than the number of hops comes from a proxy that overwrites the header, or passes it on. All of
 * it was then written by proxies, and its leftmost element is the nearest to the client. ASP.NET Core does the same.
 */
function readForwarding(headers: IncomingHttpHeaders, trusts: Trusts): Forwarding {
  const addresses = elementsOf(headers['x-forwarded-for'])
  const protos = elementsOf(headers['x-forwarded-proto'])
  const hosts = elementsOf(headers['x-forwarded-host'])
  // Not both: most proxies set one kind, and pass on the other as the client sent it.
  if (addresses.length + protos.length + hosts.length === 0) {
    const { forwarded } = headers
    return forwarded === undefined ? nothingTold : readStandard(forwarded, trusts)
  }

  const { from, hops } = walk(addresses.toReversed(), trusts)
  return {
    from,
    proto: atHop(protos, hops),
    host: atHop(hosts, hops),
    port: atHop(elementsOf(headers['x-forwarded-port']), hops),
    chain: addresses.slice(addresses.length - hops),
  }
}

/** The client's address, and the number of hops from the nearest proxy to it. */
function walk(fromTheRight: Iterable<string>, trusts: Trusts): { from: string; hops: number } {
  let from = ''
  let hops = 0
  for (const element of fromTheRight) {
    hops++
    const address = addressIn(element)
    // `unknown` or an obfuscated name: the client is at this hop, and only the address of the last proxy is known.
    if (address === null) break
    from = address
    if (!trusts(address)) break
  }
  return { from, hops }
}

function atHop(elements: readonly string[], hops: number): string {
  return elements[Math.max(0, elements.length - Math.max(1, hops))] ?? ''
}

/** The non-empty elements of a list (RFC 9110, 5.6.1). Node has joined repeated lines with commas. */
function elementsOf(value: string | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return noElements
  const text = typeof value === 'string' ? value : value.join(',')
  return text
    .split(',')
    .map(element => element.trim())
    .filter(element => element !== '')
}

const noElements: readonly string[] = []

type Pairs = ReadonlyMap<string, string>

function readStandard(value: string, trusts: Trusts): Forwarding {
  const way: Pairs[] = []
  const addresses = function* (): Iterable<string> {
    for (const pairs of pairsFromTheRight(value)) {
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

/** Longer than any element that a proxy writes; bounds the search in an unreadable header. */
const longestElement = 1024

/**
 * The elements of `Forwarded`, last first. Commas may be quoted, and a client can leave a quote open before what the
 * proxies append, so the last element is the shortest end of the text that parses.
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

/** A value is a token or a quoted string; ports and IPv6 addresses are often left unquoted. */
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

/** Some proxies append the port: `192.0.2.1:4711`, `[2001:db8::1]:4711`. `null`: there is no address. */
const addressIn = remembered((element): string | null => {
  const text = element.replace(/^"(.*)"$/, '$1')
  const bare = /^\[([^\]]+)\](?::\w+)?$/.exec(text)?.[1] ?? /^([\d.]+):\w+$/.exec(text)?.[1] ?? text
  return isIP(bare) === 0 ? null : plainAddress(bare)
})

/** Requests belong to a load test if they come from these addresses or carry the secret. */
export interface LoadTest {
  readonly addresses: readonly string[]
  readonly secret?: Secret
}

/** The lane of a request, from the client's address and the value of `X-Altgate-Load-Test`, which may be empty. */
type LaneReader = (from: string, presented: string) => TrafficLane

/** The header in Node's spelling. Like every `X-Altgate-` header, it never reaches an upstream. */
const loadTestHeader = 'x-altgate-load-test'

function createLaneReader(secret: Secret | undefined, isTester: (address: string) => boolean): LaneReader {
  const expected = secret && digest(secret.reveal())
  const knows = (text: string): boolean => expected !== undefined && timingSafeEqual(digest(text), expected)
  // A wrong secret is ignored, without an error.
  return (from, presented) =>
    (presented !== '' && knows(presented)) || isTester(from) ? 'load-test' : 'production'
}

/** Has a fixed length, so that it can be compared in constant time. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
