// The budgets of the organisation as the recorder knows them, and the ledgers in which its sessions
// count. A ledger is made by the batch that first needs it, under the head's lock.
import { hash } from 'node:crypto'
import type { Client } from 'pg'
import { generationOf, type Policy, subjectOf } from '../../core/budget/policy.ts'
import { type Period, periodOf } from '../../core/budget/window.ts'
import {
  type KnownPolicy,
  type PolicyRow,
  policyColumns,
  policyOf,
} from '../budgets/budget-policy-rows.ts'
import { type LedgerRow, parsePolicyLedger } from './ledger.ts'
import { makeLedgers, type NewLedger, wantedLimits } from './make-ledgers.ts'
import type { RecorderState, Scope, SessionState } from './state.ts'

/**
 * Reads the ledgers in which these sessions count now, and those that calls reserved in. Must be
 * called while the head's lock is held, once the sessions are known.
 */
export async function loadPolicyLedgers(
  state: RecorderState,
  scope: Scope,
  needs: {
    readonly sessionIds: ReadonlySet<string>
    readonly ledgerIds: ReadonlySet<string>
    readonly nowMs: number
  },
): Promise<void> {
  const { nowMs } = needs
  const stale: SessionState[] = []
  for (const id of needs.sessionIds) {
    const session = state.sessions.get(id)
    if (session !== undefined && session.validUntilMs <= nowMs) stale.push(session)
  }
  const ledgerIds = [...needs.ledgerIds].filter((id) => !state.ledgers.has(id))
  if (stale.length === 0 && ledgerIds.length === 0) return
  if (state.policies.version !== state.policiesVersion) await loadPolicies(state, scope)
  if (stale.length > 0) await linkPolicies(state, scope, { sessions: stale, nowMs })
  const absent = ledgerIds.filter((id) => !state.ledgers.has(id))
  if (absent.length > 0) await loadLedgers(state, scope, absent)
}

async function loadPolicies(state: RecorderState, scope: Scope): Promise<void> {
  const found = await scope.client.query<PolicyRow>(
    `SELECT ${policyColumns} FROM airworthy.budget_policies WHERE organisation_id = $1
    ORDER BY name, policy_id`,
    [scope.organisationId],
  )
  const byId = new Map(found.rows.map((row) => [row.policy_id, policyOf(row)]))
  state.policies = { version: state.policiesVersion, byId }
}

type Place = {
  readonly policy: KnownPolicy
  readonly subject: string
  readonly period: Period
  readonly session: SessionState
}

/** Finds the ledgers in which the sessions count now, and makes those that are not there. */
async function linkPolicies(
  state: RecorderState,
  scope: Scope,
  options: { readonly sessions: readonly SessionState[]; readonly nowMs: number },
): Promise<void> {
  const { sessions, nowMs } = options
  const periods = new Map<KnownPolicy, Period>()
  for (const policy of state.policies.byId.values()) {
    if (policy.isActive) periods.set(policy, periodOf(policy.window, nowMs))
  }
  const places = new Map<string, Place>()
  const linked = new Map<SessionState, string[]>()
  for (const session of sessions) {
    const ids: string[] = []
    for (const [policy, period] of periods) {
      const subject = subjectOf(policy, session.subjects)
      if (subject === undefined) continue
      const id = ledgerIdOf(policy, { subject, key: keyOf(period, generationOf(policy)) })
      ids.push(id)
      if (!state.ledgers.has(id)) places.set(id, { policy, subject, period, session })
    }
    linked.set(session, ids)
  }
  if (places.size > 0) await loadPlaces(state, scope, { places, nowMs })
  let untilMs = Number.POSITIVE_INFINITY
  for (const { endMs } of periods.values()) untilMs = Math.min(untilMs, endMs ?? untilMs)
  for (const [session, ids] of linked) {
    session.policyLedgers = ids.flatMap((id) => state.ledgers.get(id) ?? [])
    session.budgets = [
      ...session.ownBudgets,
      ...session.policyLedgers.flatMap((ledger) => ledger.budgets),
    ]
    session.validUntilMs = untilMs
  }
}

function keyOf(period: Period, generation: number): string {
  return `${generation}:${period.key}`
}

/** SHA-256 under the policy's salt, in the form of a UUID: it tells nobody whose ledger it is. */
export function ledgerIdOf(
  policy: Pick<KnownPolicy, 'salt'>,
  of: { readonly subject: string; readonly key: string },
): string {
  const digest = hash('sha256', `${policy.salt.toString('hex')}\0${of.key}\0${of.subject}`, 'hex')
  const variant = ((Number.parseInt(digest.slice(16, 17), 16) & 3) | 8).toString(16)
  return (
    `${digest.slice(0, 8)}-${digest.slice(8, 12)}-8${digest.slice(13, 16)}-` +
    `${variant}${digest.slice(17, 20)}-${digest.slice(20, 32)}`
  )
}

const ledgerColumns = `b.scope_id, b.scope, b.facts, b.limits, b.settled, b.reserved, b.leased,
  b.unknown, b.overrun, b.policy_id, l.amounts AS own_lease`

async function selectLedgers(
  scope: Pick<Scope, 'organisationId' | 'replicaId'> & { readonly client: Client },
  ids: readonly string[],
): Promise<LedgerRow[]> {
  const found = await scope.client.query<LedgerRow>(
    `SELECT ${ledgerColumns} FROM airworthy.ledgers b LEFT JOIN airworthy.leases l
      ON l.organisation_id = b.organisation_id AND l.scope_id = b.scope_id AND l.replica_id = $3
    WHERE b.organisation_id = $1 AND b.scope_id = ANY($2::uuid[])`,
    [scope.organisationId, ids, scope.replicaId],
  )
  return found.rows
}

async function loadPlaces(
  state: RecorderState,
  scope: Scope,
  options: { readonly places: ReadonlyMap<string, Place>; readonly nowMs: number },
): Promise<void> {
  const { places, nowMs } = options
  const rows = await selectLedgers(scope, [...places.keys()])
  const found = new Map(rows.map((row) => [row.scope_id, row]))
  const absent: NewLedger[] = []
  for (const [scopeId, { policy, subject, period, session }] of places) {
    const row = found.get(scopeId)
    if (row === undefined) {
      const former = formerIds({ policy, subject, period, nowMs })
      const label = policy.scope === 'user' ? session.id : subject
      absent.push({ scopeId, policy, subject: label, period, former })
    } else if (wantedLimits(row, policy) !== undefined) {
      await widenLimits(scope, row, policy)
    }
  }
  const made = absent.length === 0 ? [] : await makeLedgers(scope, { absent, nowMs, selectLedgers })
  for (const row of [...rows, ...made]) {
    const place = places.get(row.scope_id)
    if (place !== undefined) state.ledgers.set(row.scope_id, parsePolicyLedger(row, place.policy))
  }
}

/** The database holds what it is told the limit is: it must know of one that was changed. */
async function widenLimits(scope: Scope, row: LedgerRow, policy: Policy): Promise<void> {
  await scope.client.query(
    `UPDATE airworthy.ledgers SET limits = $3::bigint[]
    WHERE organisation_id = $1 AND scope_id = $2`,
    [scope.organisationId, row.scope_id, wantedLimits(row, policy)],
  )
}

/** The subject's ledgers under the windows before, while the period of now had begun already. */
function formerIds(of: {
  policy: KnownPolicy
  subject: string
  period: Period
  nowMs: number
}): string[] {
  const { policy, subject, period, nowMs } = of
  const { window } = policy
  const startMs = window.kind === 'rolling' ? nowMs - window.seconds * 1000 : period.startMs
  return policy.former
    .filter(({ untilMs }) => untilMs >= startMs)
    .map(({ window: before, untilMs, generation }) =>
      ledgerIdOf(policy, { subject, key: keyOf(periodOf(before, untilMs), generation) }),
    )
}

/** Reads ledgers that calls reserved in, in windows that may be over. */
async function loadLedgers(
  state: RecorderState,
  scope: Scope,
  ids: readonly string[],
): Promise<void> {
  for (const row of await selectLedgers(scope, ids)) {
    const policy = row.policy_id === null ? undefined : state.policies.byId.get(row.policy_id)
    if (policy === undefined) continue
    if (wantedLimits(row, policy) !== undefined) await widenLimits(scope, row, policy)
    state.ledgers.set(row.scope_id, parsePolicyLedger(row, policy))
  }
}
