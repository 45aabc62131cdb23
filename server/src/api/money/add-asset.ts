// POST /v1/assets
import type { AddAsset, Asset } from '@airworthy/sdk'
import { z } from 'zod'
import { AirworthyError } from '../../core/errors.ts'
import { assetDecimalsMax, caip19 } from '../../core/money/asset.ts'
import { addAsset as storeAsset } from '../../store/money/money-assets.ts'
import { defineOperation } from '../operation.ts'
import { text } from '../schemas.ts'
import { assetSchema, presentAsset } from './asset.ts'

const body: z.ZodType<AddAsset> = z
  .strictObject({
    asset: text({ min: 3, max: 300 }).meta({ description: 'CAIP-19: eip155:1/slip44:60.' }),
    decimals: z.int().min(0).max(assetDecimalsMax),
  })
  .meta({ id: 'AddAsset' })

const reply: z.ZodType<Asset> = assetSchema

export const addAsset = defineOperation({
  id: 'add-asset',
  method: 'POST',
  path: '/v1/assets',
  summary: 'Register an asset that is no currency: its decimals never change',
  roles: ['operator'],
  body,
  reply,
  errors: ['money.asset_fixed', 'limit.too_many'],
  run: async ({ db, organisationId, operator }, { body: request }) => {
    const asset = caip19(request.asset)
    if (asset === undefined) {
      const message = 'body.asset: a CAIP-19 asset such as eip155:1/slip44:60'
      throw new AirworthyError('request.invalid', message)
    }
    const wanted = { asset, decimals: request.decimals, operatorId: operator.operatorId }
    const added = await storeAsset(db, organisationId, wanted)
    return presentAsset(added.asset)
  },
})
