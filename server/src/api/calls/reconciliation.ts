// What was settled of unknown calls and lost leases, as the wire shows it.
import type { CallAmounts, ReconciledLease, Reconciliation } from '@airworthy/sdk'
import { z } from 'zod'
import type { Amounts } from '../../core/budget/budget.ts'
import type { LostLease } from '../../store/budgets/lost-leases.ts'
import { amountsOf } from '../../store/recorder/ledger.ts'
import { id, integerText, time } from '../schemas.ts'

const amounts: z.ZodType<CallAmounts> = z
  .object({
    calls: integerText,
    tokens: integerText,
    inputTokens: integerText,
    outputTokens: integerText,
    costNanoUsd: integerText,
  })
  .meta({ id: 'CallAmounts' })

const call = z
  .object({
    id,
    agentId: id,
    agent: z.string(),
    model: z.string(),
    endpoint: z.string().nullable(),
    unknownSince: time,
    held: amounts,
    certain: amounts.nullable(),
    used: amounts,
    receipt: z.string().nullable(),
  })
  .meta({ id: 'ReconciledCall' })

const lease = z
  .object({ id, replica: id, ledgerId: id, amounts, lostAt: time })
  .meta({ id: 'ReconciledLease' })

export const reconciliationSchema: z.ZodType<Reconciliation> = z
  .object({
    dryRun: z.boolean(),
    calls: z.array(call),
    leases: z.array(lease),
    more: z.boolean().meta({ description: 'More wait than were looked at: ask again.' }),
  })
  .meta({ id: 'Reconciliation' })

export function presentAmounts(of: Amounts): CallAmounts {
  return {
    calls: String(of.calls),
    tokens: String(of.tokens),
    inputTokens: String(of.inputTokens),
    outputTokens: String(of.outputTokens),
    costNanoUsd: String(of.nanoUsd),
  }
}

export function presentLease(lost: LostLease): ReconciledLease {
  return {
    id: lost.lostLeaseId,
    replica: lost.replicaId,
    ledgerId: lost.scopeId,
    amounts: presentAmounts(amountsOf(lost.amounts)),
    lostAt: lost.lostAt.toISOString(),
  }
}
