// Assets that are no currency, and what one asset is worth in another.
import { type Kysely, sql } from 'kysely'
import { AirworthyError } from '../core/errors.ts'
import type { OrganisationId } from '../core/ids.ts'
import { type AssetId, isoDecimals } from '../core/money/asset.ts'
import type { Rate } from '../core/money/quote.ts'
import type { Database } from './database.ts'
import { appendEntries } from './log.ts'
import type { Schema } from './schema.ts'
import { runCommand } from './transaction.ts'

/** All of them are read for every call that moves money. */
const assetsMax = 500
const quotesMax = 1_000

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

export type KnownQuote = Rate & {
  readonly base: AssetId
  readonly quoted: AssetId
  readonly at: Date
  readonly maxAgeSeconds: number
  readonly source: string
  readonly setBy: string
  readonly setAt: Date
}

/** Sets what one unit of `base` is worth. Throws `money.asset_unknown`, `limit.too_many`. */
export async function setQuote(
  db: Database,
  organisationId: OrganisationId,
  wanted: Omit<KnownQuote, 'setAt'>,
): Promise<KnownQuote> {
  const { base, quoted, numerator, denominator, at, maxAgeSeconds, source, setBy } = wanted
  return runCommand(db, organisationId, async (tx) => {
    for (const asset of [base, quoted]) {
      if ((await findDecimals(tx, organisationId, asset)) !== undefined) continue
      throw new AirworthyError('money.asset_unknown', `${asset} is not registered`)
    }
    const quotes = await listQuotes(tx, organisationId)
    const isKnown = quotes.some((each) => each.base === base && each.quoted === quoted)
    if (!isKnown && quotes.length >= quotesMax) {
      throw new AirworthyError('limit.too_many', `there are ${quotesMax} quotes already`)
    }
    const [entry] = await appendEntries(tx, organisationId, [
      {
        type: 'quote.set',
        agentId: organisationId,
        body: {
          at: at.toISOString(),
          base,
          denominator: String(denominator),
          maxAge: maxAgeSeconds,
          numerator: String(numerator),
          operator: setBy,
          quoted,
        },
      },
    ])
    const setAt = new Date(entry?.atMs ?? 0)
    const changing = {
      numerator: String(numerator),
      denominator: String(denominator),
      at,
      max_age_seconds: maxAgeSeconds,
      source,
      set_by: setBy,
      set_at: setAt,
    }
    await tx
      .insertInto('airworthy.quotes')
      .values({ organisation_id: organisationId, base, quoted, ...changing })
      .onConflict((conflict) =>
        conflict.columns(['organisation_id', 'base', 'quoted']).doUpdateSet(changing),
      )
      .execute()
    return { ...wanted, setAt }
  })
}

export async function listQuotes(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
): Promise<KnownQuote[]> {
  const rows = await db
    .selectFrom('airworthy.quotes')
    .selectAll()
    .where('organisation_id', '=', organisationId)
    .orderBy('base')
    .orderBy('quoted')
    .limit(quotesMax)
    .execute()
  return rows.map((row) => ({
    base: row.base,
    quoted: row.quoted,
    numerator: BigInt(row.numerator),
    denominator: BigInt(row.denominator),
    at: row.at,
    maxAgeSeconds: row.max_age_seconds,
    source: row.source,
    setBy: row.set_by,
    setAt: row.set_at,
  }))
}

/** The database's clock. */
export async function databaseNow(db: Kysely<Schema>): Promise<Date> {
  const found = await sql<{ now: Date }>`SELECT clock_timestamp() AS now`.execute(db)
  const [row] = found.rows
  if (row === undefined) throw new Error('the database tells no time')
  return row.now
}
