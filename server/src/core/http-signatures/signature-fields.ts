// The fields Signature-Input and Signature (RFC 9421, section 4). Only their canonical bytes are
// read: whatever is written twice, or in a way that readers could take differently, is refused.
import {
  type Dictionary,
  isInnerList,
  parseDictionary,
  serializeDictionary,
  serializeInnerList,
} from 'structured-headers'
import { AirworthyError } from '../errors.ts'
import { type Component, readComponents } from './component.ts'

/** One signature with what it says of itself. Times are seconds since 1970. */
export type MessageSignature = {
  readonly label: string
  readonly components: readonly Component[]
  readonly created: number | undefined
  readonly expires: number | undefined
  readonly nonce: string | undefined
  readonly keyId: string | undefined
  readonly algorithm: string | undefined
  readonly tag: string | undefined
  /** The covered components and parameters, as they end the signature base. */
  readonly parameters: string
  readonly signature: Buffer
}

const fieldCharsMax = 8192
const labelsMax = 8
const parameterNames = new Set(['created', 'expires', 'nonce', 'keyid', 'alg', 'tag'])

/**
 * Reads the one signature that carries the tag; without a tag, the one that is there. Undefined when
 * the message has none. Throws `signature.malformed` or `signature.component_unknown`.
 */
export function readSignature(
  fields: { readonly input: string | undefined; readonly signature: string | undefined },
  tag?: string,
): MessageSignature | undefined {
  const { input, signature } = fields
  if (input === undefined && signature === undefined) return undefined
  if (input === undefined || signature === undefined) {
    throw malformed('a signature needs the two fields Signature-Input and Signature')
  }
  const usual = readUsual(input, signature, tag)
  if (usual !== undefined) return usual
  const inputs = readDictionary('Signature-Input', input)
  const labels = [...inputs.keys()].filter(
    (label) => tag === undefined || isTagged(inputs, label, tag),
  )
  const [label, ...others] = labels
  if (label === undefined) return undefined
  if (others.length > 0) throw malformed('there is more than one signature to check')
  // Where it is the only one, what was found canonical is what ends the base.
  const parameters = inputs.size === 1 ? input.slice(label.length + 1) : undefined
  return readOne(label, inputs, { parameters, bytes: readBytes(label, signature) })
}

/** The usual field has one member; any other is read as the dictionary it must be. */
function readBytes(label: string, field: string): Buffer {
  const [, only, base64 = ''] =
    /^([a-z0-9_-]{1,64})=:([A-Za-z0-9+/]{1,1000}={0,2}):$/.exec(field) ?? []
  const decoded = Buffer.from(base64, 'base64')
  if (only === label && decoded.toString('base64') === base64) return decoded
  const [bytes, more] = readDictionary('Signature', field).get(label) ?? []
  if (bytes instanceof ArrayBuffer && more?.size === 0) return Buffer.from(bytes)
  throw malformed(`Signature holds no bytes of ${label}`)
}

/** One signature with its parameters in the order that the SDK writes them: canonical as it stands. */
const usualShape =
  /^([a-z][a-z0-9]{0,31})=((\("[^()]{1,2000}\));created=([1-9]\d{0,11});expires=([1-9]\d{0,11});nonce="([A-Za-z0-9+/=_-]{1,200})";keyid="([A-Za-z0-9_-]{1,100})";tag="([a-z-]{1,40})")$/
const usualCoveredMax = 1000
/** What the same agent covers in request after request, read once. */
const usualCovered = new Map<string, readonly Component[]>()

/** Reads what most requests have, faster; undefined for anything that is written in another way. */
function readUsual(
  input: string,
  signature: string,
  tagAsked: string | undefined,
): MessageSignature | undefined {
  const found = usualShape.exec(input)
  if (found === null) return undefined
  const [, label = '', parameters = '', covered = '', created, expires, nonce, keyId, tag] = found
  if (tagAsked !== undefined && tag !== tagAsked) return undefined
  let components = usualCovered.get(covered)
  if (components === undefined) {
    const member = readDictionary('Signature-Input', `x=${covered}`).get('x')
    if (member === undefined || !isInnerList(member)) return undefined
    components = readComponents(member[0])
    if (usualCovered.size >= usualCoveredMax) usualCovered.clear()
    usualCovered.set(covered, components)
  }
  return {
    label,
    components,
    nonce,
    keyId,
    tag,
    parameters,
    algorithm: undefined,
    created: Number(created),
    expires: Number(expires),
    signature: readBytes(label, signature),
  }
}

function isTagged(inputs: Dictionary, label: string, tag: string): boolean {
  return inputs.get(label)?.[1].get('tag') === tag
}

function readOne(
  label: string,
  inputs: Dictionary,
  found: { readonly parameters: string | undefined; readonly bytes: Buffer },
): MessageSignature {
  const member = inputs.get(label)
  if (member === undefined || !isInnerList(member)) {
    throw malformed(`Signature-Input says nothing that can be checked of ${label}`)
  }
  const [items, parameters] = member
  for (const name of parameters.keys()) {
    if (!parameterNames.has(name)) {
      const message = `the parameter ${name} of the signature is not known here`
      throw new AirworthyError('signature.component_unknown', message)
    }
  }
  return {
    label,
    components: readComponents(items),
    created: secondsOf(parameters.get('created')),
    expires: secondsOf(parameters.get('expires')),
    nonce: textOf(parameters.get('nonce')),
    keyId: textOf(parameters.get('keyid')),
    algorithm: textOf(parameters.get('alg')),
    tag: textOf(parameters.get('tag')),
    parameters: found.parameters ?? serializeInnerList(member),
    signature: found.bytes,
  }
}

/** Throws `signature.malformed` unless the text is the canonical form of a dictionary. */
export function readDictionary(name: string, text: string): Dictionary {
  if (text.length > fieldCharsMax) throw malformed(`the field ${name} is too long`)
  let dictionary: Dictionary
  let canonical: string
  try {
    dictionary = parseDictionary(text)
    canonical = serializeDictionary(dictionary)
  } catch (cause) {
    throw malformed(`the field ${name} is no dictionary of structured fields`, cause)
  }
  if (canonical !== text) {
    throw malformed(`the field ${name} has something twice, or is not in its canonical form`)
  }
  if (dictionary.size > labelsMax) throw malformed(`the field ${name} has too many members`)
  return dictionary
}

function secondsOf(value: unknown): number | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value
  throw malformed('created and expires must be whole seconds')
}

function textOf(value: unknown): string | undefined {
  if (value === undefined || typeof value === 'string') return value
  throw malformed('nonce, keyid, alg and tag must be strings')
}

function malformed(message: string, cause?: unknown): AirworthyError {
  return new AirworthyError('signature.malformed', message, { cause })
}
