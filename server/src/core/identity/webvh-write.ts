// Writes entries of a did:webvh 1.0 log. What the parameters must be is for the caller to know; a
// log that was written here is verified like any other before it is stored.
import { canonicalJson } from '../canonical.ts'
import { createProof, type JsonObject } from './data-integrity.ts'
import { multihashOf, webvhMethod } from './webvh-parameters.ts'

export type VersionDraft = {
  readonly parameters: JsonObject
  readonly document: JsonObject
  readonly nowMs: number
}

export type UnsignedEntry = {
  readonly versionId: string
  readonly versionTime: string
  readonly parameters: JsonObject
  readonly state: JsonObject
}

export const scidPlaceholder = '{SCID}'

/** The first entry. The document and the parameters have `{SCID}` wherever the SCID shall stand. */
export function draftFirstEntry(draft: VersionDraft): {
  readonly scid: string
  readonly entry: UnsignedEntry
} {
  const preliminary = {
    versionId: scidPlaceholder,
    versionTime: timeAfter(undefined, draft.nowMs),
    parameters: { method: webvhMethod, scid: scidPlaceholder, ...draft.parameters },
    state: draft.document,
  }
  const scid = multihashOf(canonicalJson(preliminary))
  const text = JSON.stringify(preliminary).replaceAll(scidPlaceholder, scid)
  const replaced: typeof preliminary = JSON.parse(text)
  const hash = multihashOf(canonicalJson({ ...replaced, versionId: scid }))
  return { scid, entry: { ...replaced, versionId: `1-${hash}` } }
}

export function draftNextEntry(
  before: {
    readonly versionId: string
    readonly versionNumber: number
    readonly versionTime: string
  },
  draft: VersionDraft,
): UnsignedEntry {
  const preliminary = {
    versionId: before.versionId,
    versionTime: timeAfter(before.versionTime, draft.nowMs),
    parameters: draft.parameters,
    state: draft.document,
  }
  const hash = multihashOf(canonicalJson(preliminary))
  return { ...preliminary, versionId: `${before.versionNumber + 1}-${hash}` }
}

/** Signs the entry with an update key and gives its line of did.jsonl, without the line feed. */
export async function signEntry(
  entry: UnsignedEntry,
  signer: { readonly multikey: string; readonly sign: (input: Buffer) => Promise<Buffer> },
): Promise<string> {
  const proof = await proveWith(entry, entry.versionTime, signer)
  return JSON.stringify({ ...entry, proof: [proof] })
}

/** The proof of a witness: it signs the versionId alone, which holds the hash of the entry. */
export function witnessVersion(
  versionId: string,
  witness: {
    readonly multikey: string
    readonly nowMs: number
    readonly sign: (input: Buffer) => Promise<Buffer>
  },
) {
  return proveWith({ versionId }, secondsOf(witness.nowMs), witness)
}

function proveWith(
  document: JsonObject,
  created: string,
  signer: { readonly multikey: string; readonly sign: (input: Buffer) => Promise<Buffer> },
) {
  return createProof(
    document,
    {
      type: 'DataIntegrityProof',
      cryptosuite: 'eddsa-jcs-2022',
      verificationMethod: `did:key:${signer.multikey}#${signer.multikey}`,
      created,
      proofPurpose: 'assertionMethod',
    },
    signer.sign,
  )
}

/** Whole seconds where they are later than the entry before; else as little later as can be said. */
function timeAfter(before: string | undefined, nowMs: number): string {
  const beforeMs = before === undefined ? Number.NEGATIVE_INFINITY : Date.parse(before)
  const seconds = secondsOf(nowMs)
  if (Date.parse(seconds) > beforeMs) return seconds
  return new Date(Math.max(nowMs, beforeMs + 1)).toISOString()
}

function secondsOf(nowMs: number): string {
  return `${new Date(nowMs).toISOString().slice(0, 19)}Z`
}
