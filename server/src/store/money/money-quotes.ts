// What one asset is worth in another. A quote that lets more money out is a proposal that another
// person confirms.
import { type Kysely, sql } from 'kysely'
import { z } from 'zod'
import type { Proposal } from '../../core/approval/proposal.ts'
import { AirworthyError } from '../../core/errors.ts'
import type { OrganisationId } from '../../core/ids.ts'
import type { AssetId } from '../../core/money/asset.ts'
import { isLooserRate, type Rate } from '../../core/money/quote.ts'
import type { Database } from '../database.ts'
import { appendEntries } from '../log/log.ts'
import { findDecimals } from './money-assets.ts'
import type { Schema } from '../schema/schema.ts'
import { runCommand } from '../transaction.ts'
import { propose } from '../two-person.ts'

/** All of them are read for every call that moves money. */
const quotesMax = 1_000

export type KnownQuote = Rate & {
  readonly base: AssetId
  readonly quoted: AssetId
  /** The last rate that two people agreed on. */
  readonly agreed: Rate
  readonly at: Date
  readonly maxAgeSeconds: number
  readonly source: string
  readonly setBy: string
  readonly setAt: Date
}

export type WantedQuote = Omit<KnownQuote, 'setAt' | 'agreed'>

export type QuoteSet =
  | { readonly kind: 'set'; readonly quote: KnownQuote }
  /** It takes a second person; until then the pair's quote is as it was, or there is none. */
  | {
      readonly kind: 'proposed'
      readonly quote: KnownQuote | undefined
      readonly proposal: Proposal
    }

/** Sets what one unit of `base` is worth. Throws `money.asset_unknown`, `limit.too_many`. */
export async function setQuote(
  db: Database,
  organisationId: OrganisationId,
  wanted: WantedQuote,
): Promise<QuoteSet> {
  const { base, quoted } = wanted
  return runCommand(db, organisationId, async (tx) => {
    for (const asset of [base, quoted]) {
      if ((await findDecimals(tx, organisationId, asset)) !== undefined) continue
      throw new AirworthyError('money.asset_unknown', `${asset} is not registered`)
    }
    const quote = await findQuote(tx, organisationId, wanted)
    if (quote !== undefined && !isLooserRate(quote.agreed, wanted)) {
      const { agreed } = quote
      const set = { ...wanted, agreed, proposalId: undefined }
      return { kind: 'set', quote: await writeQuote(tx, organisationId, set) }
    }
    const { numerator, denominator, at, maxAgeSeconds, source, setBy } = wanted
    const change: z.input<typeof storedChange> = {
      base,
      quoted,
      numerator: String(numerator),
      denominator: String(denominator),
      at: at.toISOString(),
      maxAgeSeconds,
      // Whoever confirms has to know what it was.
      before: quote === undefined ? null : rateText(quote),
      beforeSetAt: quote?.setAt.toISOString() ?? null,
    }
    const asked = { kind: 'quote.loosen', change, operatorId: setBy, reason: source } as const
    return { kind: 'proposed', quote, proposal: await propose(tx, organisationId, asked) }
  })
}

function rateText({ numerator, denominator }: Rate): string {
  return `${numerator}/${denominator}`
}

const digits = z.string().regex(/^\d{1,60}$/)
const storedChange = z.object({
  base: z.string(),
  quoted: z.string(),
  numerator: digits,
  denominator: digits,
  at: z.iso.datetime(),
  maxAgeSeconds: z.int(),
  before: z.string().nullable(),
  beforeSetAt: z.iso.datetime().nullable(),
})

/**
 * Does what was confirmed. Call it in the transaction of the confirmation. Throws
 * `money.quote_changed` where the pair's quote is no longer the one that was proposed about, and
 * `limit.too_many`.
 */
export async function applyQuote(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  { proposal }: { readonly proposal: Proposal },
): Promise<void> {
  const change = storedChange.parse(proposal.change)
  const { base, quoted, numerator, denominator, at, maxAgeSeconds } = change
  const quotes = await listQuotes(tx, organisationId)
  const now = quotes.find((each) => each.base === base && each.quoted === quoted)
  const isSame =
    now === undefined
      ? change.before === null
      : change.before === rateText(now) && change.beforeSetAt === now.setAt.toISOString()
  if (!isSame) {
    const message = 'the pair was quoted anew since: propose again'
    throw new AirworthyError('money.quote_changed', message)
  }
  if (now === undefined && quotes.length >= quotesMax) {
    throw new AirworthyError('limit.too_many', `there are ${quotesMax} quotes already`)
  }
  const rate = { numerator: BigInt(numerator), denominator: BigInt(denominator) }
  await writeQuote(tx, organisationId, {
    base,
    quoted,
    ...rate,
    agreed: rate,
    at: new Date(at),
    maxAgeSeconds,
    source: proposal.reason,
    setBy: proposal.proposedBy,
    proposalId: proposal.proposalId,
  })
}

async function writeQuote(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  wanted: Omit<KnownQuote, 'setAt'> & { readonly proposalId: string | undefined },
): Promise<KnownQuote> {
  const { base, quoted, agreed, at, maxAgeSeconds, source, setBy, proposalId } = wanted
  const numerator = String(wanted.numerator)
  const denominator = String(wanted.denominator)
  const [entry] = await appendEntries(tx, organisationId, [
    {
      type: 'quote.set',
      agentId: organisationId,
      body: {
        at: at.toISOString(),
        base,
        denominator,
        maxAge: maxAgeSeconds,
        numerator,
        operator: setBy,
        ...(proposalId === undefined ? {} : { proposal: proposalId }),
        quoted,
      },
    },
  ])
  const setAt = new Date(entry?.atMs ?? 0)
  const changing = {
    numerator,
    denominator,
    agreed_numerator: String(agreed.numerator),
    agreed_denominator: String(agreed.denominator),
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
}

async function findQuote(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  { base, quoted }: Pick<KnownQuote, 'base' | 'quoted'>,
): Promise<KnownQuote | undefined> {
  const quotes = await listQuotes(db, organisationId)
  return quotes.find((each) => each.base === base && each.quoted === quoted)
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
    agreed: {
      numerator: BigInt(row.agreed_numerator),
      denominator: BigInt(row.agreed_denominator),
    },
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
