// GET /v1/budgets/alerts
import type { BudgetAlert, BudgetAlertPage } from '@airworthy/sdk'
import { z } from 'zod'
import type { OrganisationId } from '../../core/ids.ts'
import { type BudgetAlert as StoredAlert, listAlerts } from '../../store/budgets/budget-use.ts'
import type { Database } from '../../store/database.ts'
import { defineOperation } from '../operation.ts'
import { id, integerText, limit, time } from '../schemas.ts'
import { budgetName, requireBudget, unitSchema } from './budget.ts'

/** The place of an alert's entry in the log: `<log>:<seq>`. */
const place = z.string().regex(/^\d{1,18}:\d{1,18}$/, { error: 'expected `next` of the last page' })

const alertSchema: z.ZodType<BudgetAlert> = z
  .object({
    id: place,
    budgetId: id,
    budget: z.string(),
    ledgerId: id,
    subject: z.string(),
    unit: unitSchema,
    threshold: z.int(),
    used: integerText,
    limit: integerText,
    call: id,
    at: time,
  })
  .meta({ id: 'BudgetAlert' })

const reply: z.ZodType<BudgetAlertPage> = z
  .object({ alerts: z.array(alertSchema), next: place.nullable() })
  .meta({ id: 'BudgetAlertPage' })

export const listBudgetAlerts = defineOperation({
  id: 'list-budget-alerts',
  method: 'GET',
  path: '/v1/budgets/alerts',
  summary: 'List the thresholds of budgets that were passed, the newest first',
  roles: ['operator', 'auditor'],
  query: z.strictObject({
    budget: z.union([id, budgetName]).exactOptional().meta({
      description: 'A name, or the id also of one that was removed.',
    }),
    after: place
      .exactOptional()
      .meta({ description: 'Continue after this one: `next` of the last page.' }),
    limit,
  }),
  reply,
  errors: ['budget.unknown'],
  run: async ({ db, organisationId }, { query }) => {
    const { budget, after } = query
    const found = await listAlerts(db, organisationId, {
      policyId: budget === undefined ? undefined : await policyIdOf(db, organisationId, budget),
      before: after === undefined ? undefined : parsePlace(after),
      limit: query.limit,
    })
    const alerts = found.map(presentAlert)
    const next = alerts.length < query.limit ? null : (alerts.at(-1)?.id ?? null)
    return { alerts, next }
  },
})

async function policyIdOf(
  db: Database,
  organisationId: OrganisationId,
  idOrName: string,
): Promise<string> {
  if (id.safeParse(idOrName).success) return idOrName
  return (await requireBudget(db, organisationId, { name: idOrName, ledgersMax: 0 })).id
}

function parsePlace(text: string): { logId: string; seq: string } {
  const [logId = '0', seq = '0'] = text.split(':')
  return { logId, seq }
}

function presentAlert(alert: StoredAlert): BudgetAlert {
  const { logId, seq, policyId, policyName, ledgerId, subject, unit, threshold } = alert
  return {
    id: `${logId}:${seq}`,
    budgetId: policyId,
    budget: policyName,
    ledgerId,
    subject,
    unit,
    threshold,
    used: alert.used,
    limit: alert.limit,
    call: alert.callId,
    at: alert.at.toISOString(),
  }
}
