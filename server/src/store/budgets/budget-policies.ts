// The budgets of an organisation, as operators set and remove them.
import { randomBytes, randomUUIDv7 } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import { budgetUnits } from '../../core/budget/budget.ts'
import {
  forgetsTooEarly,
  formerAfter,
  formerMax,
  type PolicyScope,
} from '../../core/budget/policy.ts'
import type { BudgetWindow } from '../../core/budget/window.ts'
import { AirworthyError } from '../../core/errors.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { formatFormer, type KnownPolicy, policyColumns, policyOf } from './budget-policy-rows.ts'
import type { PolicyRow } from './budget-policy-rows.ts'
import type { BudgetLimits } from './budgets.ts'
import type { Database } from '../database.ts'
import { appendEntries, lockLog } from '../log/log.ts'
import type { Schema } from '../schema/schema.ts'
import { runCommand } from '../transaction.ts'

/** Each of them is looked at for every session that is loaded. */
export const policiesMax = 100

export type BudgetSetting = {
  readonly name: string
  readonly scope: PolicyScope
  /** An agent's or version's id, a team's or user's name; undefined: each has a ledger of its own. */
  readonly subject: string | undefined
  readonly window: BudgetWindow
  /** At least one unit; of the others what is used is counted, and nothing refused. */
  readonly limits: BudgetLimits
  readonly onHit: 'block' | 'redirect'
  /** Tools' money counts beside what models cost; false by default. */
  readonly countsToolMoney?: boolean
  /** Percent of a limit, ascending; at most ten. */
  readonly alerts: readonly number[]
  readonly operatorId: string
}

export type BudgetSet =
  | { readonly kind: 'ok'; readonly policy: KnownPolicy; readonly isNew: boolean }
  /** Whom a budget is for is fixed: remove it, or give the other one another name. */
  | { readonly kind: 'scope_fixed'; readonly policy: KnownPolicy }
  | { readonly kind: 'too_many' }

/**
 * Makes the budget of the name, or changes it. Throws `budget.too_many` where its window was changed
 * too often. What is counted stays counted: a limit may be set below
 * what is used, and then nothing more fits; a window that is changed takes over what the period
 * before had used. Calls in flight are counted where they were reserved.
 */
export async function setBudgetPolicy(
  db: Database,
  organisationId: OrganisationId,
  setting: BudgetSetting,
): Promise<BudgetSet> {
  return runCommand(db, organisationId, async (tx) => {
    const active = await listActive(tx, organisationId)
    const current = active.find((policy) => policy.name === setting.name)
    if (current === undefined && active.length >= policiesMax) return { kind: 'too_many' }
    const isOther = current?.scope !== setting.scope || current.subject !== setting.subject
    if (current !== undefined && isOther) return { kind: 'scope_fixed', policy: current }
    const policyId = current?.policyId ?? randomUUIDv7()
    const { nowMs } = await lockLog(tx, organisationId)
    const former = current === undefined ? [] : formerAfter(current, setting.window, nowMs)
    if (forgetsTooEarly(current?.former ?? [], { after: former, nowMs })) {
      const message = `the window of a budget changes at most ${formerMax} times a year`
      throw new AirworthyError('budget.too_many', message)
    }
    await appendEntries(tx, organisationId, [
      { type: 'budget.set', agentId: organisationId, body: bodyOf(policyId, setting) },
    ])
    await writePolicy(tx, organisationId, { policyId, setting, former, nowMs })
    const [policy] = await selectPolicies(tx, organisationId, policyId)
    if (policy === undefined) throw new Error('a budget that was just set cannot be read')
    return { kind: 'ok', policy, isNew: current === undefined }
  })
}

/** The entry names neither the budget nor its subject: either may be a person's name. */
function bodyOf(policyId: string, setting: BudgetSetting) {
  const { window } = setting
  const kinds = {
    whole: () => 'whole',
    calendar: () => (window.kind === 'calendar' ? `${window.unit} ${window.zone}` : ''),
    rolling: () => (window.kind === 'rolling' ? `rolling ${window.seconds}` : ''),
  }
  return {
    alerts: setting.alerts.join(' '),
    limits: budgetUnits.map((unit) => setting.limits[unit] ?? '-').join(' '),
    onHit: setting.onHit,
    operator: setting.operatorId,
    policy: policyId,
    scope: setting.scope,
    toolMoney: setting.countsToolMoney === true ? true : undefined,
    window: kinds[window.kind](),
  }
}

async function writePolicy(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  change: {
    readonly policyId: string
    readonly setting: BudgetSetting
    readonly former: KnownPolicy['former']
    readonly nowMs: number
  },
): Promise<void> {
  const { policyId, setting, former, nowMs } = change
  const { name, scope, subject, window, limits, onHit, alerts, operatorId } = setting
  const at = new Date(nowMs)
  const changing = {
    window_kind: JSON.stringify(window),
    limits: `{${budgetUnits.map((unit) => limits[unit] ?? 'NULL').join(',')}}`,
    on_hit: onHit,
    tool_money: setting.countsToolMoney ?? false,
    alerts: `{${alerts.join(',')}}`,
    former: formatFormer(former),
    version: await nextVersion(tx, organisationId),
    changed_by: operatorId,
    changed_at: at,
  }
  await tx
    .insertInto('airworthy.budget_policies')
    .values({
      organisation_id: organisationId,
      policy_id: policyId,
      name,
      scope,
      subject: subject ?? null,
      salt: randomBytes(16),
      created_by: operatorId,
      created_at: at,
      ...changing,
    })
    .onConflict((conflict) =>
      conflict.columns(['organisation_id', 'policy_id']).doUpdateSet(changing),
    )
    .execute()
}

/** Never one that was before, also where the policy that had it is forgotten. */
async function nextVersion(tx: Kysely<Schema>, organisationId: OrganisationId): Promise<string> {
  const found = await sql<{ version: string }>`
    SELECT greatest((extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
      (SELECT coalesce(max(version), 0) + 1 FROM airworthy.budget_policies
        WHERE organisation_id = ${organisationId})) AS version`.execute(tx)
  return found.rows[0]?.version ?? '1'
}

/**
 * Ends the budget of the name. False where there is none. Calls in flight still settle in its
 * ledgers, which are forgotten once nothing is open in them.
 */
export async function removeBudgetPolicy(
  db: Database,
  organisationId: OrganisationId,
  command: { readonly name: string; readonly operatorId: string },
): Promise<boolean> {
  return runCommand(db, organisationId, async (tx) => {
    const { name, operatorId } = command
    const active = await listActive(tx, organisationId)
    const policyId = active.find((policy) => policy.name === name)?.policyId
    if (policyId === undefined) return false
    const body = { operator: operatorId, policy: policyId }
    const [entry] = await appendEntries(tx, organisationId, [
      { type: 'budget.removed', agentId: organisationId, body },
    ])
    await tx
      .updateTable('airworthy.budget_policies')
      .set({
        state: 'removed',
        version: await nextVersion(tx, organisationId),
        changed_by: operatorId,
        changed_at: new Date(entry?.atMs ?? 0),
      })
      .where('organisation_id', '=', organisationId)
      .where('policy_id', '=', policyId)
      .execute()
    return true
  })
}

async function selectPolicies(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  policyId?: string,
): Promise<KnownPolicy[]> {
  const found = await sql<PolicyRow>`SELECT ${sql.raw(policyColumns)}
    FROM airworthy.budget_policies WHERE organisation_id = ${organisationId}
      AND (${policyId ?? null}::uuid IS NULL OR policy_id = ${policyId ?? null}::uuid)
    ORDER BY name, policy_id`.execute(db)
  return found.rows.map(policyOf)
}

/** The budgets that hold, by name; at most 100. */
export async function listActive(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
): Promise<KnownPolicy[]> {
  const policies = await selectPolicies(db, organisationId)
  return policies.filter((policy) => policy.isActive)
}

/**
 * Writes another name over that of a user whom budgets are for. Call it inside a command. Should the
 * user come back, the budget has to be set anew: nobody can know that it is the same person.
 */
export async function forgetUserOfPolicies(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  forgotten: { readonly user: string; readonly name: string },
): Promise<void> {
  await tx
    .updateTable('airworthy.budget_policies')
    .set({ subject: forgotten.name, version: await nextVersion(tx, organisationId) })
    .where('organisation_id', '=', organisationId)
    .where('scope', '=', 'user')
    .where('subject', '=', forgotten.user)
    .execute()
}
