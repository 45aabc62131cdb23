// The addresses of a host, bounded, and a lookup that gives those that were checked.
import { type LookupAddress, promises as dns } from 'node:dns'
import type { LookupFunction } from 'node:net'

const addressesMax = 64

export async function lookupHost(host: string): Promise<readonly string[]> {
  const found = await dns.lookup(host, { all: true })
  return found.slice(0, addressesMax).map(({ address }) => address)
}

/** Gives what was checked, whatever the name resolves to a moment later. */
export function lookupOf(addresses: readonly LookupAddress[]): LookupFunction {
  return (_host, options, callback) => {
    const [first] = addresses
    if (options.all === true) callback(null, [...addresses])
    else callback(null, first?.address ?? '', first?.family)
  }
}
