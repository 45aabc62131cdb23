// Identifiers. UUIDv7 (RFC 9562): time-ordered, so primary keys grow at one end.

declare const brand: unique symbol
type Brand<Name extends string> = string & { readonly [brand]: Name }

export type OrganisationId = Brand<'organisation'>
export type ReplicaId = Brand<'replica'>

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

export function isUuid(text: string): boolean {
  return uuidPattern.test(text)
}

function isOrganisationId(text: string): text is OrganisationId {
  return isUuid(text)
}

function isReplicaId(text: string): text is ReplicaId {
  return isUuid(text)
}

export function parseOrganisationId(text: string): OrganisationId {
  if (isOrganisationId(text)) return text
  throw new TypeError(`not an organisation id: ${text}`)
}

export function parseReplicaId(text: string): ReplicaId {
  if (isReplicaId(text)) return text
  throw new TypeError(`not a replica id: ${text}`)
}
