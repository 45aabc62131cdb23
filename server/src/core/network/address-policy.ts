// Which addresses may be called at somebody's word: public ones, and those that the operator names.
// This is what keeps a host name, a document or a DID from leading the server into its own network.
import { BlockList, isIP } from 'node:net'
import { AirworthyError } from '../errors.ts'

/** One list a family: in a list of both, Node takes IPv4 for the IPv6 addresses that embed it. */
type Ranges = { readonly ipv4: BlockList; readonly ipv6: BlockList }

/** `::ffff:a.b.c.d` is an IPv4 address in disguise, and no public name has a reason to use it. */
const mappedIpv4 = rangesOf(['::ffff:0:0/96'])

/** No connection to one of these is a call of an API: nobody may allow them. */
const neverCalled = rangesOf([
  '0.0.0.0/8',
  '224.0.0.0/4',
  '255.255.255.255/32',
  '::/128',
  'ff00::/8',
])

/** What IANA lists as special: not public (RFC 6890 and what came after it). */
const specialIpv4 = rangesOf([
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '192.175.48.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
])

/** All other IPv6 is mapped, translated (NAT64), local, multicast or not given out. */
const globalIpv6 = rangesOf(['2000::/3'])

/** Teredo and other protocols, documentation, 6to4, documentation. */
const specialIpv6 = rangesOf(['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'])

/** What a host that the manifest allows by name may be: never link-local, where metadata lives. */
const privateRanges = rangesOf([
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '::1/128',
  'fc00::/7',
])

export type Reach = {
  /** Hosts, addresses and CIDR ranges that may be called although they are not public. */
  readonly allowPrivate: readonly string[]
  /** Nothing public may be called: a secret would go over the internet in the clear. */
  readonly privateOnly?: boolean
}

export type AddressPolicy = {
  /** Whether `host`, which has this address, may be called. Hosts as a URL has them. */
  readonly permits: (host: string, address: string) => boolean
}

/** Throws `manifest.invalid`, with the entry that is neither a host, an address nor a range. */
export function addressPolicy({ allowPrivate, privateOnly = false }: Reach): AddressPolicy {
  const hosts = new Set<string>()
  const ranges = noRanges()
  for (const entry of allowPrivate) {
    if (addRange(ranges, entry)) continue
    const host = hostOf(entry)
    if (host === undefined) {
      const message = `allowPrivate: ${entry} is neither a host nor an address range`
      throw new AirworthyError('manifest.invalid', message)
    }
    hosts.add(host)
  }
  return {
    permits: (host, address) => {
      if (isIP(address) === 0 || has(mappedIpv4, address) || has(neverCalled, address)) return false
      if (isPublic(address)) return !privateOnly
      if (has(ranges, address)) return true
      return hosts.has(withoutDot(host)) && has(privateRanges, address)
    },
  }
}

/** Whether an entry of `allowPrivate` can be read. */
export function isReachEntry(entry: string): boolean {
  return addRange(noRanges(), entry) || hostOf(entry) !== undefined
}

/** Whether an address is one of the public internet. */
export function isPublic(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !has(specialIpv4, address)
    case 6:
      return has(globalIpv6, address) && !has(specialIpv6, address)
    default:
      return false
  }
}

/** The address that a URL names itself, without the brackets of IPv6; undefined for a name. */
export function literalOf(hostname: string): string | undefined {
  const bare = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
  return isIP(bare) === 0 ? undefined : bare
}

function has(ranges: Ranges, address: string): boolean {
  return isIP(address) === 4
    ? ranges.ipv4.check(address, 'ipv4')
    : ranges.ipv6.check(address, 'ipv6')
}

function noRanges(): Ranges {
  return { ipv4: new BlockList(), ipv6: new BlockList() }
}

function rangesOf(entries: readonly string[]): Ranges {
  const ranges = noRanges()
  for (const entry of entries) {
    if (!addRange(ranges, entry)) throw new Error(`${entry} is no address range`)
  }
  return ranges
}

/** Adds `10.0.0.0/8`, or an address alone; false when it is neither. */
function addRange(ranges: Ranges, entry: string): boolean {
  const [address = '', bits, ...more] = entry.split('/')
  const version = isIP(address)
  if (version === 0 || address.includes('%') || more.length > 0) return false
  const width = version === 4 ? 32 : 128
  const prefix = bits === undefined ? width : /^\d{1,3}$/.test(bits) ? Number(bits) : width + 1
  if (prefix > width) return false
  if (version === 4) ranges.ipv4.addSubnet(address, prefix, 'ipv4')
  else ranges.ipv6.addSubnet(address, prefix, 'ipv6')
  return true
}

/** A host name as a URL would have it: small letters, no port, no path. */
function hostOf(entry: string): string | undefined {
  if (!/^[A-Za-z0-9.-]+$/.test(entry) || !URL.canParse(`http://${entry}/`)) return undefined
  return withoutDot(new URL(`http://${entry}/`).hostname)
}

/** `localhost.` is `localhost`. */
function withoutDot(host: string): string {
  return host.endsWith('.') ? host.slice(0, -1) : host
}
