// Witnesses: this install approves versions of the DIDs of others, and others approve its own. How a
// version and its proof travel is left to people and scripts; the specification leaves it open too.
import { AirworthyError } from '../../core/errors.ts'
import { isProofValid, type JsonObject, parseProof } from '../../core/identity/data-integrity.ts'
import { didKeyOf, parseDidKeyUrl } from '../../core/identity/did-key.ts'
import { parseWebDid } from '../../core/identity/did-web.ts'
import { multikeyOf } from '../../core/identity/public-key.ts'
import { verifyWebvhLog } from '../../core/identity/webvh-log.ts'
import { witnessVersion } from '../../core/identity/webvh-write.ts'
import { keyNames, type Signer } from '../../adapters/signer/signer.ts'
import {
  addWitnessProof,
  publishVersions,
  readDidLog,
  type WitnessProof,
} from '../../store/identity/identities.ts'
import { runCommand } from '../../store/transaction.ts'
import { findWitnessedDid, saveWitnessedDid } from '../../store/identity/witnessed-dids.ts'
import type { Identities } from './identities.ts'
import { readPublishedLog, witnessFile } from './published-log.ts'

/** The did:key of this install as a witness. */
export async function witnessDid(signer: Signer): Promise<string> {
  const { publicKey } = await signer.ensure(keyNames.witness, 'ed25519')
  return didKeyOf({ algorithm: 'ed25519', bytes: publicKey })
}

/**
 * Approves the last version of somebody's log: a proof for their did-witness.json. Throws
 * `identity.did_unresolvable` for a log that does not verify or is another history than was approved
 * before, `identity.rotation_refused` when this install is not one of its witnesses.
 */
export async function witnessDidLog(
  identities: Identities,
  given: { readonly did: string; readonly log: string },
): Promise<{ readonly versionId: string; readonly proof: JsonObject }> {
  const { db, organisationId, signer } = identities.dependencies
  const { did, log } = given
  const nowMs = Date.now()
  const { versions, latest } = verifyWebvhLog({ did, log, nowMs, isUnwitnessed: true })
  const own = await witnessDid(signer)
  if (latest.requiredWitness?.ids.includes(own) !== true) {
    const message = `${own} is not a witness of the last version of ${did}`
    throw new AirworthyError('identity.rotation_refused', message)
  }
  const { versionId, versionNumber } = latest
  const scid = parseWebDid(did).scid ?? ''
  const proof = await witnessVersion(versionId, {
    multikey: own.slice('did:key:'.length),
    nowMs,
    sign: (input) => signer.sign(keyNames.witness, input),
  })
  await runCommand(db, organisationId, async (tx) => {
    const before = await findWitnessedDid(tx, organisationId, scid)
    const same = versions[(before?.versionNumber ?? 0) - 1]
    if (before !== undefined && same?.versionId !== before.versionId) {
      const message = `${did} has another history than the one that was approved before`
      throw new AirworthyError('identity.did_unresolvable', message)
    }
    await saveWitnessedDid(tx, organisationId, { scid, did, versionNumber, versionId, proof })
  })
  return { versionId, proof }
}

/**
 * Takes the proof of a witness for a version of one of our DIDs. The version is published when
 * enough have approved it. Throws `identity.did_invalid` for a proof that is not right.
 */
export async function addProof(
  identities: Identities,
  subjectId: string,
  given: { readonly versionId: string; readonly proof: JsonObject },
): Promise<void> {
  const { db, organisationId } = identities.dependencies
  const { identity, lines, pending } = await readPublishedLog(db, organisationId, subjectId)
  const log = [...lines, ...pending].join('\n')
  const nowMs = Date.now()
  const { did } = identity
  const { versions } = verifyWebvhLog({ did, log, nowMs, isUnwitnessed: true })
  const version = versions.find((each) => each.versionId === given.versionId)
  if (version === undefined) throw invalid(`the DID has no version ${given.versionId}`)
  const added = readProof(given, version.versionNumber)
  if (version.requiredWitness?.ids.includes(added.witness) !== true) {
    throw invalid(`${added.witness} is not a witness of this version`)
  }
  await runCommand(db, organisationId, async (tx) => {
    await addWitnessProof(tx, organisationId, { subjectId, added })
    const { proofs } = await readDidLog(tx, organisationId, subjectId)
    if (isApproved({ did, log, witnesses: witnessFile(proofs), nowMs })) {
      await publishVersions(tx, organisationId, subjectId)
    }
  })
}

function readProof(
  given: { readonly versionId: string; readonly proof: JsonObject },
  versionNumber: number,
): WitnessProof {
  const { versionId, proof } = given
  const { verificationMethod, proofPurpose } = parseProof(proof)
  const { key } = parseDidKeyUrl(verificationMethod)
  const isRight =
    proofPurpose === 'assertionMethod' && isProofValid({ document: { versionId }, proof, key })
  if (!isRight) throw invalid('the proof is not right')
  return { versionNumber, versionId, witness: `did:key:${multikeyOf(key)}`, proof }
}

function isApproved(log: Parameters<typeof verifyWebvhLog>[0]): boolean {
  try {
    verifyWebvhLog(log)
    return true
  } catch (thrown) {
    if (thrown instanceof AirworthyError && thrown.code === 'identity.did_unresolvable')
      return false
    throw thrown
  }
}

function invalid(message: string): AirworthyError {
  return new AirworthyError('identity.did_invalid', message)
}
