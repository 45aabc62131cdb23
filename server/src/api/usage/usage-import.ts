// Comparisons with a provider's account as the wire shows them.
import type { UsageDifference, UsageFigures, UsageImport, UsageImportSummary } from '@airworthy/sdk'
import { z } from 'zod'
import type { Difference, Figures } from '../../core/pricing/reconcile.ts'
import { id, integerText, time } from '../schemas.ts'

const figures = z.object({
  calls: z.number().nullable(),
  inputTokens: z.number().nullable(),
  outputTokens: z.number().nullable(),
  costNanoUsd: integerText.nullable(),
}) satisfies z.ZodType<UsageFigures>

const difference = z.object({
  day: z.string(),
  model: z.string(),
  ours: figures.nullable(),
  theirs: figures.nullable(),
  difference: figures,
  percent: z.number().nullable(),
  unknownCalls: z.number(),
  isWithin: z.boolean(),
}) satisfies z.ZodType<UsageDifference>

const summary = {
  id,
  provider: z.string(),
  fileHash: z.string(),
  firstDay: z.string(),
  lastDay: z.string(),
  tolerancePercent: z.number(),
  isWithin: z.boolean(),
  importedAt: time,
  total: difference,
}

export const usageImportSchema = z
  .object({ ...summary, lines: z.array(difference) })
  .meta({ id: 'UsageImport' }) satisfies z.ZodType<UsageImport>

export const usageImportSummary = z
  .object(summary)
  .meta({ id: 'UsageImportSummary' }) satisfies z.ZodType<UsageImportSummary>

/** What is stored of a comparison. */
export const storedReport = z.object({
  tolerancePercent: z.number(),
  total: difference,
  lines: z.array(difference),
})

export function presentDifference(line: Difference): UsageDifference {
  return {
    ...line,
    ours: line.ours && presentFigures(line.ours),
    theirs: line.theirs && presentFigures(line.theirs),
    difference: presentFigures(line.difference),
  }
}

function presentFigures(of: Figures): UsageFigures {
  return { ...of, costNanoUsd: of.costNanoUsd === null ? null : String(of.costNanoUsd) }
}
