// Limits on money as the wire shows and takes them.
import type { Limit, LimitLedger, LimitUse } from '@airworthy/sdk'
import { z } from 'zod'
import { AirworthyError } from '../../core/errors.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { majorText } from '../../core/money/asset.ts'
import { limitKinds, limitScopes } from '../../core/money/limit.ts'
import { nameSubjects } from '../../store/budgets/budget-subjects.ts'
import type { Database } from '../../store/database.ts'
import { findDecimals } from '../../store/money/money-assets.ts'
import type { KnownLimit } from '../../store/money/money-limit-rows.ts'
import { listLimits } from '../../store/money/money-limits.ts'
import { type MoneyLedgerUse, readMoneyUse } from '../../store/money/money-use.ts'
import { windowSchema } from '../budgets/budget.ts'
import { id, text, time } from '../schemas.ts'

export const limitName = text({ min: 1, max: 64 }).regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, {
  error: 'expected a name of letters, digits, ".", "_" and "-"',
})

export const nameParams = z.strictObject({ name: limitName })
export const kindSchema = z.enum(limitKinds)
export const scopeSchema = z.enum(limitScopes)

const useSchema: z.ZodType<LimitUse> = z
  .object({ settled: z.string(), reserved: z.string(), unknown: z.string() })
  .meta({ id: 'LimitUse' })

const ledgerSchema: z.ZodType<LimitLedger> = z
  .object({
    id,
    subject: z.string(),
    windowStart: time.nullable(),
    windowEnd: time.nullable(),
    amount: useSchema,
    calls: useSchema,
  })
  .meta({ id: 'LimitLedger' })

export const limitSchema: z.ZodType<Limit> = z
  .object({
    id,
    name: z.string(),
    kind: kindSchema,
    scope: scopeSchema,
    subject: z.string().nullable(),
    subjectName: z.string().nullable(),
    asset: z.string().nullable(),
    max: z.string().nullable(),
    countMax: z.int().nullable(),
    window: windowSchema,
    actions: z.array(z.string()),
    patterns: z.array(z.string()),
    counterparties: z.int(),
    converts: z.boolean(),
    eachCounterparty: z.boolean(),
    refundsRefill: z.boolean(),
    createdAt: time,
    createdBy: id,
    changedAt: time,
    changedBy: id,
    ledgers: z.array(ledgerSchema),
  })
  .meta({ id: 'Limit' })

/** All limits, or the one of the name, with their use. */
export async function readLimits(
  db: Database,
  organisationId: OrganisationId,
  options: { readonly name?: string; readonly ledgersMax: number },
): Promise<Limit[]> {
  const { name, ledgersMax } = options
  const all = await listLimits(db, organisationId)
  const limits = name === undefined ? all : all.filter((limit) => limit.name === name)
  const uses = await readMoneyUse(db, organisationId, { limits, ledgersMax })
  const subjects = limits.map(({ scope, subject }) => ({ scope, subject }))
  const names = await nameSubjects(db, organisationId, subjects)
  const shown: Limit[] = []
  for (const limit of limits) {
    const { asset, limitId } = limit
    const decimals =
      asset === undefined ? 0 : ((await findDecimals(db, organisationId, asset)) ?? 0)
    shown.push(present(limit, { names, decimals, ledgers: uses.get(limitId) ?? [] }))
  }
  return shown
}

/** The limit of the name. Throws `limit.unknown`. */
export async function requireLimit(
  db: Database,
  organisationId: OrganisationId,
  options: { readonly name: string; readonly ledgersMax: number },
): Promise<Limit> {
  const [limit] = await readLimits(db, organisationId, options)
  if (limit !== undefined) return limit
  throw new AirworthyError('limit.unknown', `there is no limit ${options.name}`)
}

function present(
  limit: KnownLimit,
  of: {
    readonly names: ReadonlyMap<string, string>
    readonly decimals: number
    readonly ledgers: readonly MoneyLedgerUse[]
  },
): Limit {
  const { subject, parties, max, countMax } = limit
  return {
    id: limit.limitId,
    name: limit.name,
    kind: limit.kind,
    scope: limit.scope,
    subject: subject ?? null,
    subjectName: subject === undefined ? null : (of.names.get(subject) ?? subject),
    asset: limit.asset ?? null,
    max: max === undefined ? null : majorText(max, of.decimals),
    countMax: countMax === undefined ? null : Number(countMax),
    window: limit.window,
    actions: [...limit.actions],
    patterns: parties.flatMap((party) => ('pattern' in party ? [party.pattern] : [])),
    counterparties: parties.filter((party) => 'digest' in party).length,
    converts: limit.converts,
    eachCounterparty: limit.eachParty,
    refundsRefill: limit.refundsRefill,
    createdAt: limit.createdAt.toISOString(),
    createdBy: limit.createdBy,
    changedAt: limit.changedAt.toISOString(),
    changedBy: limit.changedBy,
    ledgers: of.ledgers.map((ledger) => presentLedger(ledger, of.decimals)),
  }
}

function presentLedger(ledger: MoneyLedgerUse, decimals: number): LimitLedger {
  const { windowStart, windowEnd } = ledger
  return {
    id: ledger.ledgerId,
    subject: ledger.subject,
    windowStart: windowEnd === null ? null : windowStart.toISOString(),
    windowEnd: windowEnd?.toISOString() ?? null,
    amount: presentUse(ledger.minor, decimals),
    calls: presentUse(ledger.count, 0),
  }
}

function presentUse(use: MoneyLedgerUse['minor'], decimals: number): LimitUse {
  return {
    settled: majorText(use.settled, decimals),
    reserved: majorText(use.reserved, decimals),
    unknown: majorText(use.unknown, decimals),
  }
}
