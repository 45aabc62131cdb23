// POST /v1/proofs
import type { ProvedTools, ProveTools } from '@airworthy/sdk'
import { z } from 'zod'
import { type ProofKey, proofKeysOf } from '../../core/effect/proof.ts'
import { AirworthyError } from '../../core/errors.ts'
import { compilePact } from '../../core/pact/compile.ts'
import type { CompiledPact, ToolSchemas } from '../../core/pact/compiled.ts'
import { parseManifest, placeProblems } from '../../core/pact/manifest.ts'
import { findPact } from '../../store/pacts.ts'
import { findProofs } from '../../store/calls/proofs.ts'
import { requireAgent } from '../agents/agent.ts'
import { refuseManifest } from '../agents/manifest-problems.ts'
import { type Context, defineOperation } from '../operation.ts'
import { text } from '../schemas.ts'

const manifestCharactersMax = 500_000
const toolsMax = 100

const body: z.ZodType<ProveTools> = z
  .strictObject({
    agent: text({ min: 1, max: 200 }).exactOptional(),
    manifest: text({ min: 1, max: manifestCharactersMax }).exactOptional(),
    file: text({ min: 1, max: 1_000 }).exactOptional(),
    tools: z
      .array(text({ min: 1, max: 200 }))
      .max(toolsMax)
      .exactOptional(),
    onlyUnproved: z.boolean().exactOptional(),
  })
  .meta({ id: 'ProveTools' })

const provedTool = z
  .object({
    proof: z.string(),
    tool: z.string(),
    state: z.enum(['proved', 'disproved']),
    reason: z.string().nullable(),
    detail: z.string().nullable(),
  })
  .meta({ id: 'ProvedTool' })

const reply: z.ZodType<ProvedTools> = z
  .object({
    agent: z.string(),
    tools: z.array(provedTool),
    unprovable: z.array(z.string()),
    alreadyProved: z.array(z.string()),
  })
  .meta({ id: 'ProvedTools' })

export const proveTools = defineOperation({
  id: 'prove-tools',
  method: 'POST',
  path: '/v1/proofs',
  summary: 'Prove undos: does, undoes, and compares the world, with the sample arguments',
  roles: ['operator'],
  body,
  reply,
  errors: [
    'agent.unknown',
    'manifest.invalid',
    'manifest.tool_server_unreachable',
    'tool.not_provable',
    'upstream.unreachable',
    'upstream.timeout',
  ],
  run: async (context, { body: request }) => {
    const candidate = await readCandidate(context, request)
    const chosen = chooseTools(candidate, request.tools)
    const proved = await listProved(context, chosen, request.onlyUnproved === true)
    const tools = new Map([...chosen].filter(([name]) => !proved.has(name)))
    const { operatorId } = context.operator
    const { agentName, pact } = candidate
    const ends = await context.proofs.prove({ agentName, operatorId, pact, tools })
    return {
      agent: agentName,
      tools: ends.map(({ proofId, tool, state, reason, detail }) => ({
        proof: proofId,
        tool,
        state,
        reason: reason ?? null,
        detail: detail ?? null,
      })),
      unprovable: unprovable(candidate),
      alreadyProved: [...proved],
    }
  },
})

type Candidate = {
  readonly agentName: string
  readonly pact: CompiledPact
  readonly keys: ReadonlyMap<string, ProofKey>
  /** What is enrolled, where an enrolled agent was named. */
  readonly enrolled: ReadonlyMap<string, ProofKey> | undefined
}

/** What is tried is what the servers list now; only that can be proved. */
async function readCandidate(context: Context, request: ProveTools): Promise<Candidate> {
  if ((request.agent === undefined) === (request.manifest === undefined)) {
    throw new AirworthyError('request.invalid', 'body: give either agent or manifest')
  }
  const stored = request.agent === undefined ? undefined : await readStored(context, request.agent)
  const source = stored?.manifest ?? request.manifest ?? ''
  const file = request.file ?? 'manifest'
  const parsed = parseManifest(source, file)
  if (parsed.kind === 'invalid') throw refuseManifest(parsed.problems)
  const { manifest } = parsed
  const listed = await context.tools.list(manifest.toolServers)
  // What it costs does not matter here.
  const compiled = compilePact(manifest, listed, { isEnrolled: true })
  if (compiled.kind === 'invalid') {
    throw refuseManifest(placeProblems({ text: source, file, problems: compiled.problems }))
  }
  return {
    agentName: manifest.agent.name,
    pact: compiled.pact,
    keys: proofKeysOf(manifest, listed),
    enrolled: stored && proofKeysOf(manifest, stored.toolSchemas),
  }
}

async function readStored(
  context: Context,
  idOrName: string,
): Promise<{ manifest: string; toolSchemas: ToolSchemas }> {
  const { db, organisationId } = context
  const agent = await requireAgent(db, organisationId, idOrName)
  return findPact(db, organisationId, agent.pact.pactId)
}

/** Throws `tool.not_provable` for a tool that is asked for by name and cannot be tried. */
function chooseTools(
  candidate: Candidate,
  wanted: readonly string[] | undefined,
): Map<string, ProofKey> {
  const chosen = new Map<string, ProofKey>()
  if (wanted === undefined || wanted.length === 0) {
    for (const [name, key] of candidate.keys) {
      if (candidate.pact.tools.get(name)?.contract.proof !== undefined) chosen.set(name, key)
    }
  }
  for (const name of wanted ?? []) {
    const full = [...candidate.pact.tools.keys()].filter(
      (each) => each === name || each.endsWith(`/${name}`),
    )
    const [only, ...others] = full
    if (only === undefined || others.length > 0) {
      const why = only === undefined ? 'no contract is about it' : `it is one of ${full.join(', ')}`
      throw new AirworthyError('tool.not_provable', `${name}: ${why}`)
    }
    const key = candidate.keys.get(only)
    const hasProof = candidate.pact.tools.get(only)?.contract.proof !== undefined
    if (key === undefined || !hasProof) {
      const what = key === undefined ? 'undo' : 'proof'
      throw new AirworthyError('tool.not_provable', `${only}: its contract has no ${what}`)
    }
    chosen.set(only, key)
  }
  for (const [name, key] of chosen) {
    const enrolled = candidate.enrolled?.get(name)
    if (enrolled === undefined || enrolled.toolHash === key.toolHash) continue
    const message = `${name}: its server lists it otherwise than it was enrolled; enrol it again`
    throw new AirworthyError('tool.not_provable', message)
  }
  return chosen
}

async function listProved(
  context: Context,
  chosen: ReadonlyMap<string, ProofKey>,
  isAsked: boolean,
): Promise<ReadonlySet<string>> {
  if (!isAsked) return new Set()
  const { db, organisationId } = context
  const rows = await findProofs(db, organisationId, [...chosen.values()])
  const isProved = (key: ProofKey): boolean =>
    rows.some(
      (row) =>
        row.state === 'proved' &&
        row.contractHash === key.contractHash &&
        row.toolHash === key.toolHash,
    )
  return new Set([...chosen].filter(([, key]) => isProved(key)).map(([name]) => name))
}

function unprovable(candidate: Candidate): string[] {
  return [...candidate.keys.keys()].filter(
    (name) => candidate.pact.tools.get(name)?.contract.proof === undefined,
  )
}
