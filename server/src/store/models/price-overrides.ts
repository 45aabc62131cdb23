// Prices that operators set for a provider's model, over the catalogue's.
import { randomUUIDv7 } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import { canonicalJson, sha256Hex } from '../../core/canonical.ts'
import type { OrganisationId } from '../../core/ids.ts'
import type { PriceList } from '../../core/pricing/price-list.ts'
import { appendEntries } from '../log/log.ts'
import type { Schema } from '../schema/schema.ts'

export type PriceOverride = {
  readonly overrideId: string
  readonly provider: string
  readonly model: string
  readonly list: PriceList
  readonly setBy: string
  readonly setAt: Date
}

export const overridesMax = 10_000

/** By provider and model; all of them. */
export async function listPriceOverrides(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
): Promise<PriceOverride[]> {
  const rows = await db
    .selectFrom('airworthy.price_overrides')
    .selectAll()
    .where('organisation_id', '=', organisationId)
    .orderBy('provider')
    .orderBy('model')
    .limit(overridesMax)
    .execute()
  return rows.map((row) => ({
    overrideId: row.override_id,
    provider: row.provider,
    model: row.model,
    list: storedList(row.prices),
    setBy: row.set_by,
    setAt: row.set_at,
  }))
}

/** Another text when any override was set or removed since. */
export async function priceRevision(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
): Promise<string> {
  const found = await sql<{ revision: string }>`
    SELECT count(*) || ':' || coalesce(max(override_id::text), '') AS revision
    FROM airworthy.price_overrides WHERE organisation_id = ${organisationId}`.execute(db)
  return found.rows[0]?.revision ?? ''
}

/** The column is written from a list that was checked. */
function storedList(value: unknown): PriceList {
  if (isPriceList(value)) return value
  throw new TypeError('price_overrides holds something that is no price list')
}

function isPriceList(value: unknown): value is PriceList {
  if (typeof value !== 'object' || value === null) return false
  return 'inputPerMillionUsd' in value && 'outputPerMillionUsd' in value
}

type Change = { readonly provider: string; readonly model: string; readonly operatorId: string }

/** Sets a price, or changes it. Call it inside a command. Gives false where there are too many. */
export async function setPriceOverride(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  change: Change & { readonly list: PriceList },
): Promise<boolean> {
  const { provider, model, list, operatorId } = change
  const found = await sql<{ others: string }>`
    SELECT count(*) AS others FROM airworthy.price_overrides
    WHERE organisation_id = ${organisationId} AND (provider, model) <> (${provider}, ${model})
    `.execute(tx)
  if (Number(found.rows[0]?.others ?? 0) >= overridesMax) return false
  const overrideId = randomUUIDv7()
  const from = `${provider}/${model}`
  const [entry] = await appendEntries(tx, organisationId, [
    {
      type: 'price.set',
      agentId: organisationId,
      body: {
        action: from,
        operator: operatorId,
        override: overrideId,
        prices: sha256Hex(canonicalJson(list)),
      },
    },
  ])
  const row = {
    override_id: overrideId,
    prices: JSON.stringify(list),
    set_by: operatorId,
    set_at: new Date(entry?.atMs ?? 0),
  }
  await tx
    .insertInto('airworthy.price_overrides')
    .values({ organisation_id: organisationId, provider, model, ...row })
    .onConflict((conflict) =>
      conflict.columns(['organisation_id', 'provider', 'model']).doUpdateSet(row),
    )
    .execute()
  return true
}

/** Removes a price. Call it inside a command. False where there is none. */
export async function removePriceOverride(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  { provider, model, operatorId }: Change,
): Promise<boolean> {
  const removed = await tx
    .deleteFrom('airworthy.price_overrides')
    .where('organisation_id', '=', organisationId)
    .where('provider', '=', provider)
    .where('model', '=', model)
    .returning('override_id')
    .executeTakeFirst()
  if (removed === undefined) return false
  await appendEntries(tx, organisationId, [
    {
      type: 'price.removed',
      agentId: organisationId,
      body: {
        action: `${provider}/${model}`,
        operator: operatorId,
        override: removed.override_id,
      },
    },
  ])
  return true
}
