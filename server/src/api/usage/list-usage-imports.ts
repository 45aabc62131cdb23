// GET /v1/usage/imports
import type { UsageImportPage } from '@airworthy/sdk'
import { z } from 'zod'
import { listUsageImports as readImports } from '../../store/models/usage-imports.ts'
import { defineOperation } from '../operation.ts'
import { id, nextOf, page } from '../schemas.ts'
import { storedReport, usageImportSummary } from './usage-import.ts'

const reply: z.ZodType<UsageImportPage> = z
  .object({ imports: z.array(usageImportSummary), next: id.nullable() })
  .meta({ id: 'UsageImportPage' })

export const listUsageImports = defineOperation({
  id: 'list-usage-imports',
  method: 'GET',
  path: '/v1/usage/imports',
  summary: "List comparisons with providers' accounts of usage",
  roles: ['operator', 'auditor'],
  query: z.strictObject(page),
  reply,
  errors: [],
  run: async ({ db, organisationId }, { query }) => {
    const rows = await readImports(db, organisationId, { after: query.after, limit: query.limit })
    const imports = rows.map((row) => {
      const { tolerancePercent, total } = storedReport.parse(row.report)
      return {
        id: row.importId,
        provider: row.provider,
        fileHash: row.fileHash.toString('hex'),
        firstDay: row.firstDay,
        lastDay: row.lastDay,
        tolerancePercent,
        isWithin: row.isWithin,
        importedAt: row.importedAt.toISOString(),
        total,
      }
    })
    return {
      imports,
      next: nextOf(
        rows.map((row) => row.importId),
        query.limit,
      ),
    }
  },
})
