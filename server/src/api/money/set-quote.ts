// POST /v1/quotes
import type { QuoteSet, SetQuote } from '@airworthy/sdk'
import { z } from 'zod'
import { AirworthyError } from '../../core/errors.ts'
import { type AssetId, parseAsset } from '../../core/money/asset.ts'
import { clockSlackMs, parseRate } from '../../core/money/quote.ts'
import { databaseNow, setQuote as storeQuote } from '../../store/money/money-quotes.ts'
import { defineOperation } from '../operation.ts'
import { text, time } from '../schemas.ts'
import { presentQuote, quoteSchema } from './asset.ts'

const maxAgeSecondsDefault = 24 * 3600
const maxAgeSecondsMax = 31 * 24 * 3600

const body: z.ZodType<SetQuote> = z
  .strictObject({
    base: text({ min: 3, max: 300 }),
    quoted: text({ min: 3, max: 300 }),
    rate: text({ min: 1, max: 40 }).meta({
      description: 'What one unit of base is worth in units of quoted, such as 1.0842.',
    }),
    source: text({ min: 1, max: 200 }),
    at: time.exactOptional(),
    maxAgeSeconds: z.int().min(1).max(maxAgeSecondsMax).exactOptional(),
  })
  .meta({ id: 'SetQuote' })

const reply: z.ZodType<QuoteSet> = z
  .object({ quote: quoteSchema.nullable(), proposal: z.uuid().nullable() })
  .meta({ id: 'QuoteSet' })

export const setQuote = defineOperation({
  id: 'set-quote',
  method: 'POST',
  path: '/v1/quotes',
  summary: 'Set what one asset is worth in another, or propose it where money counts for less',
  roles: ['operator'],
  body,
  reply,
  errors: ['money.asset_unknown', 'limit.too_many', 'proposal.too_many'],
  run: async ({ db, organisationId, operator }, { body: request }) => {
    const base = assetIn('base', request.base)
    const quoted = assetIn('quoted', request.quoted)
    if (base === quoted) throw invalid('quoted', 'another asset than base')
    const rate = parseRate(request.rate)
    if (rate === undefined) throw invalid('rate', 'a decimal above zero, such as 1.0842')
    const now = await databaseNow(db)
    const at = request.at === undefined ? now : new Date(request.at)
    if (at.getTime() > now.getTime() + clockSlackMs) throw invalid('at', 'a time that has been')
    const set = await storeQuote(db, organisationId, {
      base,
      quoted,
      ...rate,
      at,
      maxAgeSeconds: request.maxAgeSeconds ?? maxAgeSecondsDefault,
      source: request.source,
      setBy: operator.operatorId,
    })
    const quote = set.quote === undefined ? null : presentQuote(set.quote, now)
    return { quote, proposal: set.kind === 'set' ? null : set.proposal.proposalId }
  },
})

function assetIn(field: string, named: string): AssetId {
  const asset = parseAsset(named)
  if (asset === undefined) {
    throw invalid(field, 'an ISO 4217 currency such as USD, or a CAIP-19 asset')
  }
  return asset
}

function invalid(field: string, expected: string): AirworthyError {
  return new AirworthyError('request.invalid', `body.${field}: ${expected}`)
}
