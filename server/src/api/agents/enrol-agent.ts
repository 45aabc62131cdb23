// POST /v1/agents: takes one manifest and makes agent, version, pact version and API key, or
// refuses it whole.
import type { EnrolAgent, EnrolledAgent } from '@airworthy/sdk'
import type { Kysely } from 'kysely'
import { z } from 'zod'
import { canonicalJson } from '../../core/canonical.ts'
import type { BudgetUnit } from '../../core/budget/budget.ts'
import { AirworthyError } from '../../core/errors.ts'
import type { limitFields } from '../../core/pact/prices.ts'
import { compilePact } from '../../core/pact/compile.ts'
import type { CompiledPact } from '../../core/pact/compiled.ts'
import { fingerprint, pactHash } from '../../core/pact/fingerprint.ts'
import { type Manifest, parseManifest, placeProblems } from '../../core/pact/manifest.ts'
import { type AgentRow, type Enrolment, findAgent, saveEnrolment } from '../../store/agents.ts'
import { setAgentLimits } from '../../store/budgets/budgets.ts'
import { issueApiKey } from '../../store/identity/keys.ts'
import { findPact } from '../../store/pacts.ts'
import type { Schema } from '../../store/schema/schema.ts'
import { runCommand } from '../../store/transaction.ts'
import type { ListedTool } from '../dependencies.ts'
import { type Context, defineOperation } from '../operation.ts'
import { manifestSource } from '../pacts/manifest-source.ts'
import { testCandidate } from '../pacts/candidate.ts'
import { enrolledAgentSchema, presentAgent } from './agent.ts'
import { limitsOf } from './limits.ts'
import { refuseManifest } from './manifest-problems.ts'

const body: z.ZodType<EnrolAgent> = z
  .strictObject({
    ...manifestSource,
    newKey: z
      .boolean()
      .exactOptional()
      .meta({ description: 'Issue an API key although the agent is not new.' }),
  })
  .meta({ id: 'EnrolAgent' })

export const enrolAgent = defineOperation({
  id: 'enrol-agent',
  method: 'POST',
  path: '/v1/agents',
  summary: 'Enrol an agent, or change an enrolled one',
  roles: ['operator'],
  body,
  reply: enrolledAgentSchema,
  errors: [
    'manifest.invalid',
    'model.price_unknown',
    'manifest.tool_server_unreachable',
    'sql.statement_invalid',
    'sql.role_unsafe',
    'openapi.document_invalid',
    'upstream.address_forbidden',
  ],
  run: async (context, input) => {
    const checked = await checkManifest(context, input.body)
    const outcome = await runCommand(context.db, context.organisationId, (tx) =>
      enrol(tx, context, { checked, request: input.body }),
    )
    const warnings = await ensureIdentity(context, outcome.agent.id)
    return { ...outcome, warnings: [...checked.pact.warnings, ...warnings] }
  },
})

/** The agent is enrolled, whatever the signer does: its DID is made later when it cannot be made now. */
async function ensureIdentity({ identities, log }: Context, agentId: string): Promise<string[]> {
  try {
    await identities.ensure(agentId)
    return []
  } catch (thrown) {
    log('the DID of an agent could not be made; it is tried again', {
      agentId,
      error: String(thrown),
    })
    return ['the DID of the agent is not made yet: the signer did not sign']
  }
}

type CheckedManifest = {
  readonly manifest: Manifest
  readonly pact: CompiledPact
  readonly enrolment: Enrolment
  /** Equal for two enrolments that say the same, however they are written. */
  readonly meaning: string
}

/** Everything that can be said before the database is asked. Tool servers may take a while. */
async function checkManifest(context: Context, request: EnrolAgent): Promise<CheckedManifest> {
  const { tools, prices } = context
  const parsed = parseManifest(request.manifest, request.file)
  if (parsed.kind === 'invalid') throw refuseManifest(parsed.problems)
  const { manifest } = parsed
  const listed = await tools.list(manifest.toolServers)
  const compiled = compilePact(manifest, listed, { findPrice: prices.book.find })
  if (compiled.kind === 'invalid') {
    throw refuseManifest(
      placeProblems({
        text: request.manifest,
        file: request.file,
        problems: compiled.problems,
      }),
    )
  }
  const tested = testCandidate({ manifest, pact: compiled.pact, listed }, request)
  const failing = [...tested.problems, ...tested.failures]
  if (failing.length > 0) throw refuseManifest(failing)
  const prints = fingerprint(manifest, listed)
  const toolSchemas = writeToolSchemas(listed)
  return {
    manifest,
    pact: compiled.pact,
    meaning: meaningOf(manifest, toolSchemas),
    enrolment: {
      name: manifest.agent.name,
      owner: manifest.agent.owner,
      stakes: manifest.agent.stakes,
      fingerprint: prints.version,
      components: prints.components,
      pactHash: pactHash(manifest),
      manifest: request.manifest,
      toolSchemas,
    },
  }
}

/** Canonical, so that the same tools are the same text in whatever order a server lists them. */
function writeToolSchemas(tools: Readonly<Record<string, ListedTool>>): string {
  const written = canonicalJson(tools)
  // PostgreSQL's jsonb cannot hold it, and no honest description of a tool needs it.
  if (written.includes(String.raw`\u0000`)) {
    throw new AirworthyError('manifest.invalid', 'a tool server lists a tool with U+0000 in it')
  }
  return written
}

function meaningOf(manifest: Manifest, toolSchemas: string): string {
  return `${canonicalJson(manifest)}\n${toolSchemas}`
}

type Enrolled = Omit<EnrolledAgent, 'warnings'>

async function enrol(
  tx: Kysely<Schema>,
  context: Context,
  input: { readonly checked: CheckedManifest; readonly request: EnrolAgent },
): Promise<Enrolled> {
  const { organisationId } = context
  const { checked, request } = input
  const current = await findAgent(tx, organisationId, checked.enrolment.name)
  const isSame = current !== undefined && (await isEnrolled(tx, context, { current, checked }))
  const saved = isSame
    ? { agentId: current.agentId, created: { agent: false, version: false, pact: false } }
    : await saveEnrolment(tx, organisationId, { current, enrolment: checked.enrolment })
  if (!isSame) await applyLimits(tx, context, { agentId: saved.agentId, checked, request })
  const wantsKey = saved.created.agent || request.newKey === true
  const issued = wantsKey ? await issueApiKey(tx, organisationId, saved.agentId) : undefined
  const agent = await findAgent(tx, organisationId, saved.agentId)
  if (agent === undefined) throw new Error('an agent that was just enrolled cannot be read')
  return { agent: presentAgent(agent), created: saved.created, apiKey: issued?.key ?? null }
}

async function isEnrolled(
  tx: Kysely<Schema>,
  context: Context,
  input: { readonly current: AgentRow; readonly checked: CheckedManifest },
): Promise<boolean> {
  const pactId = input.current.pact.pactId
  const source = await findPact(tx, context.organisationId, pactId)
  const before = parseManifest(source.manifest, 'enrolled')
  // A manifest that an older release took, and this one would not, is certainly not the same.
  if (before.kind === 'invalid') return false
  return meaningOf(before.manifest, canonicalJson(source.toolSchemas)) === input.checked.meaning
}

async function applyLimits(
  tx: Kysely<Schema>,
  context: Context,
  input: {
    readonly agentId: string
    readonly checked: CheckedManifest
    readonly request: EnrolAgent
  },
): Promise<void> {
  const { manifest, pact } = input.checked
  const change = await setAgentLimits(tx, context.organisationId, {
    agentId: input.agentId,
    limits: limitsOf(pact.limits.agent),
  })
  if (change.kind === 'ok') return
  const problems = change.refused.map((refused) => {
    const field = fieldOf(refused.unit)
    const value = manifest.limits.agent[field]
    const used = refused.unit === 'nano_usd' ? `${refused.used} nano-USD` : String(refused.used)
    const expected = `at least what is used or reserved already: ${used}`
    const message = `got ${JSON.stringify(value)}, expected ${expected}`
    return { path: `limits.agent.${field}`, value, expected, message }
  })
  throw refuseManifest(
    placeProblems({ text: input.request.manifest, file: input.request.file, problems }),
  )
}

const fieldsOfUnits = {
  calls: 'calls',
  tokens: 'tokens',
  nano_usd: 'moneyUsd',
  input_tokens: 'inputTokens',
  output_tokens: 'outputTokens',
} as const

/** As the manifest names the unit. */
function fieldOf(unit: BudgetUnit): (typeof limitFields)[number] {
  return fieldsOfUnits[unit]
}
