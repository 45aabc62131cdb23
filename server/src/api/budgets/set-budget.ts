// POST /v1/budgets/{name}
import type { BudgetSet, SetBudget } from '@airworthy/sdk'
import { z } from 'zod'
import { type BudgetWindow, parseWindow } from '../../core/budget/window.ts'
import { AirworthyError } from '../../core/errors.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { policiesMax, setBudgetPolicy } from '../../store/budgets/budget-policies.ts'
import { findSubject } from '../../store/budgets/budget-subjects.ts'
import type { Database } from '../../store/database.ts'
import { defineOperation } from '../operation.ts'
import { text } from '../schemas.ts'
import {
  budgetPolicySchema,
  limitsSchema,
  nameParams,
  onHitSchema,
  requireBudget,
  scopeSchema,
  storedLimits,
  windowSchema,
} from './budget.ts'

const alertsDefault = [50, 80, 100]
const alertsMax = 10
const ledgersShown = 10

const body: z.ZodType<SetBudget> = z
  .strictObject({
    scope: scopeSchema,
    subject: text({ min: 1, max: 200 }).exactOptional().meta({
      description: 'The one it is for. Left out, each of them has a ledger of its own.',
    }),
    window: windowSchema,
    limits: limitsSchema.refine((limits) => Object.keys(limits).length > 0, {
      error: 'name at least one of calls, tokens, inputTokens, outputTokens, moneyUsd',
    }),
    onHit: onHitSchema.exactOptional().meta({
      description: "redirect: a model's `onBudget` may send the call elsewhere. Default: block.",
    }),
    includeToolMoney: z.boolean().exactOptional().meta({
      description: 'Count the money that tools move, in US dollars, beside what models cost.',
    }),
    alerts: z
      .array(z.int().min(1).max(100))
      .max(alertsMax)
      .refine((alerts) => alerts.every((each, at) => at === 0 || each > (alerts[at - 1] ?? 0)), {
        error: 'percentages in ascending order, each once',
      })
      .exactOptional()
      .meta({ description: 'Percent of a limit. Default: 50, 80, 100.' }),
  })
  .meta({ id: 'SetBudget' })

const reply: z.ZodType<BudgetSet> = z
  .object({ budget: budgetPolicySchema, created: z.boolean() })
  .meta({ id: 'BudgetSet' })

export const setBudget = defineOperation({
  id: 'set-budget',
  method: 'POST',
  path: '/v1/budgets/{name}',
  summary: 'Make a budget, or set all of it anew: what is counted stays counted',
  roles: ['operator'],
  params: nameParams,
  body,
  reply,
  errors: ['agent.unknown', 'budget.scope_fixed', 'budget.too_many'],
  run: async ({ db, organisationId, operator }, { params, body: request }) => {
    const { name } = params
    const set = await setBudgetPolicy(db, organisationId, {
      name,
      scope: request.scope,
      subject: await subjectOf(db, organisationId, request),
      window: windowOf(request.window),
      limits: storedLimits(request.limits),
      onHit: request.onHit ?? 'block',
      countsToolMoney: request.includeToolMoney ?? false,
      alerts: request.alerts ?? alertsDefault,
      operatorId: operator.operatorId,
    })
    if (set.kind === 'scope_fixed') {
      const { scope, subject } = set.policy
      throw new AirworthyError(
        'budget.scope_fixed',
        `the budget ${name} is for ${subject === undefined ? `each ${scope}` : `one ${scope}`}: ` +
          'remove it, or choose another name',
      )
    }
    if (set.kind === 'too_many') {
      throw new AirworthyError('budget.too_many', `there are ${policiesMax} budgets already`)
    }
    const budget = await requireBudget(db, organisationId, { name, ledgersMax: ledgersShown })
    return { budget, created: set.isNew }
  },
})

/** Checks the zone, too. Throws `request.invalid`. */
function windowOf(window: SetBudget['window']): BudgetWindow {
  try {
    return parseWindow(window)
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause
    throw new AirworthyError('request.invalid', `body.window.${cause.message}`, { cause })
  }
}

/** Throws `agent.unknown`, or `request.invalid` for another subject that is not there. */
async function subjectOf(
  db: Database,
  organisationId: OrganisationId,
  { scope, subject }: SetBudget,
): Promise<string | undefined> {
  if (subject === undefined) return undefined
  if (scope === 'organisation') {
    throw new AirworthyError('request.invalid', 'body.subject: there is only one organisation')
  }
  const found = await findSubject(db, organisationId, { scope, name: subject })
  if (found !== undefined) return found
  const message = `there is no ${scope} ${JSON.stringify(subject)}`
  if (scope === 'agent') throw new AirworthyError('agent.unknown', message)
  throw new AirworthyError('request.invalid', `body.subject: ${message}`)
}
