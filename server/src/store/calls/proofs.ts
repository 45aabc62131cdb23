// Tries of a tool: done, undone, compared. The newest that ended speaks for a contract and its tool.
import { sql } from 'kysely'
import type { ProofKey } from '../../core/effect/proof.ts'
import type { OrganisationId } from '../../core/ids.ts'
import type { Database } from '../database.ts'
import { appendEntries } from '../log/log.ts'
import { runCommand } from '../transaction.ts'

export type NewProof = ProofKey & {
  readonly proofId: string
  readonly agentName: string
  /** `server/tool` */
  readonly tool: string
  readonly samples: number
  readonly operatorId: string
}

export type ProofRow = ProofKey & {
  readonly proofId: string
  readonly tool: string
  readonly state: 'running' | 'proved' | 'disproved'
  readonly reason: string | null
  readonly samples: number
  readonly startedAt: Date
  readonly endedAt: Date | null
}

const actionLengthMax = 96

/** On record before the tool is asked: what is tried may change a world. */
export async function beginProof(
  db: Database,
  organisationId: OrganisationId,
  proof: NewProof,
): Promise<void> {
  await runCommand(db, organisationId, async (tx) => {
    const [entry] = await appendEntries(tx, organisationId, [
      { type: 'tool.proving', agentId: organisationId, body: bodyOf(proof) },
    ])
    await tx
      .insertInto('airworthy.proofs')
      .values({
        organisation_id: organisationId,
        proof_id: proof.proofId,
        agent_name: proof.agentName,
        tool: proof.tool,
        contract_hash: proof.contractHash,
        tool_hash: proof.toolHash,
        state: 'running',
        samples: proof.samples,
        operator_id: proof.operatorId,
        started_at: new Date(entry?.atMs ?? 0),
      })
      .execute()
  })
}

/** Without a reason it is proved. */
export async function endProof(
  db: Database,
  organisationId: OrganisationId,
  end: { readonly proof: NewProof; readonly reason: string | undefined },
): Promise<void> {
  const { proof, reason } = end
  const state = reason === undefined ? 'proved' : 'disproved'
  await runCommand(db, organisationId, async (tx) => {
    const [entry] = await appendEntries(tx, organisationId, [
      { type: `tool.${state}`, agentId: organisationId, body: bodyOf(proof) },
    ])
    await tx
      .updateTable('airworthy.proofs')
      .set({ state, reason: reason ?? null, ended_at: new Date(entry?.atMs ?? 0) })
      .where('organisation_id', '=', organisationId)
      .where('proof_id', '=', proof.proofId)
      .execute()
  })
}

function bodyOf(proof: NewProof): Record<string, string | number> {
  return {
    contract: proof.contractHash,
    definition: proof.toolHash,
    operator: proof.operatorId,
    proof: proof.proofId,
    samples: proof.samples,
    tool: proof.tool.slice(0, actionLengthMax),
  }
}

/** The newest try that ended, for each of the keys that has one. */
export async function findProofs(
  db: Database,
  organisationId: OrganisationId,
  keys: readonly ProofKey[],
): Promise<ProofRow[]> {
  if (keys.length === 0) return []
  const contracts = keys.map((key) => key.contractHash)
  const tools = keys.map((key) => key.toolHash)
  const found = await sql<{
    proof_id: string
    tool: string
    contract_hash: string
    tool_hash: string
    state: ProofRow['state']
    reason: string | null
    samples: number
    started_at: Date
    ended_at: Date | null
  }>`
    SELECT DISTINCT ON (p.contract_hash, p.tool_hash) p.* FROM airworthy.proofs p
    JOIN (SELECT DISTINCT * FROM unnest(${contracts}::text[], ${tools}::text[])
      AS k(contract_hash, tool_hash)) k USING (contract_hash, tool_hash)
    WHERE p.organisation_id = ${organisationId} AND p.state <> 'running'
    ORDER BY p.contract_hash, p.tool_hash, p.ended_at DESC, p.proof_id DESC`.execute(db)
  return found.rows.map((row) => ({
    proofId: row.proof_id,
    tool: row.tool,
    contractHash: row.contract_hash,
    toolHash: row.tool_hash,
    state: row.state,
    reason: row.reason,
    samples: row.samples,
    startedAt: row.started_at,
    endedAt: row.ended_at,
  }))
}
