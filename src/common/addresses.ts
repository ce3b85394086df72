import { BlockList, isIP, isIPv6 } from 'node:net'

/**
 * The unit by which clients are counted: an IPv4 address, or the IPv6 network with this prefix length, because one user
 * has the whole network. An IPv4-mapped IPv6 address (RFC 4291, 2.5.5.2) counts as the IPv4 address.
 */
export function networkOf(address: string, prefixBits: number): string {
  const bare = plain(address)
  return isIPv6(bare) ? `${bitsOf(bare) >> BigInt(128 - prefixBits)}/${prefixBits}` : bare
}

/** Tests whether an address is in this list of addresses and ranges. */
export function among(ranges: readonly string[]): (address: string) => boolean {
  const list = new BlockList()
  for (const range of ranges) {
    const [address = '', bits] = range.split('/')
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    if (bits === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(bits), family)
  }
  return address => {
    const bare = plain(address)
    return isIP(bare) !== 0 && list.check(bare, isIPv6(bare) ? 'ipv6' : 'ipv4')
  }
}

/** Without the zone (`%eth0`), and IPv4-mapped addresses as IPv4. */
function plain(address: string): string {
  const [bare = ''] = address.split('%')
  if (!isIPv6(bare)) return bare
  const bits = bitsOf(bare)
  return bits >> 32n === 0xffffn ? dotted(bits & 0xffff_ffffn) : bare
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

function dotted(bits: bigint): string {
  return [24n, 16n, 8n, 0n].map(shift => (bits >> shift) & 0xffn).join('.')
}
