// The parameters of a did:webvh 1.0 log: who may write its next entry, and who must witness it.
import { AirworthyError } from '../errors.ts'
import { sha256 } from '../canonical.ts'
import { encodeBase58 } from './base58.ts'
import type { JsonObject } from './data-integrity.ts'

export const webvhMethod = 'did:webvh:1.0'

export type Witness = { readonly threshold: number; readonly ids: readonly string[] }

export type WebvhParameters = {
  readonly scid: string
  /** Multikeys. */
  readonly updateKeys: readonly string[]
  /** Multihashes of the multikeys that may come next; none: anybody that the last keys name. */
  readonly nextKeyHashes: readonly string[]
  readonly witness: Witness | undefined
  readonly watchers: readonly string[]
  readonly portable: boolean
  readonly deactivated: boolean
  readonly ttlSeconds: number
}

const listMax = 100
const ttlMax = 2 ** 31
const known = new Set([
  'method',
  'scid',
  'updateKeys',
  'nextKeyHashes',
  'witness',
  'watchers',
  'portable',
  'deactivated',
  'ttl',
])

const nothing: WebvhParameters = {
  scid: '',
  updateKeys: [],
  nextKeyHashes: [],
  witness: undefined,
  watchers: [],
  portable: false,
  deactivated: false,
  ttlSeconds: 3600,
}

/** The parameters after an entry; `before` is undefined for the first. Throws `identity.did_unresolvable`. */
export function applyParameters(
  before: WebvhParameters | undefined,
  given: JsonObject,
): WebvhParameters {
  for (const name of Object.keys(given)) {
    if (!known.has(name)) throw refused(`the parameter ${name} is not one of did:webvh 1.0`)
  }
  const { method, scid } = given
  const isFirst = before === undefined
  if (isFirst ? method !== webvhMethod : (method ?? webvhMethod) !== webvhMethod) {
    throw refused(`the method must be ${webvhMethod}`)
  }
  if (isFirst ? typeof scid !== 'string' : scid !== undefined) {
    throw refused('the SCID stands in the first entry, and in no other')
  }
  if (isFirst && given['updateKeys'] === undefined) throw refused('there are no update keys')
  if ((before?.nextKeyHashes.length ?? 0) > 0) checkPreRotated(given)
  const last = before ?? { ...nothing, scid: String(scid) }
  const portable = flag(given, 'portable', last.portable)
  if (!isFirst && portable && !last.portable)
    throw refused('a DID becomes portable when it is made')
  return {
    scid: last.scid,
    updateKeys: texts(given, 'updateKeys', last.updateKeys),
    nextKeyHashes: texts(given, 'nextKeyHashes', last.nextKeyHashes),
    watchers: texts(given, 'watchers', last.watchers),
    witness: 'witness' in given ? parseWitness(given['witness']) : last.witness,
    portable,
    deactivated: flag(given, 'deactivated', last.deactivated),
    ttlSeconds: ttlOf(given['ttl'], last.ttlSeconds),
  }
}

/** While keys are committed to in advance, each entry names its own and commits to the next. */
function checkPreRotated(given: JsonObject): void {
  for (const name of ['updateKeys', 'nextKeyHashes']) {
    if (!Array.isArray(given[name])) throw refused(`with pre-rotation every entry has ${name}`)
  }
}

/** Absent keeps what was; null is an old way to say none. */
function texts(given: JsonObject, name: string, last: readonly string[]): readonly string[] {
  const value = given[name]
  if (!(name in given)) return last
  if (value === null) return []
  if (!Array.isArray(value) || value.length > listMax) throw refused(`${name} must be a short list`)
  const list: readonly unknown[] = value
  const found = list.filter((each) => typeof each === 'string')
  if (found.length !== list.length || new Set(found).size !== found.length) {
    throw refused(`${name} must be different texts`)
  }
  return found
}

function flag(given: JsonObject, name: string, last: boolean): boolean {
  const value = given[name]
  if (value === undefined || value === null) return last
  if (typeof value !== 'boolean') throw refused(`${name} must be true or false`)
  return value
}

function ttlOf(value: unknown, last: number): number {
  if (value === undefined) return last
  if (value === null) return nothing.ttlSeconds
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= ttlMax) {
    return value
  }
  throw refused('ttl must be a number of seconds')
}

function parseWitness(value: unknown): Witness | undefined {
  if (value === null) return undefined
  if (typeof value !== 'object' || Array.isArray(value)) throw refused('witness must be an object')
  const members = new Map<string, unknown>(Object.entries(value))
  if (members.size === 0) return undefined
  const list: unknown = members.get('witnesses')
  const threshold = members.get('threshold')
  if (!Array.isArray(list) || list.length === 0 || list.length > listMax) {
    throw refused('witness.witnesses must be a short list')
  }
  const ids = list.map((each: unknown) => {
    const id = typeof each === 'object' && each !== null && 'id' in each ? each.id : undefined
    if (typeof id === 'string' && id.startsWith('did:key:z')) return id
    // didwebvh-rs leaves the method out; there is only one that it can be.
    if (typeof id === 'string' && id.startsWith('z')) return `did:key:${id}`
    throw refused('a witness must be a did:key')
  })
  // One witness that is listed twice would be counted twice.
  if (new Set(ids).size !== ids.length) throw refused('a witness is listed twice')
  const isThreshold =
    typeof threshold === 'number' &&
    Number.isInteger(threshold) &&
    threshold >= 1 &&
    threshold <= ids.length
  if (!isThreshold) throw refused('the threshold must be from 1 to the number of witnesses')
  return { threshold, ids }
}

/** base58btc of the SHA-256 multihash: SCIDs, entry hashes and hashes of next keys. */
export function multihashOf(text: string): string {
  return encodeBase58(Buffer.concat([Buffer.from([0x12, 0x20]), sha256(text)]))
}

export function refused(message: string): AirworthyError {
  return new AirworthyError('identity.did_unresolvable', message)
}
