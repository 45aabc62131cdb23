// The card of a hold: what every channel shows of it.
import type { Kysely } from 'kysely'
import { z } from 'zod'
import {
  type HoldCard,
  tellExpiry,
  tellReversibility,
  type WhyHeld,
} from '../../core/approval/card.ts'
import { tally } from '../../core/approval/quorum.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { type FullHold, readFullHold, readVotes } from './hold-rows.ts'
import type { Schema } from '../schema/schema.ts'

/** Undefined where there is no such hold. */
export async function readCard(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  holdId: string,
): Promise<HoldCard | undefined> {
  const hold = await readFullHold(db, organisationId, holdId)
  if (hold === undefined) return undefined
  const { round, level, policy } = hold
  const votes = await readVotes(db, organisationId, { holdId, round })
  const until = hold.expiresAt.toISOString()
  const levels = policy.levels.length
  return {
    holdId,
    callId: hold.callId,
    agent: hold.agentName,
    agentId: hold.agentId,
    owner: hold.owner,
    stakes: hold.stakes,
    task: hold.task,
    action: hold.action,
    effectClass: hold.effectClass,
    reversibility: tellReversibility(hold.effectClass, hold.effectSeen),
    // A question that opened again may show another amount than the one that was held.
    amount: hold.facts?.amount ?? hold.amount,
    counterparty: hold.facts?.counterparty ?? undefined,
    why: hold.facts?.why ?? whyOf(hold),
    state: hold.state,
    round,
    level,
    levels,
    quorum: policy.levels[level - 1]?.quorum ?? 1,
    votesSoFar: {
      approve: tally(votes, { vote: 'approve', level }),
      reject: tally(votes, { vote: 'reject', level }),
    },
    until,
    levelUntil: hold.levelUntil.toISOString(),
    onExpiry: tellExpiry({ level, levels, until }),
    factsHash: hold.factsHash,
    argsHash: hold.argsHash,
    schemaHash: hold.schemaHash,
    pactId: hold.pactId,
  }
}

const reasonsSchema = z.array(
  z.object({ rule: z.string(), verdict: z.string(), reason: z.string() }),
)

/** Of a row of an earlier release. */
function whyOf(hold: FullHold): WhyHeld[] {
  const parsed = reasonsSchema.safeParse(hold.reasons)
  const reasons = parsed.success ? parsed.data : []
  return reasons
    .filter((each) => each.verdict === 'hold')
    .map(({ rule, reason }) => ({ rule, reason }))
}
