// Rows that the gateway would have written, for operations that read them.
import { randomUUIDv7 } from 'node:crypto'
import { appendEntries } from '../../src/store/log/log.ts'
import { runCommand } from '../../src/store/transaction.ts'
import { type ApiServer, enrolDesk } from './api-server.ts'

export type GatewayRows = {
  readonly sessionId: string
  readonly callId: string
  readonly effectId: string
  readonly holdId: string
  readonly intentSeq: string
}

export type RowsOptions = {
  readonly callState?: string
  readonly effectState?: string
  readonly holdState?: string
  readonly hasEffect?: boolean
}

/** One held write of a new session, with its effect and its hold. */
export async function insertHeldCall(
  api: ApiServer,
  options: RowsOptions = {},
): Promise<GatewayRows> {
  const { agent } = await enrolDesk(api)
  const { session } = await api.client.openSession({ agent: 'desk' })
  const [callId, effectId, holdId] = [randomUUIDv7(), randomUUIDv7(), randomUUIDv7()]
  const ids = {
    organisation_id: api.organisationId,
    call_id: callId,
    session_id: session.id,
    agent_id: agent.id,
  }
  const at = new Date()
  const action = 'shop/cancel_order'
  return runCommand(api.db, api.organisationId, async (tx) => {
    const [entry] = await appendEntries(tx, api.organisationId, [
      { type: 'call.held', agentId: agent.id, sessionId: session.id, callId, body: {} },
    ])
    if (entry === undefined) throw new Error('no entry')
    await tx
      .insertInto('airworthy.call_intents')
      .values({
        ...ids,
        version_id: session.versionId,
        pact_id: session.pactId,
        api_key_id: randomUUIDv7(),
        replica_id: randomUUIDv7(),
        kind: 'tool',
        action,
        state: options.callState ?? 'held',
        verdict: 'hold',
        enforced: true,
        reasons: JSON.stringify([{ rule: 'big', verdict: 'hold', reason: 'above 200 USD' }]),
        effect_id: options.hasEffect === false ? null : effectId,
        reserved: '{1,0,0}',
        intent_seq: entry.seq,
        log_id: entry.logId,
        created_at: at,
      })
      .execute()
    await tx
      .insertInto('airworthy.effects')
      .values({
        ...ids,
        effect_id: effectId,
        action,
        effect_class: 'irreversible',
        effect_key: `${session.id}:${action}:1`,
        args_hash: 'x',
        state: options.effectState ?? 'held',
        amount_minor: '25050',
        currency: 'USD',
        is_live: true,
        created_at: at,
      })
      .execute()
    await tx
      .insertInto('airworthy.holds')
      .values({
        ...ids,
        hold_id: holdId,
        pact_id: session.pactId,
        action,
        args_hash: 'x',
        schema_hash: 'x',
        state: options.holdState ?? 'pending',
        created_at: at,
        expires_at: new Date(at.getTime() + 3_600_000),
      })
      .execute()
    return { sessionId: session.id, callId, effectId, holdId, intentSeq: String(entry.seq) }
  })
}
