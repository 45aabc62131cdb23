// Agents as the wire shows them.
import type {
  Agent,
  AgentVersion,
  ApiKeyInfo,
  Budget,
  EnrolledAgent,
  PactVersion,
} from '@airworthy/sdk'
import { z } from 'zod'
import { AirworthyError } from '../../core/errors.ts'
import { keyScopes } from '../../core/identity/key.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { type AgentRow, findAgent, type PactRow, type VersionRow } from '../../store/agents.ts'
import type { BudgetRow } from '../../store/budgets/budgets.ts'
import type { Database } from '../../store/database.ts'
import type { ApiKey } from '../../store/identity/keys.ts'
import { id, integerText, time } from '../schemas.ts'

const digest = z.string().meta({ description: 'Hex SHA-256.' })

export const agentVersionSchema = z
  .object({
    id,
    number: z.int(),
    fingerprint: digest,
    components: z.object({ model: digest, prompt: digest, tools: digest, settings: digest }),
    createdAt: time,
  })
  .meta({ id: 'AgentVersion' }) satisfies z.ZodType<AgentVersion>

export const pactVersionSchema = z
  .object({ id, number: z.int(), hash: digest, createdAt: time })
  .meta({ id: 'PactVersion' }) satisfies z.ZodType<PactVersion>

export const agentSchema = z
  .object({
    id,
    name: z.string(),
    owner: z.string(),
    stakes: z.enum(['low', 'medium', 'high']),
    version: agentVersionSchema,
    pact: pactVersionSchema,
    createdAt: time,
  })
  .meta({ id: 'Agent' }) satisfies z.ZodType<Agent>

export const apiKeySchema = z
  .object({
    id,
    prefix: z.string(),
    thumbprint: z.string().nullable(),
    scopes: z.array(z.enum(keyScopes)),
    createdAt: time,
    expiresAt: time.nullable(),
    revokedAt: time.nullable(),
  })
  .meta({ id: 'ApiKey' }) satisfies z.ZodType<ApiKeyInfo>

export const budgetSchema = z
  .object({
    id: z.string(),
    scope: z.enum(['session', 'agent']),
    scopeId: id,
    unit: z.enum(['calls', 'tokens', 'nano_usd', 'input_tokens', 'output_tokens']),
    limit: integerText,
    settled: integerText,
    reserved: integerText,
    leased: integerText,
    unknown: integerText,
    overrun: integerText,
  })
  .meta({ id: 'Budget' }) satisfies z.ZodType<Budget>

export const enrolledAgentSchema = z
  .object({
    agent: agentSchema,
    created: z.object({ agent: z.boolean(), version: z.boolean(), pact: z.boolean() }),
    apiKey: z.string().nullable().meta({ description: 'Shown once; stored as a hash.' }),
    warnings: z.array(z.string()),
  })
  .meta({ id: 'EnrolledAgent' }) satisfies z.ZodType<EnrolledAgent>

export function presentVersion(row: VersionRow): AgentVersion {
  return {
    id: row.versionId,
    number: row.number,
    fingerprint: row.fingerprint,
    components: row.components,
    createdAt: row.createdAt.toISOString(),
  }
}

export function presentPact(row: PactRow): PactVersion {
  return {
    id: row.pactId,
    number: row.number,
    hash: row.hash,
    createdAt: row.createdAt.toISOString(),
  }
}

export function presentAgent(row: AgentRow): Agent {
  return {
    id: row.agentId,
    name: row.name,
    owner: row.owner,
    stakes: row.stakes,
    version: presentVersion(row.version),
    pact: presentPact(row.pact),
    createdAt: row.createdAt.toISOString(),
  }
}

export function presentApiKey(key: ApiKey): ApiKeyInfo {
  return {
    id: key.apiKeyId,
    prefix: key.prefix,
    thumbprint: key.thumbprint,
    scopes: [...key.scopes],
    createdAt: key.createdAt.toISOString(),
    expiresAt: key.expiresAt?.toISOString() ?? null,
    revokedAt: key.revokedAt?.toISOString() ?? null,
  }
}

export function presentBudget(row: BudgetRow): Budget {
  const { budgetId, scope, scopeId, unit, limit, settled, reserved, leased, unknown, overrun } = row
  return { id: budgetId, scope, scopeId, unit, limit, settled, reserved, leased, unknown, overrun }
}

/** The agent of this id or name. Throws `agent.unknown`. */
export async function requireAgent(
  db: Database,
  organisationId: OrganisationId,
  idOrName: string,
): Promise<AgentRow> {
  const agent = await findAgent(db, organisationId, idOrName)
  if (agent === undefined) {
    throw new AirworthyError('agent.unknown', `there is no agent ${JSON.stringify(idOrName)}`)
  }
  return agent
}
