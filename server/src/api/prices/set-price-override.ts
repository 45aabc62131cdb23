// POST /v1/prices/overrides
import type { SetPriceOverride } from '@airworthy/sdk'
import { z } from 'zod'
import { AirworthyError } from '../../core/errors.ts'
import {
  overridesMax,
  setPriceOverride as writeOverride,
} from '../../store/models/price-overrides.ts'
import { runCommand } from '../../store/transaction.ts'
import { defineOperation } from '../operation.ts'
import { expectPrices, listedPrice, priceListSchema, priceModel, providerName } from './price.ts'

const body: z.ZodType<SetPriceOverride> = z
  .strictObject({ provider: providerName, model: priceModel, prices: priceListSchema })
  .meta({ id: 'SetPriceOverride' })

export const setPriceOverride = defineOperation({
  id: 'set-price-override',
  method: 'POST',
  path: '/v1/prices/overrides',
  summary: 'Set what a model costs, over the catalogue',
  roles: ['operator'],
  body,
  reply: listedPrice,
  errors: ['price.invalid'],
  run: async ({ db, organisationId, operator, prices }, { body: request }) => {
    const { provider, model, prices: list } = request
    expectPrices(list)
    const change = { provider, model, list, operatorId: operator.operatorId }
    const isSet = await runCommand(db, organisationId, (tx) =>
      writeOverride(tx, organisationId, change),
    )
    if (!isSet) {
      throw new AirworthyError('price.invalid', `there are ${overridesMax} overrides already`)
    }
    await prices.book.refresh()
    const setAt = new Date().toISOString()
    return { provider, model, source: 'override' as const, prices: list, notCounted: [], setAt }
  },
})
