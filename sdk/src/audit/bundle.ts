// The lines of an audit bundle. The whole format is in docs/guides/audit.md; what is written is one
// JSON object a line, and there is one spelling of each.
import { AuditFault } from './fault.ts'

export const bundleFormat = 'airworthy-bundle/v1'
/** A line with the history of a DID may be long; no other is. */
export const bundleLineBytesMax = 4 * 1024 * 1024
/** The seal is computed over blocks of this size of the file. */
export const sealBlockBytes = 65_536
export const bundleCheckpointsMax = 2_000
const didsMax = 10_000
const subtreesMax = 64

/** `witnesses` is its did-witness.json, where there is one. */
export type BundleIdentity = {
  readonly id: string
  readonly log: string
  readonly witnesses?: string
}

export type BundleHead = {
  readonly format: typeof bundleFormat
  readonly origin: string
  readonly log: string
  /** The first entry, and the one after the last. */
  readonly from: number
  readonly to: number
  /** The key that signs the log, as a vkey: what a trusted key is compared with. */
  readonly key: string
}

export type BundleLine =
  | { readonly head: BundleHead }
  | { readonly policy: string }
  /** The history of an identity: `did.jsonl` of did:webvh, as it was published. */
  | { readonly did: BundleIdentity }
  | { readonly checkpoint: string }
  /** Roots of the subtrees left and right of the range, base64. */
  | { readonly proof: { readonly left: readonly string[]; readonly right: readonly string[] } }
  | { readonly entry: string }
  | { readonly seal: string }

export type BundleLineKind = 'head' | 'policy' | 'did' | 'checkpoint' | 'proof' | 'entry' | 'seal'

/** In this order; a kind may be missing or repeated only where `parse` allows it. */
const order: readonly BundleLineKind[] = [
  'head',
  'policy',
  'did',
  'checkpoint',
  'proof',
  'entry',
  'seal',
]

/** What the seal's note says: `digest` is base64. */
export function sealText(head: BundleHead, digest: string): string {
  return `${bundleFormat}\n${head.origin}\n${head.log} ${head.from} ${head.to}\n${digest}\n`
}

export function writeBundleLine(line: BundleLine): string {
  return `${JSON.stringify(line)}\n`
}

export type BundleParts = {
  head: BundleHead | undefined
  policy: string | undefined
  readonly dids: BundleIdentity[]
  readonly checkpoints: string[]
  proof: { readonly left: readonly string[]; readonly right: readonly string[] } | undefined
  seal: string | undefined
}

/** Reads lines in their order. Each must be written exactly as `writeBundleLine` writes it. */
export class BundleReader {
  readonly parts: BundleParts = {
    head: undefined,
    policy: undefined,
    dids: [],
    checkpoints: [],
    proof: undefined,
    seal: undefined,
  }
  #at = 0

  /** Gives the kind of the line, and its entry where it is one. */
  read(text: string): { readonly kind: BundleLineKind; readonly entry?: string } {
    const value = parseObject(text)
    const [kind, ...others] = Object.keys(value)
    const place = order.findIndex((name) => name === kind)
    const found = order[place]
    if (found === undefined || others.length > 0) throw formatFault('a line is of no known kind')
    if (JSON.stringify(value) !== text) throw formatFault('a line is not written as it must be')
    if (place < this.#at) throw formatFault(`a line "${found}" is out of its order`)
    const isFirst = place > this.#at || found === 'head'
    this.#at = place
    return { kind: found, ...this.#take(found, value[found], isFirst) }
  }

  #take(kind: BundleLineKind, value: unknown, isFirst: boolean): { entry?: string } {
    const { parts } = this
    if (kind === 'did') parts.dids.push(readDid(value, parts.dids.length))
    else if (kind === 'checkpoint') parts.checkpoints.push(textOf(value))
    else if (kind === 'entry') return { entry: textOf(value) }
    else if (!isFirst || (kind === 'head' && parts.head !== undefined)) {
      throw formatFault(`there are two lines "${kind}"`)
    } else if (kind === 'head') parts.head = readHead(value)
    else if (kind === 'policy') parts.policy = textOf(value)
    else if (kind === 'proof') parts.proof = readProof(value)
    else parts.seal = textOf(value)
    if (parts.checkpoints.length > bundleCheckpointsMax) throw formatFault('too many checkpoints')
    return {}
  }
}

function formatFault(message: string): AuditFault {
  return new AuditFault('format', message)
}

function parseObject(text: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw formatFault('a line is no JSON')
  }
  return recordOf(value)
}

function recordOf(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw formatFault('a line is no object')
  }
  return Object.fromEntries(Object.entries(value))
}

function textOf(value: unknown): string {
  if (typeof value !== 'string') throw formatFault('a text is missing')
  return value
}

function readHead(value: unknown): BundleHead {
  const { format, origin, log, from, to, key, ...rest } = recordOf(value)
  if (format !== bundleFormat) throw formatFault(`this is no ${bundleFormat}`)
  const isRange =
    typeof from === 'number' &&
    typeof to === 'number' &&
    Number.isSafeInteger(from) &&
    Number.isSafeInteger(to) &&
    0 <= from &&
    from < to
  if (!isRange || Object.keys(rest).length > 0) throw formatFault('the head is not as it must be')
  return { format, origin: textOf(origin), log: textOf(log), from, to, key: textOf(key) }
}

function readDid(value: unknown, before: number): BundleIdentity {
  const { id, log, witnesses, ...rest } = recordOf(value)
  if (before >= didsMax || Object.keys(rest).length > 0) throw formatFault('too many identities')
  const proofs = witnesses === undefined ? {} : { witnesses: textOf(witnesses) }
  return { id: textOf(id), log: textOf(log), ...proofs }
}

function readProof(value: unknown): { left: readonly string[]; right: readonly string[] } {
  const { left, right, ...rest } = recordOf(value)
  if (Object.keys(rest).length > 0) throw formatFault('the proof is not as it must be')
  return { left: textsOf(left), right: textsOf(right) }
}

function textsOf(value: unknown): string[] {
  if (!Array.isArray(value) || value.length > subtreesMax) throw formatFault('a list is too long')
  return value.map(textOf)
}
