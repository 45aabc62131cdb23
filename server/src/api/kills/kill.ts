// Kills as the wire shows them.
import type { GatewayOfKill as WireGateway, Kill, KillDetail } from '@airworthy/sdk'
import { z } from 'zod'
import { isToolEnrolled } from '../../store/kills/kill-targets.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { killModes, killScopeKinds } from '../../core/kill/kill.ts'
import type { Database } from '../../store/database.ts'
import {
  type GatewayOfKill,
  type KillRow,
  listGatewaysOfKill,
  requireKill,
} from '../../store/kills/kills.ts'
import { listUnfenced, type UnfencedReplica } from '../../store/kills/unfenced-replicas.ts'
import { id, integerText, time } from '../schemas.ts'

const unfencedShownMax = 100

const gatewaySchema = z
  .object({
    id,
    name: z.string(),
    state: z.enum(['confirmed', 'lease_ended', 'waiting', 'no_lease']),
    confirmedAt: time.nullable(),
    latencyMs: z.number().nullable(),
    leaseUntil: time.nullable(),
    cut: z.int().nullable(),
  })
  .meta({ id: 'GatewayOfKill' }) satisfies z.ZodType<WireGateway>

export const killSchema = z
  .object({
    id,
    epoch: integerText,
    scope: z.enum(killScopeKinds),
    target: z.string(),
    mode: z.enum(killModes),
    state: z.enum(['issued', 'acknowledged', 'resumed', 'drilled']),
    reason: z.string(),
    issuedBy: id.nullable(),
    rule: z.string().nullable().meta({ description: 'Of a pact, where no person issued it.' }),
    revokeKeys: z.boolean(),
    issuedAt: time,
    acknowledgedAt: time.nullable(),
    latencyMs: z.number().nullable(),
    cancelledHolds: z.int(),
    unwoundRuns: z.int(),
    finishedAt: time.nullable(),
    resumedAt: time.nullable(),
    resumedBy: z.array(id),
  })
  .meta({ id: 'Kill' }) satisfies z.ZodType<Kill>

export const killDetailSchema: z.ZodType<KillDetail> = killSchema
  .extend({
    gateways: z.array(gatewaySchema),
    isTargetKnown: z.boolean().meta({
      description: 'False for a tool that no agent has enrolled: its name may be wrong.',
    }),
  })
  .meta({ id: 'KillDetail' })

export function presentKill(row: KillRow): Kill {
  const { acknowledgedAt, issuedAt, resumeProposedBy, resumeConfirmedBy } = row
  return {
    id: row.killId,
    epoch: row.epoch.toString(),
    scope: row.scope.kind,
    target: row.scope.id,
    mode: row.mode,
    state: stateOf(row),
    reason: row.reason,
    issuedBy: row.issuedBy,
    rule: row.rule,
    revokeKeys: row.revokesKeys,
    issuedAt: issuedAt.toISOString(),
    acknowledgedAt: acknowledgedAt?.toISOString() ?? null,
    latencyMs: acknowledgedAt === null ? null : acknowledgedAt.getTime() - issuedAt.getTime(),
    cancelledHolds: row.cancelledHolds,
    unwoundRuns: row.unwoundRuns,
    finishedAt: row.finishedAt?.toISOString() ?? null,
    resumedAt: row.resumedAt?.toISOString() ?? null,
    resumedBy: [resumeProposedBy, resumeConfirmedBy].filter((each) => each !== null),
  }
}

function stateOf({ mode, acknowledgedAt, resumedAt }: KillRow): Kill['state'] {
  if (resumedAt !== null) return 'resumed'
  if (acknowledgedAt === null) return 'issued'
  return mode === 'drill' ? 'drilled' : 'acknowledged'
}

/** The kill with the gateways that it concerns. Throws `kill.unknown`. */
export async function readKillDetail(
  db: Database,
  organisationId: OrganisationId,
  killId: string,
): Promise<KillDetail> {
  const kill = await requireKill(db, organisationId, killId)
  const gateways = await listGatewaysOfKill(db, organisationId, kill)
  const isOpen = kill.acknowledgedAt === null
  const unfenced = isOpen ? await listUnfenced(db, organisationId, unfencedShownMax) : []
  const { scope } = kill
  return {
    ...presentKill(kill),
    isTargetKnown: scope.kind !== 'tool' || (await isToolEnrolled(db, organisationId, scope.id)),
    gateways: [...gateways.map((each) => presentGateway(kill, each)), ...unfenced.map(presentOld)],
  }
}

function presentOld({ replicaId, startedAt }: UnfencedReplica): WireGateway {
  return {
    id: replicaId,
    name: `an earlier release, since ${startedAt.toISOString()}`,
    state: 'no_lease',
    confirmedAt: null,
    latencyMs: null,
    leaseUntil: null,
    cut: null,
  }
}

function presentGateway(kill: KillRow, gateway: GatewayOfKill): WireGateway {
  const { confirmedAt, leaseUntil, isLeaseOver, cut } = gateway
  // A later epoch is confirmed with all that came before it.
  const hasConfirmed = confirmedAt !== null || gateway.confirmedEpoch >= kill.epoch
  const state = hasConfirmed ? 'confirmed' : isLeaseOver ? 'lease_ended' : 'waiting'
  return {
    id: gateway.gatewayId,
    name: gateway.name,
    state,
    confirmedAt: confirmedAt?.toISOString() ?? null,
    latencyMs: confirmedAt === null ? null : confirmedAt.getTime() - kill.issuedAt.getTime(),
    leaseUntil: leaseUntil.toISOString(),
    cut,
  }
}
