import { isIP } from 'node:net'

/** Whether a text is an address block such as 203.0.113.0/24 or 2001:db8::/32, as AWS and nginx accept it. */
export function isCidr(text: string): boolean {
  const [address = '', length = '', ...rest] = text.split('/')
  const bits = { 0: 0, 4: 32, 6: 128 }[isIP(address)] ?? 0
  // isIP accepts the zone of a link-local address, which means something on one machine only.
  if (bits === 0 || address.includes('%') || rest.length > 0) return false
  return /^(?:0|[1-9]\d{0,2})$/.test(length) && Number(length) <= bits
}

/** Whether CIDRs together contain every IPv4 address or every IPv6 address. Expects what `isCidr` accepts. */
export function coversEverything(cidrs: string[]): boolean {
  const isIpv6 = (cidr: string) => cidr.includes(':')
  return [cidrs.filter(isIpv6), cidrs.filter((cidr) => !isIpv6(cidr))].some((family) => covers(family.map(prefixBits)))
}

/** Whether every address begins with one of these bits: with an empty prefix, or with one in either half. */
function covers(prefixes: string[]): boolean {
  if (prefixes.length === 0 || prefixes.includes('')) return prefixes.length > 0
  return ['0', '1'].every((bit) =>
    covers(prefixes.filter((prefix) => prefix.startsWith(bit)).map((prefix) => prefix.slice(1))),
  )
}

/** The bits that all addresses of a CIDR begin with. */
function prefixBits(cidr: string): string {
  const [address = '', length] = cidr.split('/')
  return (address.includes(':') ? ipv6Groups(address) : address.split('.').map((byte) => binary(Number(byte), 8)))
    .join('')
    .slice(0, Number(length))
}

function ipv6Groups(address: string): string[] {
  // URL writes an IPv4 address at the end as groups, and leaves at most one gap.
  const [before = '', after] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const groups = (text: string) => text.split(':').filter(Boolean)
  const gap = after === undefined ? [] : Array(8 - groups(before).length - groups(after).length).fill('0')
  return [...groups(before), ...gap, ...groups(after ?? '')].map((group) => binary(Number.parseInt(group, 16), 16))
}

const binary = (value: number, digits: number) => value.toString(2).padStart(digits, '0')
