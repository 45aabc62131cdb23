// GET /v1/quotes
import type { QuoteList } from '@airworthy/sdk'
import { z } from 'zod'
import { databaseNow, listQuotes as readQuotes } from '../../store/money/money-quotes.ts'
import { defineOperation } from '../operation.ts'
import { presentQuote, quoteSchema } from './asset.ts'

const reply: z.ZodType<QuoteList> = z
  .object({ quotes: z.array(quoteSchema) })
  .meta({ id: 'QuoteList' })

export const listQuotes = defineOperation({
  id: 'list-quotes',
  method: 'GET',
  path: '/v1/quotes',
  summary: 'List the newest quote of each pair of assets (at most 1,000)',
  roles: ['operator', 'auditor'],
  reply,
  errors: [],
  run: async ({ db, organisationId }) => {
    const now = await databaseNow(db)
    const quotes = await readQuotes(db, organisationId)
    return { quotes: quotes.map((quote) => presentQuote(quote, now)) }
  },
})
