// Budgets of the organisation as the wire shows and takes them.
import type {
  BudgetLedger,
  BudgetLimits,
  BudgetPolicy,
  BudgetUse,
  BudgetWindow,
} from '@airworthy/sdk'
import { z } from 'zod'
import { budgetUnits } from '../../core/budget/budget.ts'
import { policyScopes } from '../../core/budget/policy.ts'
import { rollingSecondsMax, rollingSecondsMin } from '../../core/budget/window.ts'
import { decimalToUnits } from '../../core/effect/amount.ts'
import { AirworthyError } from '../../core/errors.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { nameSubjects } from '../../store/budgets/budget-subjects.ts'
import {
  type LedgerUse,
  listBudgetPolicies,
  type PolicyWithUse,
  type UnitUse,
} from '../../store/budgets/budget-use.ts'
import { limitMax, type BudgetLimits as StoredLimits } from '../../store/budgets/budgets.ts'
import type { Database } from '../../store/database.ts'
import { id, integerText, text, time } from '../schemas.ts'

/** What stands beside `{name}` in the paths. */
const reservedNames: ReadonlySet<string> = new Set(['alerts'])

export const budgetName = text({ min: 1, max: 64 })
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, {
    error: 'expected a name of letters, digits, ".", "_" and "-"',
  })
  .refine((name) => !reservedNames.has(name), { error: 'this name is taken: choose another one' })

export const nameParams = z.strictObject({ name: budgetName })

const ledgersDefault = 10

/** How many ledgers of each budget are shown. */
export function ledgersQuery(ledgersMax: number) {
  return z.strictObject({
    ledgers: z.coerce
      .number<string>()
      .int()
      .min(0)
      .max(ledgersMax)
      .default(ledgersDefault)
      .meta({ description: 'Of each budget at most so many ledgers, those with most use first.' }),
  })
}

export const scopeSchema = z.enum(policyScopes)
export const unitSchema = z.enum(['calls', 'tokens', 'nano_usd', 'input_tokens', 'output_tokens'])
export const onHitSchema = z.enum(['block', 'redirect'])

export const windowSchema: z.ZodType<BudgetWindow> = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('whole') }),
    z.strictObject({
      kind: z.literal('calendar'),
      unit: z.enum(['hour', 'day', 'week', 'month']),
      zone: text({ min: 1, max: 64 }).meta({ description: 'An IANA name: Europe/Berlin.' }),
    }),
    z.strictObject({
      kind: z.literal('rolling'),
      seconds: z.int().min(rollingSecondsMin).max(rollingSecondsMax),
    }),
  ])
  .meta({ id: 'BudgetWindow' })

const count = z.int().min(0)

export const limitsSchema = z
  .strictObject({
    calls: count.exactOptional(),
    tokens: count.exactOptional(),
    inputTokens: count.exactOptional(),
    outputTokens: count.exactOptional(),
    moneyUsd: z
      .string()
      .regex(/^(0|[1-9]\d{0,8})(\.\d{1,9})?$/, { error: 'expected US dollars such as "2.50"' })
      .exactOptional(),
  })
  .meta({ id: 'BudgetLimits' }) satisfies z.ZodType<BudgetLimits>

const useSchema: z.ZodType<BudgetUse> = z
  .object({
    unit: unitSchema,
    limit: integerText.nullable(),
    settled: integerText,
    reserved: integerText,
    leased: integerText,
    unknown: integerText,
    overrun: integerText,
    percent: z
      .number()
      .nullable()
      .meta({ description: '(settled + unknown + overrun) of the limit, in tenths.' }),
  })
  .meta({ id: 'BudgetUse' })

const ledgerSchema: z.ZodType<BudgetLedger> = z
  .object({
    id,
    subject: z.string(),
    windowStart: time.nullable(),
    windowEnd: time.nullable(),
    units: z.array(useSchema),
  })
  .meta({ id: 'BudgetLedger' })

export const budgetPolicySchema = z
  .object({
    id,
    name: z.string(),
    scope: scopeSchema,
    subject: z.string().nullable(),
    subjectName: z.string().nullable(),
    window: windowSchema,
    limits: limitsSchema,
    onHit: onHitSchema,
    includeToolMoney: z.boolean(),
    alerts: z.array(z.int()),
    createdAt: time,
    createdBy: id,
    changedAt: time,
    changedBy: id,
    ledgers: z.array(ledgerSchema),
  })
  .meta({ id: 'BudgetPolicy' }) satisfies z.ZodType<BudgetPolicy>

/** The limits as budgets hold them. */
export function storedLimits(limits: BudgetLimits): StoredLimits {
  const { calls, tokens, inputTokens, outputTokens, moneyUsd } = limits
  const money = moneyUsd === undefined ? undefined : (decimalToUnits(moneyUsd, 9) ?? limitMax)
  return {
    ...(calls === undefined ? {} : { calls: BigInt(calls) }),
    ...(tokens === undefined ? {} : { tokens: BigInt(tokens) }),
    ...(money === undefined ? {} : { nano_usd: money }),
    ...(inputTokens === undefined ? {} : { input_tokens: BigInt(inputTokens) }),
    ...(outputTokens === undefined ? {} : { output_tokens: BigInt(outputTokens) }),
  }
}

/** Counts were given as whole numbers of JSON, so they are below 2^53. */
function presentLimits(limits: readonly (bigint | undefined)[]): BudgetLimits {
  const [calls, tokens, nanoUsd, inputTokens, outputTokens] = budgetUnits.map((_, at) => limits[at])
  return {
    ...(calls === undefined ? {} : { calls: Number(calls) }),
    ...(tokens === undefined ? {} : { tokens: Number(tokens) }),
    ...(inputTokens === undefined ? {} : { inputTokens: Number(inputTokens) }),
    ...(outputTokens === undefined ? {} : { outputTokens: Number(outputTokens) }),
    ...(nanoUsd === undefined ? {} : { moneyUsd: dollarsOf(nanoUsd) }),
  }
}

/** US dollars as decimal text, without zeros at its end. */
function dollarsOf(nanoUsd: bigint): string {
  const digits = String(nanoUsd).padStart(10, '0')
  const decimals = digits.slice(-9).replace(/0+$/, '')
  return decimals === '' ? digits.slice(0, -9) : `${digits.slice(0, -9)}.${decimals}`
}

function presentUse(use: UnitUse): BudgetUse {
  const { unit, limit, settled, reserved, leased, unknown, overrun } = use
  const used = settled + unknown + overrun
  return {
    unit,
    limit: limit?.toString() ?? null,
    settled: String(settled),
    reserved: String(reserved),
    leased: String(leased),
    unknown: String(unknown),
    overrun: String(overrun),
    percent: limit === undefined ? null : percentOf(used, limit),
  }
}

function percentOf(used: bigint, limit: bigint): number {
  if (limit === 0n) return 100
  return Number((used * 1000n) / limit) / 10
}

function presentLedger(ledger: LedgerUse): BudgetLedger {
  const { ledgerId, subject, windowStart, windowEnd } = ledger
  return {
    id: ledgerId,
    subject,
    windowStart: windowEnd === null ? null : windowStart.toISOString(),
    windowEnd: windowEnd?.toISOString() ?? null,
    units: ledger.units.map(presentUse),
  }
}

/** All budgets, or the one of the name, with their use. */
export async function readBudgets(
  db: Database,
  organisationId: OrganisationId,
  options: { readonly name?: string; readonly ledgersMax: number },
): Promise<BudgetPolicy[]> {
  const found = await listBudgetPolicies(db, organisationId, options)
  const policies = found.map(({ policy }) => policy)
  const names = await nameSubjects(db, organisationId, policies)
  return found.map((each) => presentBudget(each, names))
}

/** The budget of the name. Throws `budget.unknown`. */
export async function requireBudget(
  db: Database,
  organisationId: OrganisationId,
  options: { readonly name: string; readonly ledgersMax: number },
): Promise<BudgetPolicy> {
  const [budget] = await readBudgets(db, organisationId, options)
  if (budget === undefined) {
    throw new AirworthyError('budget.unknown', `there is no budget ${options.name}`)
  }
  return budget
}

function presentBudget(
  { policy, ledgers }: PolicyWithUse,
  names: ReadonlyMap<string, string>,
): BudgetPolicy {
  const { subject } = policy
  return {
    id: policy.policyId,
    name: policy.name,
    scope: policy.scope,
    subject: subject ?? null,
    subjectName: subject === undefined ? null : (names.get(subject) ?? subject),
    window: policy.window,
    limits: presentLimits(policy.limits),
    onHit: policy.onHit,
    includeToolMoney: policy.countsToolMoney === true,
    alerts: [...policy.alerts],
    createdAt: policy.createdAt.toISOString(),
    createdBy: policy.createdBy,
    changedAt: policy.changedAt.toISOString(),
    changedBy: policy.changedBy,
    ledgers: ledgers.map(presentLedger),
  }
}
