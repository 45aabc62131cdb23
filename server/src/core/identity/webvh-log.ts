// Verifies the log of a did:webvh 1.0: hash chain, authorised signatures, keys that were committed
// to in advance, witnesses. Any entry that is wrong makes the whole log wrong.
// https://identity.foundation/didwebvh/v1.0/
import { canonicalJson, parseExactJson } from '../canonical.ts'
import { AirworthyError } from '../errors.ts'
import { isProofValid, type JsonObject, parseProof } from './data-integrity.ts'
import { type KeyCache, readDidKeyUrl } from './did-key.ts'
import { parseWebDid } from './did-web.ts'
import {
  applyParameters,
  multihashOf,
  refused,
  type WebvhParameters,
  type Witness,
} from './webvh-parameters.ts'
import { checkWitnesses } from './webvh-witness.ts'

export const webvhLogBytesMax = 2 * 1024 * 1024
const entriesMax = 1_000
const proofsMax = 16
/** How far a controller's clock may run before ours. */
const clockSkewMs = 5_000

export type WebvhVersion = {
  readonly versionId: string
  readonly versionNumber: number
  readonly versionTime: string
  readonly document: JsonObject
  readonly parameters: WebvhParameters
  /** Who must have witnessed this version: the witnesses before it, or its own when there were none. */
  readonly requiredWitness: Witness | undefined
}

export type WebvhLog = {
  /** At least one, oldest first. */
  readonly versions: readonly WebvhVersion[]
  readonly latest: WebvhVersion
  readonly isDeactivated: boolean
}

/**
 * Verifies a whole log for a DID. `witnesses` is the text of did-witness.json, when there is one.
 * Throws `identity.did_unresolvable` with the entry and what is wrong with it.
 */
export function verifyWebvhLog(options: {
  readonly did: string
  readonly log: string
  readonly witnesses?: string | undefined
  readonly nowMs: number
  /** Of a version that still waits for its witnesses; never for a log of somebody else. */
  readonly isUnwitnessed?: boolean
}): WebvhLog {
  const { did, log, nowMs } = options
  const { method, scid } = parseWebDid(did)
  if (method !== 'webvh') throw refused(`${did} is no did:webvh`)
  if (Buffer.byteLength(log) > webvhLogBytesMax) throw refused('the log is too long')
  const lines = log.split('\n').filter((line) => line.trim() !== '')
  if (lines.length === 0 || lines.length > entriesMax) {
    throw refused(`the log must have 1 to ${entriesMax} entries`)
  }
  const keys: KeyCache = new Map()
  const versions: WebvhVersion[] = []
  for (const [index, line] of lines.entries()) {
    versions.push(atEntry(index + 1, () => verifyEntry(line, versions.at(-1), keys)))
  }
  const latest = versions.at(-1)
  if (latest === undefined) throw refused('the log is empty')
  if (Date.parse(latest.versionTime) > nowMs + clockSkewMs)
    throw refused('the log is of the future')
  if (latest.parameters.scid !== scid)
    throw refused('the SCID of the log is not the one of the DID')
  if (!versions.some((version) => version.document['id'] === did)) {
    throw refused(`no entry is of ${did}`)
  }
  if (options.isUnwitnessed !== true) checkWitnesses(versions, options.witnesses, keys)
  return { versions, latest, isDeactivated: latest.parameters.deactivated }
}

function verifyEntry(line: string, before: WebvhVersion | undefined, keys: KeyCache): WebvhVersion {
  const entry = parseEntry(line)
  if (before?.parameters.deactivated === true) throw refused('it follows the deactivation')
  const { proof, ...unsecured } = entry
  const { versionId, versionTime, state } = unsecured
  const parameters = applyParameters(before?.parameters, unsecured.parameters)
  if (before === undefined) checkScid(unsecured, parameters.scid)
  const versionNumber = (before?.versionNumber ?? 0) + 1
  const predecessor = before?.versionId ?? parameters.scid
  const hash = multihashOf(canonicalJson({ ...unsecured, versionId: predecessor }))
  if (versionId !== `${versionNumber}-${hash}`) throw refused('its versionId does not fit')
  checkTime(versionTime, before?.versionTime)
  checkKeys({ entry, proofs: proof, parameters, before, keys })
  checkId(state, parameters, before)
  return {
    versionId,
    versionNumber,
    versionTime,
    document: state,
    parameters,
    requiredWitness: before?.parameters.witness ?? parameters.witness,
  }
}

type Entry = {
  readonly versionId: string
  readonly versionTime: string
  readonly parameters: JsonObject
  readonly state: JsonObject
  readonly proof: readonly JsonObject[]
}

const entryMembers = new Set(['versionId', 'versionTime', 'parameters', 'state', 'proof'])

function parseEntry(line: string): Entry {
  const parsed = parseExactJson(line)
  if (parsed.kind === 'invalid') throw refused(parsed.message)
  const entry = asObject(parsed.value, 'the entry')
  const other = Object.keys(entry).find((name) => !entryMembers.has(name))
  if (other !== undefined) throw refused(`an entry has no member ${other}`)
  const { versionId, versionTime, proof } = entry
  if (typeof versionId !== 'string' || typeof versionTime !== 'string') {
    throw refused('versionId and versionTime must be texts')
  }
  const proofs: readonly unknown[] = Array.isArray(proof) ? proof : [proof]
  if (proofs.length === 0 || proofs.length > proofsMax)
    throw refused('it has no proof, or too many')
  return {
    versionId,
    versionTime,
    parameters: asObject(entry['parameters'], 'parameters'),
    state: asObject(entry['state'], 'state'),
    proof: proofs.map((each) => asObject(each, 'proof')),
  }
}

function asObject(value: unknown, name: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw refused(`${name} must be an object`)
  }
  return Object.fromEntries(Object.entries(value))
}

/** The SCID is the hash of the first entry, with the SCID itself left out wherever it stands. */
function checkScid(unsecured: Omit<Entry, 'proof'>, scid: string): void {
  const text = JSON.stringify({ ...unsecured, versionId: '{SCID}' }).replaceAll(scid, '{SCID}')
  const preliminary: unknown = JSON.parse(text)
  if (multihashOf(canonicalJson(preliminary)) !== scid) throw refused('the SCID is not its hash')
}

const timePattern = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|\+00:00)$/

function checkTime(versionTime: string, before: string | undefined): void {
  const atMs = timePattern.test(versionTime) ? Date.parse(versionTime) : Number.NaN
  if (Number.isNaN(atMs)) throw refused('versionTime must be a time in UTC')
  if (before !== undefined && atMs <= Date.parse(before)) {
    throw refused('versionTime must be later than that of the entry before')
  }
}

function checkKeys(options: {
  readonly entry: Entry
  readonly proofs: readonly JsonObject[]
  readonly parameters: WebvhParameters
  readonly before: WebvhVersion | undefined
  readonly keys: KeyCache
}): void {
  const { entry, proofs, parameters, before, keys } = options
  const committed = before?.parameters.nextKeyHashes ?? []
  if (committed.length > 0) {
    const stranger = parameters.updateKeys.find((key) => !committed.includes(multihashOf(key)))
    if (stranger !== undefined) throw refused(`the key ${stranger} was not committed to`)
  }
  // With keys committed to, the entry's own keys sign it; else those of the entry before.
  const isOwn = before === undefined || committed.length > 0
  const active = isOwn ? parameters.updateKeys : before.parameters.updateKeys
  for (const proof of proofs) {
    const { verificationMethod, proofPurpose } = parseProof(proof)
    if (proofPurpose !== 'assertionMethod') throw refused('the proof must be an assertionMethod')
    const signer = readDidKeyUrl(verificationMethod, keys)
    if (!active.includes(signer.multikey)) throw refused('the key that signed it may not')
    if (!isProofValid({ document: entry, proof, key: signer.key })) {
      throw refused('its signature is wrong')
    }
  }
}

function checkId(
  state: JsonObject,
  parameters: WebvhParameters,
  before: WebvhVersion | undefined,
): void {
  const { id } = state
  if (typeof id !== 'string') throw refused('the DID document has no id')
  const { scid } = parseWebDid(id)
  if (scid !== parameters.scid) throw refused('the SCID of the document is not the one of the log')
  const last = before?.document['id']
  if (last === undefined || last === id) return
  if (!parameters.portable) throw refused('it moves a DID that is not portable')
  const others: unknown = state['alsoKnownAs']
  if (!Array.isArray(others) || !others.includes(last)) {
    throw refused('a DID that moves names the one it was in alsoKnownAs')
  }
}

function atEntry<Result>(number: number, verify: () => Result): Result {
  try {
    return verify()
  } catch (thrown) {
    if (!(thrown instanceof AirworthyError)) throw thrown
    throw new AirworthyError(
      'identity.did_unresolvable',
      `entry ${number} of the DID log: ${thrown.message}`,
      { cause: thrown, detail: { entry: number } },
    )
  }
}
