// What a person writes while they have a session. The words are sealed for the end user, beside the
// prompts and results that speak of the same person, and go with them.
import { randomUUIDv7 } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import { AirworthyError } from '../../core/errors.ts'
import { type Audience, messagesPerHandoverMax } from '../../core/handover/handover.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { change, enter, type Handover } from './handovers.ts'
import type { SealedPayload } from '../recorder/types.ts'
import type { Schema } from '../schema/schema.ts'

const messagePart = 1

export type HandoverMessage = {
  readonly messageId: string
  /** From 1, in the order of writing. */
  readonly number: number
  readonly audience: Audience
  readonly operatorId: string
  readonly writtenAt: Date
}

/** Call it inside a command. Throws `handover.too_many`. */
export async function insertMessage(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  written: {
    readonly handover: Handover
    readonly audience: Audience
    readonly operatorId: string
    readonly text: SealedPayload
  },
): Promise<Handover> {
  const { handover, audience, operatorId, text } = written
  const { handoverId } = handover
  const counted = await sql<{ count: number }>`SELECT count(*)::int AS count
    FROM airworthy.handover_messages
    WHERE organisation_id = ${organisationId} AND handover_id = ${handoverId}`.execute(tx)
  const number = (counted.rows[0]?.count ?? 0) + 1
  if (number > messagesPerHandoverMax) {
    const message = `a handover has at most ${messagesPerHandoverMax} messages`
    throw new AirworthyError('handover.too_many', message)
  }
  const atMs = await enter(tx, organisationId, {
    handover,
    type: 'handover.said',
    body: { handover: handoverId, operator: operatorId, text: text.commitment, to: audience },
  })
  const messageId = randomUUIDv7()
  await tx
    .insertInto('airworthy.payloads')
    .values({
      organisation_id: organisationId,
      call_id: messageId,
      part: messagePart,
      subject_id: text.subjectId,
      sealed: text.sealed,
    })
    .execute()
  await tx
    .insertInto('airworthy.handover_messages')
    .values({
      organisation_id: organisationId,
      message_id: messageId,
      handover_id: handoverId,
      number,
      audience,
      operator_id: operatorId,
      written_at: new Date(atMs),
    })
    .execute()
  return change(tx, organisationId, handover, {})
}

/** In the order of writing; a handover has few. */
export async function listMessages(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  handoverId: string,
): Promise<HandoverMessage[]> {
  const rows = await db
    .selectFrom('airworthy.handover_messages')
    .selectAll()
    .where('organisation_id', '=', organisationId)
    .where('handover_id', '=', handoverId)
    .orderBy('number')
    .limit(messagesPerHandoverMax)
    .execute()
  return rows.map((row) => ({
    messageId: row.message_id,
    number: row.number,
    audience: row.audience,
    operatorId: row.operator_id,
    writtenAt: row.written_at,
  }))
}
