// POST /v1/usage/imports
import type { ImportUsage } from '@airworthy/sdk'
import { z } from 'zod'
import { type RecordLine, reconcile } from '../../core/pricing/reconcile.ts'
import { accountLinesMax } from '../../core/pricing/usage-account.ts'
import { type DailyUse, sumModelUse } from '../../store/models/model-usage.ts'
import { saveUsageImport } from '../../store/models/usage-imports.ts'
import { runCommand } from '../../store/transaction.ts'
import { type Context, defineOperation } from '../operation.ts'
import { providerName } from '../prices/price.ts'
import { text } from '../schemas.ts'
import { UpstreamModels } from './upstream-models.ts'
import { presentDifference, usageImportSchema } from './usage-import.ts'

const daysMax = 400
const dayMs = 86_400_000
/** An account of several providers, or of one that no manifest names. */
const anyProvider = 'generic'

const count = z.int().min(0).nullable()
const body: z.ZodType<ImportUsage> = z
  .strictObject({
    provider: providerName,
    fileHash: z.string().regex(/^[0-9a-f]{64}$/),
    tolerancePercent: z.number().min(0).max(100),
    lines: z
      .array(
        z.strictObject({
          day: z.iso.date(),
          model: text({ min: 1, max: 200 }),
          calls: count,
          inputTokens: count,
          outputTokens: count,
          costNanoUsd: z
            .string()
            .regex(/^-?\d{1,18}$/)
            .nullable(),
        }),
      )
      .min(1)
      .max(accountLinesMax),
  })
  .refine(({ lines }) => lastOf(lines) - firstOf(lines) < daysMax * dayMs, {
    error: `an account is of at most ${daysMax} days`,
  })
  .meta({ id: 'ImportUsage' })

type Days = readonly { readonly day: string }[]

function firstOf(lines: Days): number {
  return Math.min(...lines.map((line) => Date.parse(line.day)))
}

function lastOf(lines: Days): number {
  return Math.max(...lines.map((line) => Date.parse(line.day)))
}

export const importUsage = defineOperation({
  id: 'import-usage',
  method: 'POST',
  path: '/v1/usage/imports',
  summary: "Compare a provider's account of usage with the record, and keep the result",
  roles: ['operator'],
  body,
  reply: usageImportSchema,
  errors: [],
  run: async (context, { body: request }) => {
    const { db, organisationId, operator } = context
    const { provider, fileHash, tolerancePercent } = request
    const [firstDay, lastDay] = [dayOf(firstOf(request.lines)), dayOf(lastOf(request.lines))]
    const daily = await sumModelUse(db, organisationId, { first: firstDay, last: lastDay })
    const record = await byUpstream(context, daily, provider)
    const account = request.lines.map((line) => ({
      ...line,
      costNanoUsd: line.costNanoUsd === null ? null : BigInt(line.costNanoUsd),
    }))
    const { lines, total, isWithin } = reconcile(record, account, tolerancePercent)
    const report = {
      tolerancePercent,
      total: presentDifference(total),
      lines: lines.map(presentDifference),
    }
    const { importId, importedAt } = await runCommand(db, organisationId, (tx) =>
      saveUsageImport(tx, organisationId, {
        provider,
        fileHash: Buffer.from(fileHash, 'hex'),
        firstDay,
        lastDay,
        isWithin,
        report,
        operatorId: operator.operatorId,
      }),
    )
    return {
      ...report,
      id: importId,
      provider,
      fileHash,
      firstDay,
      lastDay,
      isWithin,
      importedAt: importedAt.toISOString(),
    }
  },
})

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}

/** What the provider was asked for, under its own names. */
async function byUpstream(
  context: Context,
  daily: readonly DailyUse[],
  provider: string,
): Promise<RecordLine[]> {
  const upstream = new UpstreamModels(context)
  const sums = new Map<string, RecordLine>()
  for (const use of daily) {
    const found = await upstream.find(use)
    if (provider !== anyProvider && found.provider !== provider) continue
    const key = `${use.day}\0${found.name}`
    const sum = sums.get(key)
    sums.set(key, {
      day: use.day,
      model: found.name,
      calls: use.calls + (sum?.calls ?? 0),
      inputTokens: use.promptTokens + (sum?.inputTokens ?? 0),
      outputTokens: use.completionTokens + (sum?.outputTokens ?? 0),
      costNanoUsd: use.costNanoUsd + (sum?.costNanoUsd ?? 0n),
      unknownCalls: use.unknownCalls + (sum?.unknownCalls ?? 0),
    })
  }
  return [...sums.values()]
}
