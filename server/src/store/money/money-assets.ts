// Assets that are no currency, and how many decimals each has.
import type { Kysely } from 'kysely'
import { AirworthyError } from '../../core/errors.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { type AssetId, isoDecimals } from '../../core/money/asset.ts'
import type { Database } from '../database.ts'
import { appendEntries } from '../log/log.ts'
import type { Schema } from '../schema/schema.ts'
import { runCommand } from '../transaction.ts'

/** All of them are read for every call that moves money. */
const assetsMax = 500

export type KnownAsset = {
  readonly asset: AssetId
  readonly decimals: number
  readonly addedBy: string
  readonly addedAt: Date
}

/** Registers an asset; its decimals never change. Throws `money.asset_fixed`, `limit.too_many`. */
export async function addAsset(
  db: Database,
  organisationId: OrganisationId,
  wanted: { readonly asset: AssetId; readonly decimals: number; readonly operatorId: string },
): Promise<{ readonly asset: KnownAsset; readonly isNew: boolean }> {
  const { asset, decimals, operatorId } = wanted
  return runCommand(db, organisationId, async (tx) => {
    const assets = await listAssets(tx, organisationId)
    const known = assets.find((each) => each.asset === asset)
    if (known?.decimals === decimals) return { asset: known, isNew: false }
    if (known !== undefined) {
      const message = `${asset} has ${known.decimals} decimals, and they never change`
      throw new AirworthyError('money.asset_fixed', message)
    }
    if (assets.length >= assetsMax) {
      throw new AirworthyError('limit.too_many', `there are ${assetsMax} assets already`)
    }
    const [entry] = await appendEntries(tx, organisationId, [
      {
        type: 'asset.added',
        agentId: organisationId,
        body: { asset, decimals, operator: operatorId },
      },
    ])
    const addedAt = new Date(entry?.atMs ?? 0)
    await tx
      .insertInto('airworthy.assets')
      .values({
        organisation_id: organisationId,
        asset,
        decimals,
        added_by: operatorId,
        added_at: addedAt,
      })
      .execute()
    return { asset: { asset, decimals, addedBy: operatorId, addedAt }, isNew: true }
  })
}

export async function listAssets(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
): Promise<KnownAsset[]> {
  const rows = await db
    .selectFrom('airworthy.assets')
    .selectAll()
    .where('organisation_id', '=', organisationId)
    .orderBy('asset')
    .limit(assetsMax)
    .execute()
  return rows.map((row) => ({
    asset: row.asset,
    decimals: row.decimals,
    addedBy: row.added_by,
    addedAt: row.added_at,
  }))
}

/** Of a currency, or of an asset that is registered; else undefined. */
export async function findDecimals(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  asset: AssetId,
): Promise<number | undefined> {
  const known = isoDecimals(asset)
  if (known !== undefined) return known
  const row = await db
    .selectFrom('airworthy.assets')
    .select('decimals')
    .where('organisation_id', '=', organisationId)
    .where('asset', '=', asset)
    .executeTakeFirst()
  return row?.decimals
}
