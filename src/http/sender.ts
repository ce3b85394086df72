import type { IncomingMessage } from 'node:http'
import { BlockList, isIP, isIPv6 } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { TrafficLane } from '../gateway/ask.ts'
import { plainAddress, readForwarding } from './forwarding.ts'
import { createLaneReader, loadTestHeader, type LoadTest } from './load-test.ts'

/** Who sent a request, as far as the socket and the proxies that we trust can say. */
export interface Sender {
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
export type ReadSender = (request: IncomingMessage) => Sender

/**
 * Reads the sender of a request. `trustedProxies`: addresses and CIDR ranges whose `X-Forwarded-*`, or else `Forwarded`,
 * are believed; with none, no sender's are. Only the canonical spellings are read: `X_Forwarded_Proto` is another header to Node
 * (CVE-2025-64484 and its kin).
 */
export function createSenderReader(
  trustedProxies: readonly string[],
  { addresses, secret }: LoadTest = { addresses: [] },
): ReadSender {
  const trusts = among(trustedProxies)
  const laneOf = createLaneReader(secret, among(addresses))

  return request => {
    const { headers, socket } = request
    const peer = plainAddress(socket.remoteAddress ?? '')
    const testing = headerOf(headers[loadTestHeader])
    const direct: Sender = {
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

/** Asks whether an address is one of these, or in one of these ranges. */
function among(ranges: readonly string[]): (address: string) => boolean {
  const list = new BlockList()
  for (const range of ranges) {
    const [address = '', bits] = range.split('/')
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    if (bits === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(bits), family)
  }
  return address =>
    ranges.length > 0 && isIP(address) !== 0 && list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
}

/** Node joins repeated headers with commas; only its types say they could be lists. */
function headerOf(value: string | readonly string[] | undefined): string {
  return typeof value === 'string' ? value : (value?.join(', ') ?? '')
}
