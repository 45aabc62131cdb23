// Agents, their versions and their pacts.
import { randomUUIDv7 } from 'node:crypto'
import type { Kysely } from 'kysely'
import { isUuid, type OrganisationId } from '../core/ids.ts'
import { appendEntries } from './log/log.ts'
import type { Schema } from './schema/schema.ts'

export type Components = Readonly<Record<'model' | 'prompt' | 'tools' | 'settings', string>>

export type VersionRow = {
  readonly versionId: string
  readonly number: number
  readonly fingerprint: string
  readonly components: Components
  readonly createdAt: Date
}

export type PactRow = {
  readonly pactId: string
  readonly versionId: string
  readonly number: number
  readonly hash: string
  readonly createdAt: Date
}

export type AgentRow = {
  readonly agentId: string
  readonly name: string
  readonly owner: string
  readonly stakes: 'low' | 'medium' | 'high'
  readonly version: VersionRow
  readonly pact: PactRow
  readonly createdAt: Date
}

const versionsMax = 1_000

function selectAgents(db: Kysely<Schema>, organisationId: OrganisationId) {
  return db
    .selectFrom('airworthy.agents as a')
    .innerJoin('airworthy.agent_versions as v', (join) =>
      join
        .onRef('v.organisation_id', '=', 'a.organisation_id')
        .onRef('v.version_id', '=', 'a.version_id'),
    )
    .innerJoin('airworthy.pacts as p', (join) =>
      join
        .onRef('p.organisation_id', '=', 'a.organisation_id')
        .onRef('p.pact_id', '=', 'a.pact_id'),
    )
    .select([
      'a.agent_id',
      'a.name',
      'a.owner',
      'a.stakes',
      'a.created_at',
      'v.version_id',
      'v.number as version_number',
      'v.fingerprint',
      'v.components',
      'v.created_at as version_created_at',
      'p.pact_id',
      'p.version_id as pact_version_id',
      'p.number as pact_number',
      'p.hash',
      'p.created_at as pact_created_at',
    ])
    .where('a.organisation_id', '=', organisationId)
}

type SelectedAgent = Awaited<ReturnType<ReturnType<typeof selectAgents>['execute']>>[number]

function agentOf(row: SelectedAgent): AgentRow {
  return {
    agentId: row.agent_id,
    name: row.name,
    owner: row.owner,
    stakes: row.stakes,
    createdAt: row.created_at,
    version: {
      versionId: row.version_id,
      number: row.version_number,
      fingerprint: row.fingerprint,
      components: parseComponents(row.components),
      createdAt: row.version_created_at,
    },
    pact: {
      pactId: row.pact_id,
      versionId: row.pact_version_id,
      number: row.pact_number,
      hash: row.hash,
      createdAt: row.pact_created_at,
    },
  }
}

function parseComponents(value: unknown): Components {
  const record = typeof value === 'object' && value !== null ? new Map(Object.entries(value)) : null
  const digest = (name: string): string => {
    const text: unknown = record?.get(name)
    return typeof text === 'string' ? text : ''
  }
  return {
    model: digest('model'),
    prompt: digest('prompt'),
    tools: digest('tools'),
    settings: digest('settings'),
  }
}

/** Finds an agent by its id or by its name. */
export async function findAgent(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  idOrName: string,
): Promise<AgentRow | undefined> {
  const row = await selectAgents(db, organisationId)
    .where(isUuid(idOrName) ? 'a.agent_id' : 'a.name', '=', idOrName)
    .executeTakeFirst()
  return row === undefined ? undefined : agentOf(row)
}

/** Agents in the order of their ids, after the given one. */
export async function listAgents(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  page: { readonly after: string | undefined; readonly limit: number },
): Promise<AgentRow[]> {
  let query = selectAgents(db, organisationId)
  if (page.after !== undefined) query = query.where('a.agent_id', '>', page.after)
  const rows = await query.orderBy('a.agent_id').limit(page.limit).execute()
  return rows.map(agentOf)
}

/** The newest versions, newest first. */
export async function listVersions(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  agentId: string,
): Promise<VersionRow[]> {
  const rows = await db
    .selectFrom('airworthy.agent_versions')
    .selectAll()
    .where('organisation_id', '=', organisationId)
    .where('agent_id', '=', agentId)
    .orderBy('number', 'desc')
    .limit(versionsMax)
    .execute()
  return rows.map((row) => ({
    versionId: row.version_id,
    number: row.number,
    fingerprint: row.fingerprint,
    components: parseComponents(row.components),
    createdAt: row.created_at,
  }))
}

/** The newest pacts, newest first. */
export async function listPacts(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  agentId: string,
): Promise<PactRow[]> {
  const rows = await db
    .selectFrom('airworthy.pacts')
    .select(['pact_id', 'version_id', 'number', 'hash', 'created_at'])
    .where('organisation_id', '=', organisationId)
    .where('agent_id', '=', agentId)
    .orderBy('number', 'desc')
    .limit(versionsMax)
    .execute()
  return rows.map((row) => ({
    pactId: row.pact_id,
    versionId: row.version_id,
    number: row.number,
    hash: row.hash,
    createdAt: row.created_at,
  }))
}

export type Enrolment = {
  readonly name: string
  readonly owner: string
  readonly stakes: 'low' | 'medium' | 'high'
  readonly fingerprint: string
  readonly components: Components
  readonly pactHash: string
  readonly manifest: string
  /** JSON text. */
  readonly toolSchemas: string
}

/**
 * Writes an enrolment that changes something: a new agent when `current` is undefined, a new
 * version when the fingerprint differs (an earlier one is taken up again when it is the same), and
 * always a new pact, since a pact is what one manifest says to one version. Call it inside a
 * command.
 */
export async function saveEnrolment(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  change: { readonly current: AgentRow | undefined; readonly enrolment: Enrolment },
): Promise<{ agentId: string; created: { agent: boolean; version: boolean; pact: boolean } }> {
  const { current, enrolment } = change
  const agentId = current?.agentId ?? randomUUIDv7()
  const version = await chooseVersion(tx, organisationId, { agentId, enrolment })
  const pactId = randomUUIDv7()
  const pactNumber = (current?.pact.number ?? 0) + 1
  const of = { agentId, versionId: version.versionId, pactId }
  const isVersionChanged = version.versionId !== current?.version.versionId
  await appendEntries(tx, organisationId, [
    ...(isVersionChanged
      ? [
          {
            type: 'agent.enrolled' as const,
            ...of,
            body: { fingerprint: enrolment.fingerprint, number: version.number },
          },
        ]
      : []),
    { type: 'pact.activated', ...of, body: { hash: enrolment.pactHash, number: pactNumber } },
  ])
  if (version.isNew) await insertVersion(tx, organisationId, { agentId, version, enrolment })
  await tx
    .insertInto('airworthy.pacts')
    .values({
      organisation_id: organisationId,
      pact_id: pactId,
      agent_id: agentId,
      version_id: version.versionId,
      number: pactNumber,
      hash: enrolment.pactHash,
      manifest: enrolment.manifest,
      tool_schemas: enrolment.toolSchemas,
    })
    .execute()
  await upsertAgent(tx, organisationId, { ...of, enrolment })
  return {
    agentId,
    created: { agent: current === undefined, version: version.isNew, pact: true },
  }
}

type ChosenVersion = {
  readonly versionId: string
  readonly number: number
  readonly isNew: boolean
}

async function chooseVersion(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  of: { readonly agentId: string; readonly enrolment: Enrolment },
): Promise<ChosenVersion> {
  const rows = await tx
    .selectFrom('airworthy.agent_versions')
    .select(['version_id', 'number', 'fingerprint'])
    .where('organisation_id', '=', organisationId)
    .where('agent_id', '=', of.agentId)
    .orderBy('number', 'desc')
    .execute()
  const same = rows.find((row) => row.fingerprint === of.enrolment.fingerprint)
  if (same !== undefined) return { versionId: same.version_id, number: same.number, isNew: false }
  return { versionId: randomUUIDv7(), number: (rows[0]?.number ?? 0) + 1, isNew: true }
}

async function insertVersion(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  row: { readonly agentId: string; readonly version: ChosenVersion; readonly enrolment: Enrolment },
): Promise<void> {
  await tx
    .insertInto('airworthy.agent_versions')
    .values({
      organisation_id: organisationId,
      version_id: row.version.versionId,
      agent_id: row.agentId,
      number: row.version.number,
      fingerprint: row.enrolment.fingerprint,
      components: JSON.stringify(row.enrolment.components),
    })
    .execute()
}

async function upsertAgent(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  row: {
    readonly agentId: string
    readonly versionId: string
    readonly pactId: string
    readonly enrolment: Enrolment
  },
): Promise<void> {
  const changing = {
    owner: row.enrolment.owner,
    stakes: row.enrolment.stakes,
    version_id: row.versionId,
    pact_id: row.pactId,
  }
  await tx
    .insertInto('airworthy.agents')
    .values({
      organisation_id: organisationId,
      agent_id: row.agentId,
      name: row.enrolment.name,
      ...changing,
    })
    .onConflict((conflict) =>
      conflict.columns(['organisation_id', 'agent_id']).doUpdateSet(changing),
    )
    .execute()
}
