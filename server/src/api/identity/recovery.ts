// Recovery: the next entry is signed by a key that is kept elsewhere and was committed to before. The
// server drafts the entry; whoever has the recovery key signs it; the server checks and appends it.
import { AirworthyError } from '../../core/errors.ts'
import { formatDid } from '../../core/identity/did-web.ts'
import { verifyWebvhLog } from '../../core/identity/webvh-log.ts'
import { multihashOf } from '../../core/identity/webvh-parameters.ts'
import { draftNextEntry, type UnsignedEntry } from '../../core/identity/webvh-write.ts'
import { appendVersions } from '../../store/identity/identities.ts'
import { runCommand } from '../../store/transaction.ts'
import { type Identities, pathOf } from './identities.ts'
import { type PublishedLog, publishedLog } from './published-log.ts'
import { ensureUpdateKey } from './update-keys.ts'

/**
 * The entry that the recovery key has to sign. It commits to a new update key, never to the one that
 * may be stolen, and to a new recovery key when one is given. Throws `identity.rotation_refused`.
 */
export async function draftRecovery(
  identities: Identities,
  subjectId: string,
  keys: { readonly recoveryKey: string; readonly nextRecoveryKey: string | undefined },
): Promise<UnsignedEntry> {
  const { recoveryKey, nextRecoveryKey } = keys
  const log = await recoverable(identities, subjectId)
  const { identity, latest } = log
  if (!latest.parameters.nextKeyHashes.includes(multihashOf(recoveryKey))) {
    throw refuse('the DID did not commit to this recovery key')
  }
  const next = await nextKey(identities, log)
  const kept = nextRecoveryKey === undefined ? [] : [multihashOf(nextRecoveryKey)]
  const webDid = formatDid('web', { domain: identity.domain, path: pathOf(identity) })
  return draftNextEntry(latest, {
    document: await identities.documentOf(subjectId, identity.did, webDid),
    parameters: {
      updateKeys: [recoveryKey],
      nextKeyHashes: [multihashOf(next), ...kept],
    },
    nowMs: Date.now(),
  })
}

/** Appends the signed entry. Throws `identity.did_unresolvable` when it does not verify. */
export async function recover(
  identities: Identities,
  subjectId: string,
  line: string,
): Promise<void> {
  const { db, organisationId } = identities.dependencies
  const log = await recoverable(identities, subjectId)
  const { identity } = log
  const verified = verifyWebvhLog({
    did: identity.did,
    log: [...log.lines, line].join('\n'),
    nowMs: Date.now(),
    isUnwitnessed: true,
  })
  const { versionId, versionNumber, parameters, requiredWitness } = verified.latest
  const next = multihashOf(await nextKey(identities, log))
  // Anything else would leave the organisation unable to write the entry after this one.
  if (parameters.nextKeyHashes[0] !== next || parameters.deactivated) {
    throw refuse('the entry does not commit to the new key of this server; draft it again')
  }
  const version = {
    ...identity,
    generation: identity.generation + 1,
    versionBefore: identity.versionNumber,
    versions: [{ versionNumber, versionId, line, isPublished: requiredWitness === undefined }],
  }
  const isAppended = await runCommand(db, organisationId, (tx) =>
    appendVersions(tx, organisationId, version),
  )
  if (!isAppended) throw refuse('the DID changed in the meantime; draft the entry again')
}

async function recoverable(identities: Identities, subjectId: string): Promise<PublishedLog> {
  const { db, organisationId } = identities.dependencies
  const log = await publishedLog(db, organisationId, subjectId)
  if (!log.isDeactivated) return log
  throw new AirworthyError('identity.deactivated', `${log.identity.did} is deactivated`)
}

/** Of the generation after the recovery's own: the one before it may be known to a thief. */
async function nextKey(identities: Identities, { identity }: PublishedLog): Promise<string> {
  const { subjectId, generation } = identity
  const key = await ensureUpdateKey(identities.dependencies.signer, {
    subjectId,
    generation: generation + 2,
  })
  return key.multikey
}

function refuse(message: string): AirworthyError {
  return new AirworthyError('identity.rotation_refused', message)
}
