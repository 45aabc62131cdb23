// Holds that nobody asked for and everybody should refuse: what a program cannot see of the people
// who decide, it can only try out. Nothing can run behind one: its session is closed before anybody
// hears of it, its API key never existed, and the vote that approves it denies it.
import { randomUUIDv7 } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import { hashFacts, type HoldFacts } from '../../core/approval/facts.ts'
import { type ApprovalPolicy, levelSeconds, totalSeconds } from '../../core/approval/policy.ts'
import type { EffectClass } from '../../core/decision/call.ts'
import type { OrganisationId } from '../../core/ids.ts'
import type { Database } from '../database.ts'
import { appendEntries } from '../log/log.ts'
import { announce } from '../channels/outbox.ts'
import type { SealedPayload } from '../recorder/types.ts'
import type { Schema } from '../schema/schema.ts'
import { runCommand } from '../transaction.ts'

export type NewCanary = {
  readonly agent: { readonly agentId: string; readonly versionId: string; readonly pactId: string }
  readonly task: string
  readonly endUser: string
  readonly effectClass: EffectClass
  readonly effectSeen: EffectClass
  readonly facts: HoldFacts
  readonly policy: ApprovalPolicy | undefined
  /** Where no policy says how long it waits. */
  readonly holdSeconds: number
  /** A keyed digest, as of a real call. */
  readonly argsHash: string
  readonly schemaHash: string
  readonly request: SealedPayload
  readonly operatorId: string
}

type Placed = NewCanary & {
  readonly holdId: string
  readonly callId: string
  readonly sessionId: string
  readonly effectId: string
  readonly seq: bigint
  readonly logId: bigint
  readonly atMs: number
}

/** Gives the hold's id. It is in the log as what it is from the first moment. */
export async function plantCanary(
  db: Database,
  organisationId: OrganisationId,
  canary: NewCanary,
): Promise<string> {
  const holdId = randomUUIDv7()
  const ids = { callId: randomUUIDv7(), sessionId: randomUUIDv7(), effectId: randomUUIDv7() }
  await runCommand(db, organisationId, async (tx) => {
    const { agent, operatorId, argsHash, facts } = canary
    const [entry] = await appendEntries(tx, organisationId, [
      {
        type: 'hold.canary_planted',
        ...agent,
        sessionId: ids.sessionId,
        callId: ids.callId,
        body: { args: argsHash, facts: hashFacts(facts), hold: holdId, operator: operatorId },
      },
    ])
    if (entry === undefined) throw new Error('an entry was not written')
    const placed = { ...canary, ...ids, ...entry, holdId }
    await insertSession(tx, organisationId, placed)
    await insertCall(tx, organisationId, placed)
    await insertHold(tx, organisationId, placed)
    await tx
      .insertInto('airworthy.hold_canaries')
      .values({
        organisation_id: organisationId,
        hold_id: holdId,
        planted_by: operatorId,
        planted_at: new Date(entry.atMs),
      })
      .execute()
    const detail = { agent: agent.agentId }
    await announce(tx, organisationId, { kind: 'hold.opened', subject: holdId, detail })
  })
  return holdId
}

/** Closed, and without a key: nobody was ever in it, and nothing may run in it. */
async function insertSession(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  placed: Placed,
): Promise<void> {
  const at = new Date(placed.atMs)
  await tx
    .insertInto('airworthy.sessions')
    .values({
      organisation_id: organisationId,
      session_id: placed.sessionId,
      agent_id: placed.agent.agentId,
      version_id: placed.agent.versionId,
      pact_id: placed.agent.pactId,
      task: placed.task,
      end_user: placed.endUser,
      mode: 'enforce',
      state: 'closed',
      opened_by: placed.operatorId,
      opened_at: at,
      closed_at: at,
    })
    .execute()
}

async function insertCall(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  placed: Placed,
): Promise<void> {
  const at = new Date(placed.atMs)
  const { agent, facts } = placed
  const reasons = facts.why.map(({ rule, reason }) => ({ rule, verdict: 'hold', reason }))
  const ids = {
    organisation_id: organisationId,
    call_id: placed.callId,
    session_id: placed.sessionId,
    agent_id: agent.agentId,
    action: facts.action,
    effect_id: placed.effectId,
    created_at: at,
  }
  await tx
    .insertInto('airworthy.call_intents')
    .values({
      ...ids,
      version_id: agent.versionId,
      pact_id: agent.pactId,
      // No such key and no such gateway: nobody made the call, and nobody can make it.
      api_key_id: randomUUIDv7(),
      replica_id: randomUUIDv7(),
      kind: 'tool',
      state: 'held',
      verdict: 'hold',
      enforced: true,
      code: 'call.held',
      reasons: JSON.stringify(reasons),
      reserved: '{0,0,0,0,0}',
      intent_seq: placed.seq.toString(),
      log_id: placed.logId.toString(),
    })
    .execute()
  await tx
    .insertInto('airworthy.effects')
    .values({
      ...ids,
      effect_class: placed.effectClass,
      effect_key: `${facts.action}:${placed.argsHash}:${placed.holdId}`,
      args_hash: placed.argsHash,
      state: 'held',
      amount_minor: facts.amount?.minor ?? null,
      currency: facts.amount?.currency ?? null,
      // No call of the agent may find it and wait for it.
      is_live: false,
    })
    .execute()
  const { subjectId, sealed } = placed.request
  await tx
    .insertInto('airworthy.payloads')
    .values({
      organisation_id: organisationId,
      call_id: placed.callId,
      part: 1,
      subject_id: subjectId,
      sealed,
    })
    .execute()
}

async function insertHold(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  placed: Placed,
): Promise<void> {
  const { agent, facts, policy, atMs } = placed
  const heldSeconds = policy === undefined ? placed.holdSeconds : totalSeconds(policy)
  const levelEndsMs = policy && atMs + (levelSeconds(policy, 1) ?? 0) * 1000
  await tx
    .insertInto('airworthy.holds')
    .values({
      organisation_id: organisationId,
      hold_id: placed.holdId,
      call_id: placed.callId,
      session_id: placed.sessionId,
      agent_id: agent.agentId,
      pact_id: agent.pactId,
      action: facts.action,
      args_hash: placed.argsHash,
      schema_hash: placed.schemaHash,
      state: 'pending',
      created_at: new Date(atMs),
      expires_at: new Date(atMs + heldSeconds * 1000),
      intent_seq: placed.seq.toString(),
      policy: policy === undefined ? null : JSON.stringify(policy),
      facts: JSON.stringify(facts),
      facts_hash: hashFacts(facts),
      effect_seen: placed.effectSeen,
      level_until: levelEndsMs === undefined ? null : new Date(levelEndsMs),
    })
    .execute()
}

/**
 * Whether what people have just approved is a canary; then that is noted and told, and it must be
 * denied. Call it inside the command of the vote.
 */
export async function noteIfCanary(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  hold: { readonly holdId: string; readonly agentId: string },
): Promise<boolean> {
  const noted = await sql`UPDATE airworthy.hold_canaries SET approved_at = clock_timestamp()
    WHERE organisation_id = ${organisationId} AND hold_id = ${hold.holdId}`.execute(tx)
  if (noted.numAffectedRows === 0n || noted.numAffectedRows === undefined) return false
  const detail = { agent: hold.agentId }
  await announce(tx, organisationId, { kind: 'hold.canary_approved', subject: hold.holdId, detail })
  return true
}
