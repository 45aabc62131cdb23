// The limits on money, as operators set, loosen and remove them. One person may set and tighten; what
// lets more money out is a proposal that another person confirms.
import { randomBytes, randomUUIDv7 } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import type { Proposal } from '../../core/approval/proposal.ts'
import { forgetsTooEarly, formerAfter, formerMax } from '../../core/budget/policy.ts'
import { type BudgetWindow, parseWindow } from '../../core/budget/window.ts'
import { AirworthyError } from '../../core/errors.ts'
import type { OrganisationId } from '../../core/ids.ts'
import type { LimitShape, LimitTerms } from '../../core/money/limit.ts'
import { loosenedTerms } from '../../core/money/loosening.ts'
import { formatFormer } from '../budgets/budget-policy-rows.ts'
import type { Database } from '../database.ts'
import { appendEntries, lockLog } from '../log/log.ts'
import {
  type KnownLimit,
  limitColumns,
  limitOf,
  type LimitRow,
  parseParties,
} from './money-limit-rows.ts'
import type { Schema } from '../schema/schema.ts'
import { runCommand } from '../transaction.ts'
import { propose } from '../two-person.ts'

/** Each of them is looked at for every call that moves money. */
const limitsMax = 100

export type LimitSetting = {
  readonly name: string
  readonly shape: LimitShape
  readonly terms: LimitTerms
  readonly operatorId: string
  /** Why it is loosened; needed then. */
  readonly reason: string | undefined
}

export type LimitSet =
  | { readonly kind: 'set'; readonly limit: KnownLimit; readonly isNew: boolean }
  /** It takes a second person; until then the limit is as it was. */
  | {
      readonly kind: 'proposed'
      readonly limit: KnownLimit
      readonly proposal: Proposal
      readonly loosened: readonly string[]
    }

/** Throws `limit.shape_fixed`, `limit.too_many`, or `request.invalid` where the reason is missing. */
export async function setLimit(
  db: Database,
  organisationId: OrganisationId,
  setting: LimitSetting,
): Promise<LimitSet> {
  return runCommand(db, organisationId, async (tx) => {
    const active = await listLimits(tx, organisationId)
    const current = active.find((limit) => limit.name === setting.name)
    if (current === undefined) {
      if (active.length >= limitsMax) {
        throw new AirworthyError('limit.too_many', `there are ${limitsMax} limits already`)
      }
      const limit = await insertLimit(tx, organisationId, setting)
      return { kind: 'set', limit, isNew: true }
    }
    requireShape(current, setting)
    const { terms, operatorId, reason } = setting
    const loosened = loosenedTerms(current.kind, { before: current, after: terms })
    if (loosened.length > 0) {
      const change = { limit: current.limitId, version: current.version, terms: storedTerms(terms) }
      const proposal = await proposeChange(tx, organisationId, { change, operatorId, reason })
      return { kind: 'proposed', limit: current, proposal, loosened }
    }
    const changed = { current, terms, operatorId, proposalId: undefined }
    const limit = await changeTerms(tx, organisationId, changed)
    return { kind: 'set', limit, isNew: false }
  })
}

/** Removing a limit lets more money out, so it is always a proposal. Throws `limit.unknown`. */
export async function removeLimit(
  db: Database,
  organisationId: OrganisationId,
  command: { readonly name: string; readonly operatorId: string; readonly reason: string },
): Promise<Proposal> {
  return runCommand(db, organisationId, async (tx) => {
    const active = await listLimits(tx, organisationId)
    const current = active.find((limit) => limit.name === command.name)
    if (current === undefined) {
      throw new AirworthyError('limit.unknown', `there is no limit ${command.name}`)
    }
    const change = { limit: current.limitId, version: current.version, terms: null }
    const { operatorId, reason } = command
    return proposeChange(tx, organisationId, { change, operatorId, reason })
  })
}

function requireShape(current: KnownLimit, { name, shape }: LimitSetting): void {
  const isSame =
    current.kind === shape.kind &&
    current.scope === shape.scope &&
    current.subject === shape.subject &&
    current.asset === shape.asset &&
    current.converts === shape.converts &&
    current.eachParty === shape.eachParty
  if (isSame) return
  throw new AirworthyError(
    'limit.shape_fixed',
    `the limit ${name} has another kind, asset or subject: remove it, or choose another name`,
  )
}

async function proposeChange(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  wanted: {
    readonly change: unknown
    readonly operatorId: string
    readonly reason: string | undefined
  },
): Promise<Proposal> {
  const { change, operatorId, reason } = wanted
  if (reason === undefined) {
    throw new AirworthyError('request.invalid', 'body.reason: say why the limit is loosened')
  }
  return propose(tx, organisationId, { kind: 'limit.loosen', change, operatorId, reason })
}

/**
 * Does what was confirmed. Call it in the transaction of the confirmation. Throws `limit.changed`
 * where the limit is no longer the one that was proposed about.
 */
export async function applyLoosening(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  of: { readonly proposal: Proposal; readonly operatorId: string },
): Promise<void> {
  const { proposal, operatorId } = of
  const change = new Map(
    typeof proposal.change === 'object' && proposal.change !== null
      ? Object.entries(proposal.change)
      : [],
  )
  const limits = await listLimits(tx, organisationId)
  const current = limits.find((limit) => limit.limitId === change.get('limit'))
  if (current === undefined || current.version !== change.get('version')) {
    throw new AirworthyError(
      'limit.changed',
      'the limit was changed or removed since: propose anew',
    )
  }
  const { proposalId } = proposal
  const terms: unknown = change.get('terms')
  if (terms === null) await endLimit(tx, organisationId, { current, operatorId, proposalId })
  else {
    const parsed = parseTerms(terms)
    await changeTerms(tx, organisationId, { current, terms: parsed, operatorId, proposalId })
  }
}

type StoredTerms = {
  readonly max: string | null
  readonly countMax: string | null
  readonly window: BudgetWindow
  readonly actions: readonly string[]
  readonly parties: LimitTerms['parties']
  readonly refundsRefill: boolean
}

function storedTerms(terms: LimitTerms): StoredTerms {
  return {
    ...terms,
    max: terms.max?.toString() ?? null,
    countMax: terms.countMax?.toString() ?? null,
  }
}

function parseTerms(value: unknown): LimitTerms {
  const terms = new Map(typeof value === 'object' && value !== null ? Object.entries(value) : [])
  const actions: unknown = terms.get('actions')
  const bound = (name: string): bigint | undefined => {
    const text: unknown = terms.get(name)
    return typeof text === 'string' ? BigInt(text) : undefined
  }
  return {
    max: bound('max'),
    countMax: bound('countMax'),
    window: parseWindow(terms.get('window')),
    actions: Array.isArray(actions) ? actions.map(String) : [],
    parties: parseParties(terms.get('parties')),
    refundsRefill: terms.get('refundsRefill') === true,
  }
}

async function insertLimit(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  { name, shape, terms, operatorId }: LimitSetting,
): Promise<KnownLimit> {
  const limitId = randomUUIDv7()
  const { nowMs } = await lockLog(tx, organisationId)
  const at = new Date(nowMs)
  const { kind, scope, subject, asset, converts, eachParty } = shape
  const body = { ...bodyOf(terms), kind, limit: limitId, operator: operatorId, scope }
  await append(tx, organisationId, { type: 'limit.set', body: { ...body, asset } })
  await tx
    .insertInto('airworthy.limits')
    .values({
      organisation_id: organisationId,
      limit_id: limitId,
      name,
      kind,
      scope,
      subject: subject ?? null,
      asset: asset ?? null,
      converts,
      each_party: eachParty,
      salt: randomBytes(16),
      former: '[]',
      created_by: operatorId,
      created_at: at,
      ...(await columnsOf(tx, organisationId, { terms, operatorId, at })),
    })
    .execute()
  return requireLimit(tx, organisationId, limitId)
}

async function columnsOf(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  of: { readonly terms: LimitTerms; readonly operatorId: string; readonly at: Date },
) {
  const { terms, operatorId, at } = of
  return {
    max: terms.max?.toString() ?? null,
    count_max: terms.countMax?.toString() ?? null,
    window_kind: JSON.stringify(terms.window),
    actions: terms.actions,
    parties: JSON.stringify(terms.parties),
    refunds_refill: terms.refundsRefill,
    version: await nextVersion(tx, organisationId),
    changed_by: operatorId,
    changed_at: at,
  }
}

async function changeTerms(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  of: {
    readonly current: KnownLimit
    readonly terms: LimitTerms
    readonly operatorId: string
    readonly proposalId: string | undefined
  },
): Promise<KnownLimit> {
  const { current, terms, operatorId, proposalId } = of
  const { limitId } = current
  const { nowMs } = await lockLog(tx, organisationId)
  const former = formerAfter(current, terms.window, nowMs)
  if (forgetsTooEarly(current.former, { after: former, nowMs })) {
    const message = `the window of a limit changes at most ${formerMax} times a year`
    throw new AirworthyError('limit.too_many', message)
  }
  const type = proposalId === undefined ? 'limit.set' : 'limit.loosened'
  const body = { ...bodyOf(terms), limit: limitId, operator: operatorId, proposal: proposalId }
  await append(tx, organisationId, { type, body })
  const at = new Date(nowMs)
  await tx
    .updateTable('airworthy.limits')
    .set({
      former: formatFormer(former),
      ...(await columnsOf(tx, organisationId, { terms, operatorId, at })),
    })
    .where('organisation_id', '=', organisationId)
    .where('limit_id', '=', limitId)
    .execute()
  return requireLimit(tx, organisationId, limitId)
}

async function endLimit(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  of: { readonly current: KnownLimit; readonly operatorId: string; readonly proposalId: string },
): Promise<void> {
  const { current, operatorId, proposalId } = of
  const { limitId } = current
  const body = { limit: limitId, operator: operatorId, proposal: proposalId, removed: true }
  await append(tx, organisationId, { type: 'limit.loosened', body })
  const { nowMs } = await lockLog(tx, organisationId)
  await tx
    .updateTable('airworthy.limits')
    .set({
      state: 'removed',
      version: await nextVersion(tx, organisationId),
      changed_by: operatorId,
      changed_at: new Date(nowMs),
    })
    .where('organisation_id', '=', organisationId)
    .where('limit_id', '=', limitId)
    .execute()
}

/** The entry names neither the limit nor whom it is for: either may be a person's name. */
function bodyOf(terms: LimitTerms) {
  const { window } = terms
  const windows = {
    whole: 'whole',
    calendar: window.kind === 'calendar' ? `${window.unit} ${window.zone}` : '',
    rolling: window.kind === 'rolling' ? `rolling ${window.seconds}` : '',
  }
  return {
    actions: terms.actions.length,
    count: terms.countMax?.toString(),
    max: terms.max?.toString(),
    parties: terms.parties.length,
    refill: terms.refundsRefill,
    window: windows[window.kind],
  }
}

async function append(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  entry: {
    readonly type: 'limit.set' | 'limit.loosened'
    readonly body: Readonly<Record<string, string | number | boolean | undefined>>
  },
): Promise<void> {
  // The entry is written as it is read: its keys in order.
  const body = Object.fromEntries(
    Object.entries(entry.body).toSorted(([one], [other]) => (one < other ? -1 : 1)),
  )
  await appendEntries(tx, organisationId, [{ type: entry.type, agentId: organisationId, body }])
}

/** Never one that was before, also where the limit that had it is gone. */
async function nextVersion(tx: Kysely<Schema>, organisationId: OrganisationId): Promise<string> {
  const found = await sql<{ version: string }>`
    SELECT greatest((extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
      (SELECT coalesce(max(version), 0) + 1 FROM airworthy.limits
        WHERE organisation_id = ${organisationId})) AS version`.execute(tx)
  return found.rows[0]?.version ?? '1'
}

/** The limits that hold, by name; at most a hundred. */
export async function listLimits(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
): Promise<KnownLimit[]> {
  const found = await sql<LimitRow>`SELECT ${sql.raw(limitColumns)} FROM airworthy.limits
    WHERE organisation_id = ${organisationId} AND state = 'active'
    ORDER BY name, limit_id`.execute(db)
  return found.rows.map(limitOf)
}

async function requireLimit(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  limitId: string,
): Promise<KnownLimit> {
  const limits = await listLimits(db, organisationId)
  const limit = limits.find((each) => each.limitId === limitId)
  if (limit === undefined) throw new Error('a limit that was just set cannot be read')
  return limit
}
