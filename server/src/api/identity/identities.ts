// Makes and changes the DIDs of this install. Entries are signed outside the database, because a
// signer may take its time, and appended when nobody else has appended in the meantime.
import { canonicalJson } from '../../core/canonical.ts'
import { AirworthyError } from '../../core/errors.ts'
import type { JsonObject } from '../../core/identity/data-integrity.ts'
import { didDocument, type Service } from '../../core/identity/did-document.ts'
import { formatDid } from '../../core/identity/did-web.ts'
import type { PublicKey } from '../../core/identity/public-key.ts'
import { verifyWebvhLog, type WebvhVersion } from '../../core/identity/webvh-log.ts'
import { multihashOf } from '../../core/identity/webvh-parameters.ts'
import {
  draftFirstEntry,
  draftNextEntry,
  scidPlaceholder,
  signEntry,
  type UnsignedEntry,
} from '../../core/identity/webvh-write.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { keyNames, type Signer } from '../../adapters/signer/signer.ts'
import { isAgentKeyLive, listAgentKeys } from '../../store/identity/agent-keys.ts'
import type { Database } from '../../store/database.ts'
import {
  appendVersions,
  findIdentity,
  type IdentityRow,
  listAgentsWithoutIdentity,
  listIdentitiesBehind,
  type NewVersion,
} from '../../store/identity/identities.ts'
import { runCommand } from '../../store/transaction.ts'
import { publishedLog, readPublishedLog } from './published-log.ts'
import { ensureUpdateKey, findUpdateKey, type UpdateKey } from './update-keys.ts'

export type IdentityDependencies = {
  readonly db: Database
  readonly organisationId: OrganisationId
  readonly signer: Signer
  /** The host of new DIDs, as it stands in them. */
  readonly domain: () => string
  /** Services of the organisation's document. */
  readonly services: () => readonly Service[]
  readonly log: (message: string, fields?: Readonly<Record<string, unknown>>) => void
}

/** What an entry changes beside the document, which is always made anew. */
export type Change = {
  /** The multikey of a key that is kept elsewhere: it may take the next turn too. */
  readonly recoveryKey?: string
  readonly witness?: JsonObject
  readonly isDeactivation?: boolean
}

const attemptsMax = 5
const pageMax = 100

export class Identities {
  readonly #dependencies: IdentityDependencies

  constructor(dependencies: IdentityDependencies) {
    this.#dependencies = dependencies
  }

  get dependencies(): IdentityDependencies {
    return this.#dependencies
  }

  /** Makes what is missing: the organisation's DID, and one for each agent. */
  async ensureAll(): Promise<void> {
    const { db, organisationId } = this.#dependencies
    await this.ensure(organisationId)
    for (;;) {
      const agentIds = await listAgentsWithoutIdentity(db, organisationId, pageMax)
      for (const agentId of agentIds) await this.ensure(agentId)
      if (agentIds.length < pageMax) return
    }
  }

  /** What is missing, and documents that could not follow the keys of their agents. */
  async keepAll(): Promise<void> {
    const { db, organisationId } = this.#dependencies
    await this.ensureAll()
    const behind = await listIdentitiesBehind(db, organisationId, pageMax)
    for (const subjectId of behind) await this.follow(subjectId)
  }

  /** The identity of the organisation, or of an agent that exists; made when there is none. */
  async ensure(subjectId: string): Promise<IdentityRow> {
    const { db, organisationId } = this.#dependencies
    const found = await findIdentity(db, organisationId, subjectId)
    if (found !== undefined) return found
    if (subjectId !== organisationId) await this.ensure(organisationId)
    return this.#attempt(subjectId, () => this.#create(subjectId))
  }

  /**
   * Appends an entry with the present keys and services: a rotation, whatever else it changes.
   * Throws `identity.deactivated`, `identity.rotation_refused`, `identity.signer_failed`.
   */
  async change(subjectId: string, change: Change): Promise<IdentityRow> {
    await this.ensure(subjectId)
    return this.#attempt(subjectId, () => this.#next(subjectId, change))
  }

  /** Appends a version when the document is not what it should be: keys came, went or expired. */
  async follow(subjectId: string): Promise<void> {
    const { db, organisationId } = this.#dependencies
    await this.ensure(subjectId)
    const log = await readPublishedLog(db, organisationId, subjectId)
    const { identity, latest } = log
    if (identity.isDeactivated || log.pending.length > 0) return
    const webDid = formatDid('web', { domain: identity.domain, path: pathOf(identity) })
    const document = await this.documentOf(subjectId, identity.did, webDid)
    if (canonicalJson(document) !== canonicalJson(latest.document)) await this.change(subjectId, {})
  }

  /** The document as it should be now. */
  async documentOf(subjectId: string, did: string, webDid: string): Promise<JsonObject> {
    const { db, organisationId, services } = this.#dependencies
    const isOrganisation = subjectId === organisationId
    const organisation = isOrganisation
      ? undefined
      : await findIdentity(db, organisationId, organisationId)
    return didDocument({
      did,
      webDid,
      controller: organisation?.did,
      keys: isOrganisation ? await this.#organisationKeys() : await this.#agentKeys(subjectId),
      services: isOrganisation ? services() : [],
    })
  }

  /** Makes and appends versions; again, when somebody else appended in the meantime. */
  async #attempt(
    subjectId: string,
    make: () => Promise<{ readonly version: NewVersion; readonly spent: readonly UpdateKey[] }>,
  ): Promise<IdentityRow> {
    const { db, organisationId, signer } = this.#dependencies
    for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
      const before = await findIdentity(db, organisationId, subjectId)
      const made = await make().catch(async (thrown: unknown) => {
        const now = await findIdentity(db, organisationId, subjectId)
        // Another replica was quicker, and has destroyed the key that this one was about to use.
        if (now !== undefined && now.versionNumber !== before?.versionNumber) return undefined
        throw thrown
      })
      if (made === undefined) continue
      const { version, spent } = made
      const isAppended = await runCommand(db, organisationId, (tx) =>
        appendVersions(tx, organisationId, version),
      )
      if (!isAppended) {
        const found = await findIdentity(db, organisationId, subjectId)
        // Another replica made the DID: it is the one.
        if (version.versionBefore === 0 && found !== undefined) return found
        continue
      }
      for (const key of spent) await signer.destroy(key.name)
      const row = await findIdentity(db, organisationId, subjectId)
      if (row !== undefined) return row
    }
    const message = 'the DID changes too often at the same time; try again'
    throw new AirworthyError('identity.rotation_refused', message)
  }

  async #create(subjectId: string) {
    const { organisationId, signer, domain: domainOf } = this.#dependencies
    const isOrganisation = subjectId === organisationId
    const domain = domainOf()
    const path = isOrganisation ? [] : ['agents', subjectId]
    const first = await ensureUpdateKey(signer, { subjectId, generation: 1 })
    const next = await ensureUpdateKey(signer, { subjectId, generation: 2 })
    const template = formatDid('webvh', { domain, path })
    const webDid = formatDid('web', { domain, path })
    const { scid, entry } = draftFirstEntry({
      document: await this.documentOf(subjectId, template, webDid),
      parameters: {
        updateKeys: [first.multikey],
        nextKeyHashes: [multihashOf(next.multikey)],
        portable: true,
      },
      nowMs: Date.now(),
    })
    const did = template.replace(scidPlaceholder, scid)
    const line = await signEntry(entry, first)
    const version: NewVersion = {
      subjectId,
      kind: isOrganisation ? 'organisation' : 'agent',
      did,
      domain,
      generation: 1,
      isDeactivated: false,
      versionBefore: 0,
      versions: check({ did, lines: [], added: [line], entries: [entry] }),
    }
    return { version, spent: [first] }
  }

  async #next(subjectId: string, change: Change) {
    const { db, organisationId, signer } = this.#dependencies
    const log = await publishedLog(db, organisationId, subjectId)
    const { identity, latest } = log
    if (identity.isDeactivated) {
      throw new AirworthyError('identity.deactivated', `${identity.did} is deactivated`)
    }
    const key = await findUpdateKey(signer, { subjectId, generation: identity.generation + 1 })
    const committed = latest.parameters.nextKeyHashes
    if (key === undefined || !committed.includes(multihashOf(key.multikey))) {
      const message =
        'the key that was committed to is not in the signer; recover the DID with its recovery key'
      throw new AirworthyError('identity.rotation_refused', message)
    }
    const parameters = await this.#parametersOf({ identity, latest, key, change })
    const webDid = formatDid('web', { domain: identity.domain, path: pathOf(identity) })
    const document = await this.documentOf(subjectId, identity.did, webDid)
    const entries: UnsignedEntry[] = []
    const lines: string[] = []
    let before: Parameters<typeof draftNextEntry>[0] = latest
    for (const given of parameters) {
      const entry = draftNextEntry(before, { parameters: given, document, nowMs: Date.now() })
      lines.push(await signEntry(entry, key))
      entries.push(entry)
      before = { ...entry, versionNumber: before.versionNumber + 1 }
    }
    const version: NewVersion = {
      ...identity,
      generation: identity.generation + 1,
      isDeactivated: change.isDeactivation === true,
      versionBefore: identity.versionNumber,
      versions: check({ did: identity.did, lines: log.lines, added: lines, entries }),
    }
    return { version, spent: [key] }
  }

  /** Of each entry to append: one, or the two that a deactivation takes. */
  async #parametersOf(options: {
    readonly identity: IdentityRow
    readonly latest: WebvhVersion
    readonly key: UpdateKey
    readonly change: Change
  }): Promise<JsonObject[]> {
    const { identity, latest, key, change } = options
    const updateKeys = [key.multikey]
    if (change.isDeactivation === true) {
      // An entry must be signed by a committed key until no key is committed to any more.
      return [
        { updateKeys, nextKeyHashes: [] },
        { updateKeys: [], deactivated: true },
      ]
    }
    const { subjectId, generation } = identity
    const next = await ensureUpdateKey(this.#dependencies.signer, {
      subjectId,
      generation: generation + 2,
    })
    const kept =
      change.recoveryKey === undefined
        ? latest.parameters.nextKeyHashes.filter((hash) => hash !== multihashOf(key.multikey))
        : [multihashOf(change.recoveryKey)]
    const nextKeyHashes = [multihashOf(next.multikey), ...kept]
    const { witness } = change
    return [{ updateKeys, nextKeyHashes, ...(witness === undefined ? {} : { witness }) }]
  }

  async #organisationKeys(): Promise<PublicKey[]> {
    const { signer } = this.#dependencies
    const assertion = await signer.ensure(keyNames.assertion, 'ed25519')
    const responses = await signer.ensure(keyNames.responses, 'ed25519')
    return [assertion, responses].map(({ publicKey }) => ({
      algorithm: 'ed25519',
      bytes: publicKey,
    }))
  }

  async #agentKeys(agentId: string): Promise<PublicKey[]> {
    const { db, organisationId } = this.#dependencies
    const keys = await listAgentKeys(db, organisationId, agentId)
    return keys.filter((key) => isAgentKeyLive(key, Date.now())).map(({ key }) => key)
  }
}

export function pathOf(identity: Pick<IdentityRow, 'kind' | 'subjectId'>): readonly string[] {
  return identity.kind === 'organisation' ? [] : ['agents', identity.subjectId]
}

/** Verifies a log with its new lines, as a stranger would, and gives the new versions. */
function check(options: {
  readonly did: string
  readonly lines: readonly string[]
  readonly added: readonly string[]
  readonly entries: readonly UnsignedEntry[]
}): NewVersion['versions'] {
  const { did, lines, added, entries } = options
  const log = [...lines, ...added].join('\n')
  const verified = verifyWebvhLog({ did, log, nowMs: Date.now(), isUnwitnessed: true })
  return added.map((line, index) => {
    const version = verified.versions[lines.length + index]
    if (version === undefined || version.versionId !== entries[index]?.versionId) {
      throw new Error('a new entry of a DID log does not verify')
    }
    const { versionNumber, versionId, requiredWitness } = version
    return { versionNumber, versionId, line, isPublished: requiredWitness === undefined }
  })
}
