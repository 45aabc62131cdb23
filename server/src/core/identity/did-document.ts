// The DID documents of this install. An agent's names the organisation as its controller, and holds
// the public keys that the agent enrolled; the organisation's holds the keys that it asserts with.
import type { JsonObject } from './data-integrity.ts'
import { multikeyOf, type PublicKey } from './public-key.ts'

export type Service = {
  /** After the `#`. */
  readonly name: string
  readonly type: string
  readonly endpoint: string
}

const contexts = ['https://www.w3.org/ns/did/v1', 'https://w3id.org/security/multikey/v1']

export function didDocument(options: {
  readonly did: string
  /** The did:web of the same document. */
  readonly webDid: string
  /** Undefined: its own. */
  readonly controller: string | undefined
  readonly keys: readonly PublicKey[]
  readonly services: readonly Service[]
}): JsonObject {
  const { did, webDid, controller, keys, services } = options
  const methods = keys.map((key) => {
    const publicKeyMultibase = multikeyOf(key)
    const id = `${did}#${publicKeyMultibase}`
    return { id, type: 'Multikey', controller: did, publicKeyMultibase }
  })
  const ids = methods.map((method) => method.id)
  return {
    '@context': contexts,
    id: did,
    controller: controller ?? did,
    alsoKnownAs: [webDid],
    verificationMethod: methods,
    authentication: ids,
    assertionMethod: ids,
    ...(services.length === 0 ? {} : { service: services.map((each) => serviceOf(did, each)) }),
  }
}

function serviceOf(did: string, { name, type, endpoint }: Service): JsonObject {
  return { id: `${did}#${name}`, type, serviceEndpoint: endpoint }
}

/** The same document as a did:web: the specification's text replacement, and the way back. */
export function parallelWebDocument(
  document: JsonObject,
  of: { readonly scid: string; readonly did: string; readonly webDid: string },
): JsonObject {
  const text = JSON.stringify(document).replaceAll(`did:webvh:${of.scid}:`, 'did:web:')
  const replaced: unknown = JSON.parse(text)
  const members = Object.entries(
    typeof replaced === 'object' && replaced !== null ? replaced : {},
  ).map(([name, value]: [string, unknown]) => {
    if (name !== 'alsoKnownAs' || !Array.isArray(value)) return [name, value]
    return [name, [of.did, ...value.filter((each) => each !== of.webDid && each !== of.did)]]
  })
  return Object.fromEntries(members)
}
