// GET /v1/agents/{agent}/tools
import type { Proof, ToolList } from '@airworthy/sdk'
import { z } from 'zod'
import { effectiveClass, proofKeysOf } from '../../core/effect/proof.ts'
import { parseManifest } from '../../core/pact/manifest.ts'
import { findPact } from '../../store/pacts.ts'
import { findProofs, type ProofRow } from '../../store/calls/proofs.ts'
import { requireAgent } from '../agents/agent.ts'
import { effectClassSchema } from '../effects/effect.ts'
import { defineOperation } from '../operation.ts'
import { loadPact } from '../pacts.ts'
import { agentIdOrName, id, time } from '../schemas.ts'

const proofSchema = z
  .object({
    id,
    state: z.enum(['proved', 'disproved']),
    reason: z.string().nullable(),
    samples: z.int(),
    at: time,
  })
  .meta({ id: 'Proof' })

const toolSchema = z
  .object({
    name: z.string(),
    effectClass: effectClassSchema,
    effectiveClass: effectClassSchema.meta({ description: 'What rules see.' }),
    undo: z.string().nullable(),
    isProvable: z.boolean(),
    proof: proofSchema.nullable(),
  })
  .meta({ id: 'Tool' })

const reply: z.ZodType<ToolList> = z
  .object({ agent: z.string(), tools: z.array(toolSchema) })
  .meta({ id: 'ToolList' })

export const listTools = defineOperation({
  id: 'list-tools',
  method: 'GET',
  path: '/v1/agents/{agent}/tools',
  summary: "List an agent's tools: what each does to the world, and whether its undo is proved",
  roles: ['operator'],
  params: z.strictObject({ agent: agentIdOrName }),
  reply,
  errors: ['agent.unknown'],
  run: async ({ db, organisationId }, { params }) => {
    const agent = await requireAgent(db, organisationId, params.agent)
    const { pactId } = agent.pact
    const source = await findPact(db, organisationId, pactId)
    const pact = await loadPact(db, organisationId, pactId)
    const parsed = parseManifest(source.manifest, 'enrolled')
    const keys = parsed.kind === 'ok' ? proofKeysOf(parsed.manifest, source.toolSchemas) : new Map()
    const rows = await findProofs(db, organisationId, [...keys.values()])
    const tools = [...pact.tools].map(([name, tool]) => {
      const key = keys.get(name)
      const row = rows.find(
        (each) => each.contractHash === key?.contractHash && each.toolHash === key?.toolHash,
      )
      return {
        name,
        effectClass: tool.effectClass,
        effectiveClass: effectiveClass(tool, { pact, isProved: row?.state === 'proved' }),
        undo: tool.contract.undo?.tool ?? null,
        isProvable: tool.contract.proof !== undefined,
        proof: row === undefined ? null : presentProof(row),
      }
    })
    return { agent: agent.name, tools }
  },
})

function presentProof(row: ProofRow): Proof {
  return {
    id: row.proofId,
    state: row.state === 'proved' ? 'proved' : 'disproved',
    reason: row.reason,
    samples: row.samples,
    at: (row.endedAt ?? row.startedAt).toISOString(),
  }
}
