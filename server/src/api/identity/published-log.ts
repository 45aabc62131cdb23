// What is served of a DID: the lines that are published, and the proofs of their witnesses.
import { AirworthyError } from '../../core/errors.ts'
import { verifyWebvhLog, type WebvhLog } from '../../core/identity/webvh-log.ts'
import type { OrganisationId } from '../../core/ids.ts'
import type { Database } from '../../store/database.ts'
import {
  findIdentity,
  type IdentityRow,
  readDidLog,
  type WitnessProof,
} from '../../store/identity/identities.ts'

export type PublishedLog = WebvhLog & {
  readonly identity: IdentityRow
  readonly lines: readonly string[]
  readonly witnesses: string
  /** Lines that wait for their witnesses. */
  readonly pending: readonly string[]
}

/** Reads and verifies a DID's log. Throws `request.not_found` when the subject has no DID. */
export async function readPublishedLog(
  db: Database,
  organisationId: OrganisationId,
  subjectId: string,
): Promise<PublishedLog> {
  const identity = await findIdentity(db, organisationId, subjectId)
  if (identity === undefined) throw new AirworthyError('request.not_found', 'there is no such DID')
  const { lines, proofs } = await readDidLog(db, organisationId, subjectId)
  const published = lines.flatMap((line) => (line.isPublished ? [line.text] : []))
  const pending = lines.flatMap((line) => (line.isPublished ? [] : [line.text]))
  const witnesses = witnessFile(proofs)
  const { did } = identity
  const log = verifyWebvhLog({ did, log: published.join('\n'), witnesses, nowMs: Date.now() })
  return { ...log, identity, lines: published, witnesses, pending }
}

/** As `readPublishedLog`, to append to it: nothing may wait for witnesses. */
export async function publishedLog(
  db: Database,
  organisationId: OrganisationId,
  subjectId: string,
): Promise<PublishedLog> {
  const log = await readPublishedLog(db, organisationId, subjectId)
  if (log.pending.length === 0) return log
  const message = 'the last version of the DID waits for its witnesses'
  throw new AirworthyError('identity.rotation_refused', message)
}

/** The text of did-witness.json. */
export function witnessFile(proofs: readonly WitnessProof[]): string {
  const versions = new Map<string, unknown[]>()
  for (const { versionId, proof } of proofs) {
    versions.set(versionId, [...(versions.get(versionId) ?? []), proof])
  }
  return JSON.stringify([...versions].map(([versionId, proof]) => ({ versionId, proof })))
}
