// The shards of the log and the checkpoints that were signed of them.
import { type Kysely, sql } from 'kysely'
import type { OrganisationId } from '../../core/ids.ts'
import type { Database } from '../database.ts'
import type { Schema } from '../schema/schema.ts'

export type Shard = {
  readonly logId: bigint
  /** The name in addresses; `<log id>` until it has another. */
  readonly name: string
  /** How many entries are acknowledged. */
  readonly size: number
  readonly isOpen: boolean
  /** Undefined until the first checkpoint. */
  readonly origin: string | undefined
  readonly logKey: string | undefined
  readonly mirrorKey: string | undefined
  readonly closedAt: Date | undefined
  /** From `deleting` on its entries, tiles and bundles may be gone. */
  readonly deletion: ShardDeletionState | undefined
}

export type ShardDeletionState = 'announced' | 'deleting' | 'done'

export type CheckpointRow = {
  readonly size: number
  readonly root: Buffer
  /** The signed note. */
  readonly note: string
  readonly isWitnessed: boolean
  readonly signedAt: Date
}

type ShardColumns = {
  log_id: string
  shard: string | null
  size: string
  is_open: boolean
  origin: string | null
  log_key: string | null
  mirror_key: string | null
  closed_at: Date | null
  deletion: ShardDeletionState | null
}

const shardsMax = 1000

function selectShards(db: Kysely<Schema>, organisationId: OrganisationId) {
  return db
    .selectFrom('airworthy.logs as l')
    .leftJoin('airworthy.shard_deletions as d', (join) =>
      join.onRef('d.organisation_id', '=', 'l.organisation_id').onRef('d.log_id', '=', 'l.log_id'),
    )
    .select([
      'l.log_id',
      'l.shard',
      'l.size',
      'l.is_open',
      'l.origin',
      'l.log_key',
      'l.mirror_key',
      'l.closed_at',
      'd.state as deletion',
    ])
    .where('l.organisation_id', '=', organisationId)
}

/** Every shard of the organisation, oldest first; deleted ones too. */
export async function listShards(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
): Promise<Shard[]> {
  const rows = await selectShards(db, organisationId).orderBy('l.log_id').limit(shardsMax).execute()
  return rows.map(shardOf)
}

export async function findShard(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  of: { readonly name: string } | { readonly logId: string },
): Promise<Shard | undefined> {
  const query = selectShards(db, organisationId)
  const row = await (
    'name' in of ? query.where('l.shard', '=', of.name) : query.where('l.log_id', '=', of.logId)
  ).executeTakeFirst()
  return row === undefined ? undefined : shardOf(row)
}

function shardOf(row: ShardColumns): Shard {
  return {
    logId: BigInt(row.log_id),
    name: row.shard ?? row.log_id,
    size: Number(row.size),
    isOpen: row.is_open,
    origin: row.origin ?? undefined,
    logKey: row.log_key ?? undefined,
    mirrorKey: row.mirror_key ?? undefined,
    closedAt: row.closed_at ?? undefined,
    deletion: row.deletion ?? undefined,
  }
}

/** Whether the entries of a shard may be gone. */
export function isGone({ deletion }: Pick<Shard, 'deletion'>): boolean {
  return deletion === 'deleting' || deletion === 'done'
}

/**
 * Fixes what a shard is called and which keys sign it, once; gives what is fixed, by whoever was
 * first. A process whose keys are others must not sign.
 */
export async function nameShard(
  db: Database,
  organisationId: OrganisationId,
  naming: {
    readonly logId: bigint
    readonly name: string
    readonly origin: string
    readonly logKey: string
    readonly mirrorKey: string
  },
): Promise<Shard> {
  const { logId } = naming
  await sql`UPDATE airworthy.logs SET shard = coalesce(shard, ${naming.name}),
      origin = ${naming.origin}, log_key = ${naming.logKey}, mirror_key = ${naming.mirrorKey}
    WHERE organisation_id = ${organisationId} AND log_id = ${logId} AND origin IS NULL`.execute(db)
  const shard = await findShard(db, organisationId, { logId: String(logId) })
  if (shard === undefined) throw new Error(`there is no log ${logId}`)
  return shard
}

export async function findLastCheckpoint(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  logId: bigint,
): Promise<CheckpointRow | undefined> {
  const row = await db
    .selectFrom('airworthy.checkpoints')
    .select(['size', 'root', 'note', 'is_witnessed', 'signed_at'])
    .where('organisation_id', '=', organisationId)
    .where('log_id', '=', String(logId))
    .orderBy('size', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row === undefined ? undefined : checkpointOf(row)
}

/**
 * The newest stored checkpoint that has the entry, and the witnesses' signatures if it must: the tiles
 * of the newest are there also when all were made again.
 */
export async function findCoveringCheckpoint(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  of: { readonly logId: string; readonly index: number; readonly mustBeWitnessed: boolean },
): Promise<CheckpointRow | undefined> {
  const query = db
    .selectFrom('airworthy.checkpoints')
    .select(['size', 'root', 'note', 'is_witnessed', 'signed_at'])
    .where('organisation_id', '=', organisationId)
    .where('log_id', '=', of.logId)
    .where('size', '>', String(of.index))
    .orderBy('size', 'desc')
    .limit(1)
  const row = await (
    of.mustBeWitnessed ? query.where('is_witnessed', '=', true) : query
  ).executeTakeFirst()
  return row === undefined ? undefined : checkpointOf(row)
}

function checkpointOf(row: {
  size: string
  root: Buffer
  note: string
  is_witnessed: boolean
  signed_at: Date
}): CheckpointRow {
  return {
    size: Number(row.size),
    root: row.root,
    note: row.note,
    isWitnessed: row.is_witnessed,
    signedAt: row.signed_at,
  }
}

/** Checkpoints of an export or an audit, oldest first, from this size on. */
export async function listCheckpoints(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  page: { readonly logId: string; readonly fromSize: number; readonly limit: number },
): Promise<CheckpointRow[]> {
  const rows = await db
    .selectFrom('airworthy.checkpoints')
    .select(['size', 'root', 'note', 'is_witnessed', 'signed_at'])
    .where('organisation_id', '=', organisationId)
    .where('log_id', '=', page.logId)
    .where('size', '>=', String(page.fromSize))
    .orderBy('size')
    .limit(page.limit)
    .execute()
  return rows.map(checkpointOf)
}

/**
 * Stores a checkpoint, or adds what the witnesses said to one that is stored. False where another
 * root is stored for its size: a fork.
 */
export async function storeCheckpoint(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  checkpoint: {
    readonly logId: bigint
    readonly size: number
    readonly root: Buffer
    readonly note: string
    readonly isWitnessed: boolean
  },
): Promise<boolean> {
  const { logId, size, root, note, isWitnessed } = checkpoint
  const stored = await sql<{ root: Buffer }>`
    INSERT INTO airworthy.checkpoints (organisation_id, log_id, size, root, note, is_witnessed)
    VALUES (${organisationId}, ${logId}, ${size}, ${root}, ${note}, ${isWitnessed})
    ON CONFLICT (organisation_id, log_id, size) DO UPDATE
      SET note = excluded.note,
        is_witnessed = airworthy.checkpoints.is_witnessed OR excluded.is_witnessed
      WHERE airworthy.checkpoints.root = excluded.root
    RETURNING root`.execute(db)
  return stored.rows.length === 1
}

/** The database's clock, Unix milliseconds: the machine's own may jump. */
export async function readClock(db: Kysely<Schema>): Promise<number> {
  const found = await sql<{ now_ms: string }>`
    SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms`.execute(db)
  return Number(found.rows[0]?.now_ms)
}

/**
 * Forgets checkpoints older than a day, but for the first of each hour: consistency between any two
 * can still be proved, and one a second would be thirty million a year. A shard's last one stays.
 */
export async function thinCheckpoints(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
): Promise<void> {
  await sql`DELETE FROM airworthy.checkpoints c
    WHERE c.organisation_id = ${organisationId} AND c.signed_at < now() - interval '1 day'
      AND c.signed_at > now() - interval '3 days'
      AND EXISTS (SELECT 1 FROM airworthy.checkpoints later
        WHERE later.organisation_id = c.organisation_id AND later.log_id = c.log_id
          AND later.size > c.size)
      AND EXISTS (SELECT 1 FROM airworthy.checkpoints kept
        WHERE kept.organisation_id = c.organisation_id AND kept.log_id = c.log_id
          AND kept.size < c.size
          AND kept.signed_at >= date_trunc('hour', c.signed_at)
          AND kept.signed_at <= c.signed_at)`.execute(db)
}
