// POST /v1/prices/overrides/remove
import type { RemovedPriceOverride, RemovePriceOverride } from '@airworthy/sdk'
import { z } from 'zod'
import { AirworthyError } from '../../core/errors.ts'
import { removePriceOverride as deleteOverride } from '../../store/models/price-overrides.ts'
import { runCommand } from '../../store/transaction.ts'
import { defineOperation } from '../operation.ts'
import { priceModel, providerName } from './price.ts'

const body: z.ZodType<RemovePriceOverride> = z
  .strictObject({ provider: providerName, model: priceModel })
  .meta({ id: 'RemovePriceOverride' })

const reply: z.ZodType<RemovedPriceOverride> = z
  .object({ provider: z.string(), model: z.string() })
  .meta({ id: 'RemovedPriceOverride' })

export const removePriceOverride = defineOperation({
  id: 'remove-price-override',
  method: 'POST',
  path: '/v1/prices/overrides/remove',
  summary: "Remove an override: the catalogue's price counts again",
  roles: ['operator'],
  body,
  reply,
  errors: ['price.unknown'],
  run: async ({ db, organisationId, operator, prices }, { body: request }) => {
    const { provider, model } = request
    const change = { provider, model, operatorId: operator.operatorId }
    const isRemoved = await runCommand(db, organisationId, (tx) =>
      deleteOverride(tx, organisationId, change),
    )
    if (!isRemoved) {
      throw new AirworthyError('price.unknown', `there is no override of ${provider}/${model}`)
    }
    await prices.book.refresh()
    return { provider, model }
  },
})
