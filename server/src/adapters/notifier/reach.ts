// Where messages may go: public addresses, and those that the server's own settings name. A host is
// resolved here, and the very address that was checked is the one that is connected to.
import type { LookupAddress } from 'node:dns'
import { isIP } from 'node:net'
import { addressPolicy, isPublic, literalOf } from '../../core/network/address-policy.ts'
import { AirworthyError } from '../../core/errors.ts'
import { lookupHost } from '../host-addresses.ts'

export type Reach = {
  /** Hosts, addresses and ranges that may be reached although they are not public. */
  readonly allowPrivate: readonly string[]
  /** The addresses of a host; DNS when not given. */
  readonly resolveHost?: (host: string) => Promise<readonly string[]>
}

/**
 * The addresses of a host, all of them checked. With `privateOnly` nothing public is reached: what is
 * sent is not encrypted. Throws `upstream.address_forbidden`, or what the resolver threw.
 */
export async function checkedAddresses(
  reach: Reach,
  target: { readonly host: string; readonly privateOnly: boolean },
): Promise<readonly LookupAddress[]> {
  const { host, privateOnly } = target
  const policy = addressPolicy({ allowPrivate: reach.allowPrivate, privateOnly })
  const literal = literalOf(host)
  const found = literal === undefined ? await (reach.resolveHost ?? lookupHost)(host) : [literal]
  if (found.length === 0) throw new Error(`${host} has no address`)
  // One forbidden address among them is enough: a public name has no reason to have one.
  const bad = found.find((address) => !policy.permits(host, address))
  if (bad === undefined) return found.map((address) => ({ address, family: isIP(address) }))
  const what = literal === undefined ? `${host} is at ${bad}, which` : bad
  const why = isPublic(bad)
    ? 'is public, and messages go there encrypted only'
    : 'is not a public address, and AIRWORTHY_CHANNEL_PRIVATE does not name it'
  throw new AirworthyError('upstream.address_forbidden', `${what} ${why}`)
}
