// GET /v1/assets
import type { AssetList } from '@airworthy/sdk'
import { z } from 'zod'
import { listAssets as readAssets } from '../../store/money/money-assets.ts'
import { defineOperation } from '../operation.ts'
import { assetSchema, presentAsset } from './asset.ts'

const reply: z.ZodType<AssetList> = z
  .object({ assets: z.array(assetSchema) })
  .meta({ id: 'AssetList' })

export const listAssets = defineOperation({
  id: 'list-assets',
  method: 'GET',
  path: '/v1/assets',
  summary: 'List the assets that are no currencies (at most 500)',
  roles: ['operator', 'auditor'],
  reply,
  errors: [],
  run: async ({ db, organisationId }) => ({
    assets: (await readAssets(db, organisationId)).map(presentAsset),
  }),
})
