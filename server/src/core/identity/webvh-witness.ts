// did-witness.json: who has approved which version of a DID. One proof approves all versions before.
import { parseExactJson } from '../canonical.ts'
import { isProofValid, type JsonObject, parseProof } from './data-integrity.ts'
import { type KeyCache, readDidKeyUrl } from './did-key.ts'
import { refused, type Witness } from './webvh-parameters.ts'

const proofsMax = 1_000

export type WitnessedVersion = {
  readonly versionId: string
  readonly versionNumber: number
  readonly requiredWitness: Witness | undefined
}

/** For each witness the number of the newest version that it has a valid proof for. */
type Approvals = ReadonlyMap<string, number>

/** Throws `identity.did_unresolvable` for a version that too few of its witnesses approved. */
export function checkWitnesses(
  versions: readonly WitnessedVersion[],
  text: string | undefined,
  keys: KeyCache,
): void {
  const listed = new Set(versions.flatMap((version) => version.requiredWitness?.ids ?? []))
  if (listed.size === 0) return
  if (text === undefined) throw refused('the DID has witnesses, and there is no did-witness.json')
  const approvals = readApprovals({ versions, text, listed, keys })
  for (const { requiredWitness, versionNumber } of versions) {
    if (requiredWitness === undefined) continue
    const approved = requiredWitness.ids.filter((id) => (approvals.get(id) ?? 0) >= versionNumber)
    if (approved.length < requiredWitness.threshold) {
      const count = `${approved.length} of ${requiredWitness.threshold}`
      throw refused(`entry ${versionNumber} of the DID log: ${count} witnesses approved it`)
    }
  }
}

function readApprovals(options: {
  readonly versions: readonly WitnessedVersion[]
  readonly text: string
  readonly listed: ReadonlySet<string>
  readonly keys: KeyCache
}): Approvals {
  const { versions, text, listed, keys } = options
  // A proof says nothing but a versionId, which holds the hash of the entry: one of another DID, or
  // of an entry that is not published, is of no version here.
  const numbers = new Map(versions.map((version) => [version.versionId, version.versionNumber]))
  const approvals = new Map<string, number>()
  for (const { versionId, proof } of readProofs(text)) {
    const number = numbers.get(versionId)
    if (number === undefined) continue
    const witness = witnessOf({ versionId, proof, listed, keys })
    if (witness === undefined) continue
    approvals.set(witness, Math.max(number, approvals.get(witness) ?? 0))
  }
  return approvals
}

/** The witness whose valid proof it is; undefined for any other: it counts for nothing. */
function witnessOf(options: {
  readonly versionId: string
  readonly proof: JsonObject
  readonly listed: ReadonlySet<string>
  readonly keys: KeyCache
}): string | undefined {
  const { versionId, proof, listed, keys } = options
  const method = proof['verificationMethod']
  const [did = ''] = typeof method === 'string' ? method.split('#') : []
  // Looked up before anything is computed: only a listed witness costs a signature.
  if (typeof method !== 'string' || !listed.has(did)) return undefined
  try {
    const { key } = readDidKeyUrl(method, keys)
    if (parseProof(proof).proofPurpose !== 'assertionMethod') return undefined
    return isProofValid({ document: { versionId }, proof, key }) ? did : undefined
  } catch {
    // What cannot be read approves nothing; too few proofs are refused by the caller.
    return undefined
  }
}

function readProofs(text: string): { versionId: string; proof: JsonObject }[] {
  const parsed = parseExactJson(text)
  if (parsed.kind === 'invalid' || !Array.isArray(parsed.value)) {
    throw refused('did-witness.json must be a list')
  }
  const list: readonly unknown[] = parsed.value
  const proofs = list.flatMap((each) => {
    if (typeof each !== 'object' || each === null) throw refused('did-witness.json is malformed')
    const members = new Map<string, unknown>(Object.entries(each))
    const versionId = members.get('versionId')
    const given: unknown = members.get('proof')
    if (typeof versionId !== 'string' || !Array.isArray(given)) {
      throw refused('did-witness.json is malformed')
    }
    return given.flatMap((proof: unknown) =>
      typeof proof === 'object' && proof !== null
        ? [{ versionId, proof: Object.fromEntries(Object.entries(proof)) }]
        : [],
    )
  })
  if (proofs.length > proofsMax) throw refused('did-witness.json has too many proofs')
  return proofs
}
