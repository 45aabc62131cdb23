// did:key: an identifier that is its own public key. It never changes and cannot be taken back, so
// it names witnesses and keys of a session, never an agent.
import { AirworthyError } from '../errors.ts'
import { multikeyOf, parseMultikey, type PublicKey } from './public-key.ts'

const prefix = 'did:key:'

export function didKeyOf(key: PublicKey): string {
  return prefix + multikeyOf(key)
}

/** Throws `identity.did_invalid` for another DID, `identity.key_*` for what is no safe key. */
export function parseDidKey(did: string): PublicKey {
  if (!did.startsWith(prefix)) throw new AirworthyError('identity.did_invalid', 'not a did:key')
  return parseMultikey(did.slice(prefix.length))
}

/**
 * The key of a verification method `did:key:<multikey>#<multikey>`. The two must be the same: one
 * that is authorised before the `#` and another that is verified after it is a known attack.
 */
export function parseDidKeyUrl(url: string): {
  readonly multikey: string
  readonly key: PublicKey
} {
  const [did = '', fragment, ...more] = url.split('#')
  const multikey = did.slice(prefix.length)
  if (fragment !== multikey || more.length > 0) {
    throw new AirworthyError('identity.did_invalid', 'the did:key and its fragment differ')
  }
  return { multikey, key: parseDidKey(did) }
}

/** Keys by multikey: checking that one is safe takes milliseconds, and logs repeat them. */
export type KeyCache = Map<string, PublicKey>

/** As `parseDidKeyUrl`, but a key that was read before is not checked again. */
export function readDidKeyUrl(
  url: string,
  keys: KeyCache,
): { readonly multikey: string; readonly key: PublicKey } {
  const multikey = url.slice(url.indexOf('#') + 1)
  const known = keys.get(multikey)
  if (known !== undefined && url === `${prefix}${multikey}#${multikey}`) {
    return { multikey, key: known }
  }
  const read = parseDidKeyUrl(url)
  keys.set(read.multikey, read.key)
  return read
}

/** The DID document of a did:key: one key, for every use that a signature has. */
export function didKeyDocument(did: string): Readonly<Record<string, unknown>> {
  const publicKeyMultibase = multikeyOf(parseDidKey(did))
  const id = `${did}#${publicKeyMultibase}`
  return {
    '@context': ['https://www.w3.org/ns/did/v1', 'https://w3id.org/security/multikey/v1'],
    id: did,
    verificationMethod: [{ id, type: 'Multikey', controller: did, publicKeyMultibase }],
    authentication: [id],
    assertionMethod: [id],
    capabilityDelegation: [id],
    capabilityInvocation: [id],
  }
}
