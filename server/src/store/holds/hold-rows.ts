// The row of a hold with all that a vote, a card or a step of its levels has to know.
import { type Kysely, sql } from 'kysely'
import { type HoldFacts } from '../../core/approval/facts.ts'
import { readFacts, readPolicy } from '../../core/approval/frozen.ts'
import type { ApprovalPolicy } from '../../core/approval/policy.ts'
import type { CountedVote } from '../../core/approval/quorum.ts'
import type { EffectClass } from '../../core/decision/call.ts'
import type { OrganisationId } from '../../core/ids.ts'
import type { Schema } from '../schema/schema.ts'

export type FullHold = {
  readonly holdId: string
  readonly callId: string
  readonly sessionId: string
  readonly agentId: string
  readonly agentName: string
  readonly owner: string
  readonly stakes: 'low' | 'medium' | 'high'
  readonly task: string
  readonly versionId: string
  readonly pactId: string
  readonly effectId: string | undefined
  readonly kind: string
  readonly action: string
  readonly argsHash: string
  readonly schemaHash: string
  readonly state: string
  readonly round: number
  readonly level: number
  readonly policy: ApprovalPolicy
  /** Undefined in rows of earlier releases. */
  readonly facts: HoldFacts | undefined
  readonly factsHash: string
  readonly effectClass: EffectClass | undefined
  readonly effectSeen: EffectClass | undefined
  readonly amount: { readonly minor: string; readonly currency: string } | undefined
  readonly reasons: unknown
  readonly createdAt: Date
  readonly expiresAt: Date
  readonly levelUntil: Date
  /** The people who opened the session, and who made that launcher. */
  readonly authors: readonly string[]
  /** The person who wrote the arguments, where it was one. */
  readonly writer: string | undefined
  /** By the database's clock. */
  readonly nowMs: number
}

/** What the facts' hash is of a hold that has no facts: votes about it bind this. */
const noFacts = ''

const classes = ['read', 'reversible', 'compensable', 'irreversible'] as const

function classOf(text: string | null): EffectClass | undefined {
  return classes.find((each) => each === text)
}

/** Undefined where there is no such hold. */
export async function readFullHold(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  holdId: string,
): Promise<FullHold | undefined> {
  const row = await db
    .selectFrom('airworthy.holds as h')
    .innerJoin('airworthy.call_intents as c', (join) =>
      join
        .onRef('c.organisation_id', '=', 'h.organisation_id')
        .onRef('c.call_id', '=', 'h.call_id'),
    )
    .innerJoin('airworthy.sessions as s', (join) =>
      join
        .onRef('s.organisation_id', '=', 'h.organisation_id')
        .onRef('s.session_id', '=', 'h.session_id'),
    )
    .innerJoin('airworthy.agents as a', (join) =>
      join
        .onRef('a.organisation_id', '=', 'h.organisation_id')
        .onRef('a.agent_id', '=', 'h.agent_id'),
    )
    .leftJoin('airworthy.effects as e', (join) =>
      join
        .onRef('e.organisation_id', '=', 'h.organisation_id')
        .onRef('e.effect_id', '=', 'c.effect_id'),
    )
    .leftJoin('airworthy.operators as o', (join) =>
      join
        .onRef('o.organisation_id', '=', 'h.organisation_id')
        .onRef('o.operator_id', '=', 's.opened_by'),
    )
    .leftJoin('airworthy.operators as adder', (join) =>
      join
        .onRef('adder.organisation_id', '=', 'o.organisation_id')
        .onRef('adder.operator_id', '=', 'o.added_by'),
    )
    .leftJoin('airworthy.operators as writer', (join) =>
      join
        .onRef('writer.organisation_id', '=', 'h.organisation_id')
        .onRef('writer.operator_id', '=', 'h.author_id'),
    )
    .selectAll('h')
    .select(['c.effect_id', 'c.version_id', 'c.kind', 'c.reasons', 's.task'])
    .select(['a.name as agent_name', 'a.owner', 'a.stakes', 'o.role as opener_role'])
    .select((is) => [
      is.fn.coalesce('o.person_id', 's.opened_by').as('opener'),
      is.fn.coalesce('adder.person_id', 'o.added_by').as('launcher_maker'),
      is.fn.coalesce('writer.person_id', 'h.author_id').as('writer_person'),
    ])
    .select(['e.effect_class', 'e.amount_minor', 'e.currency'])
    .select(sql<Date>`clock_timestamp()`.as('now'))
    .where('h.organisation_id', '=', organisationId)
    .where('h.hold_id', '=', holdId)
    .executeTakeFirst()
  if (row === undefined) return undefined
  const holdSeconds = (row.expires_at.getTime() - row.created_at.getTime()) / 1000
  const maker = row.opener_role === 'launcher' ? row.launcher_maker : null
  return {
    holdId: row.hold_id,
    callId: row.call_id,
    sessionId: row.session_id,
    agentId: row.agent_id,
    agentName: row.agent_name,
    owner: row.owner,
    stakes: row.stakes,
    task: row.task,
    versionId: row.version_id,
    pactId: row.pact_id,
    effectId: row.effect_id ?? undefined,
    kind: row.kind,
    action: row.action,
    argsHash: row.args_hash,
    schemaHash: row.schema_hash,
    state: row.state,
    round: row.round,
    level: row.level,
    policy: readPolicy(row.policy, holdSeconds),
    facts: readFacts(row.facts),
    factsHash: row.facts_hash ?? noFacts,
    effectClass: row.kind === 'model' ? undefined : classOf(row.effect_class),
    effectSeen: classOf(row.effect_seen),
    amount:
      row.amount_minor === null || row.currency === null
        ? undefined
        : { minor: row.amount_minor, currency: row.currency },
    reasons: row.reasons,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    levelUntil: row.level_until ?? row.expires_at,
    authors: [row.opener, maker].filter((each) => each !== null),
    writer: row.writer_person ?? undefined,
    nowMs: row.now.getTime(),
  }
}

/**
 * The votes of a round that count. Whoever was revoked since, or whose key was, approves nothing;
 * what they rejected stays rejected, or revoking people would be a way round them.
 */
export async function readVotes(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  of: { readonly holdId: string; readonly round: number },
): Promise<CountedVote[]> {
  return db
    .selectFrom('airworthy.votes as v')
    .innerJoin('airworthy.operators as o', (join) =>
      join
        .onRef('o.organisation_id', '=', 'v.organisation_id')
        .onRef('o.operator_id', '=', 'v.operator_id'),
    )
    .leftJoin('airworthy.operator_keys as k', (join) =>
      join
        .onRef('k.organisation_id', '=', 'v.organisation_id')
        .onRef('k.thumbprint', '=', 'v.thumbprint'),
    )
    .select(['v.vote', 'v.levels'])
    .where('v.organisation_id', '=', organisationId)
    .where('v.hold_id', '=', of.holdId)
    .where('v.round', '=', of.round)
    .where((is) =>
      is.or([
        is('v.vote', '=', 'reject'),
        is.and([is('o.revoked_at', 'is', null), is('k.revoked_at', 'is', null)]),
      ]),
    )
    .execute()
}
