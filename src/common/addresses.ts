import { BlockList, isIP, isIPv6, SocketAddress } from 'node:net'

/**
 * The unit by which clients are counted: an IPv4 address, or the IPv6 network with this prefix length, because one user
 * has the whole network. An IPv4-mapped IPv6 address (RFC 4291, 2.5.5.2) counts as the IPv4 address.
 */
export function networkOf(address: string, prefixBits: number): string {
  const bare = plainAddress(address)
  return isIPv6(bare) ? `${bitsOf(bare) >> BigInt(128 - prefixBits)}/${prefixBits}` : bare
}

/** The same as text for operators: `2001:db8:1:2::/64`. */
export function networkText(address: string, prefixBits: number): string {
  const bare = plainAddress(address)
  if (!isIPv6(bare)) return bare
  const shift = BigInt(128 - prefixBits)
  const bits = (bitsOf(bare) >> shift) << shift
  const groups = Array.from({ length: 8 }, (_, at) =>
    ((bits >> BigInt(16 * (7 - at))) & 0xffffn).toString(16),
  )
  return `${groups.join(':').replace(/(?:(?:^|:)0)+$/, '::')}/${prefixBits}`
}

/** Tests whether an address is in this list of addresses and ranges. */
export function among(ranges: readonly string[]): (address: string) => boolean {
  if (ranges.length === 0) return () => false // the usual case, and asked for every request
  const list = new BlockList()
  for (const range of ranges) {
    const [address = '', bits] = range.split('/')
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    if (bits === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(bits), family)
  }
  return address => {
    const bare = plainAddress(address)
    return isIP(bare) !== 0 && list.check(bare, isIPv6(bare) ? 'ipv6' : 'ipv4')
  }
}

/**
 * One spelling for each address: a socket that listens on IPv6 shows IPv4 peers as `::ffff:192.0.2.1`, and a zone
 * (`%eth0`) means nothing to any other machine. What is no address stays as it is.
 */
export function plainAddress(address: string): string {
  // What is most common first: this is asked for every request.
  if (mapped.test(address)) return address.slice(mappedPrefix.length)
  if (!isIPv6(address)) return address
  const [bare = ''] = address.split('%')
  const { address: canonical } = new SocketAddress({ address: bare, family: 'ipv6' })
  return mapped.test(canonical) ? canonical.slice(mappedPrefix.length) : canonical
}

const mappedPrefix = '::ffff:'
/** The dots tell it from `::ffff:1234`, which is an address of IPv6. */
const mapped = /^::ffff:\d+(?:\.\d+){3}$/

/** A host in a URL that is this machine: only there may secrets travel over plain http. */
export const loopbackHost = /localhost|127(?:\.\d{1,3}){3}|\[::1\]/
const loopbackOnly = new RegExp(`^(?:${loopbackHost.source})$`)

/** Asks it of the `hostname` of a `URL`. */
export function isLoopback(hostname: string): boolean {
  return loopbackOnly.test(hostname)
}

/** Why an upstream must not get access tokens of users by `upstreamAuth.hosts`; `undefined` if it may. */
export function hostFlaw(origin: string, hosts: readonly string[]): string | undefined {
  const { protocol, hostname } = new URL(origin)
  const name = hostname.replace(/\.$/, '')
  const isNamed = hosts.some(host => (host.startsWith('*.') ? name.endsWith(host.slice(1)) : name === host))
  if (!isNamed) return `upstreamAuth.hosts does not name ${hostname}`
  if (protocol === 'https:' || isLoopback(hostname)) return undefined
  return `upstreamAuth.hosts allows https only, and http on this machine: ${origin}`
}

/** The 4 or 16 bytes of an address, without its zone. */
export function bytesOf(address: string): Buffer {
  const [bare = ''] = address.split('%')
  if (!isIPv6(bare)) return Buffer.from(bare.split('.').map(Number))
  return Buffer.from(bitsOf(bare).toString(16).padStart(32, '0'), 'hex')
}

function bitsOf(ipv6: string): bigint {
  const [head = '', tail = ''] = ipv6.replace(/[\d.]+\.[\d.]+$/, inHex).split('::')
  const [before, after] = [groupsOf(head), groupsOf(tail)]
  const between = Array.from({ length: 8 - before.length - after.length }, () => '0')
  return [...before, ...between, ...after].reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n)
}

function groupsOf(text: string): readonly string[] {
  return text === '' ? [] : text.split(':')
}

/** `192.0.2.1` as two hexadecimal groups of IPv6. */
function inHex(ipv4: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = ipv4.split('.').map(Number)
  return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`
}
