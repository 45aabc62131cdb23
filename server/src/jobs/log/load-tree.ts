// Takes a shard up where it was left, and makes sure that it is the log that was signed. What was
// signed last is known from four places: a file of this machine, the object store's record and its
// published checkpoint, the database. They may be one step apart, because a process can die between two
// writes; they may not contradict.
import type { LastSigned } from '../../adapters/objects/last-signed.ts'
import {
  checkpointPath,
  type LogFiles,
  signedPath,
  tilesOf,
} from '../../adapters/objects/log-files.ts'
import { AirworthyError } from '../../core/errors.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { parseCheckpoint, type SignedCheckpoint } from '../../core/tlog/checkpoint.ts'
import { TlogError } from '../../core/tlog/fault.ts'
import { edgeRoot, emptyEdge, readEdge, type TreeEdge } from '../../core/tlog/integrate.ts'
import { formatBundle, parseBundle } from '../../core/tlog/bundle.ts'
import type { NoteKey } from '../../core/tlog/note-key.ts'
import { rootFromTiles } from '../../core/tlog/proof.ts'
import { verifyNote } from '../../core/tlog/signatures.ts'
import { type ReadTile, tileOfTree } from '../../core/tlog/tiles.ts'
import { findLastCheckpoint, type Shard } from '../../store/log/checkpoints.ts'
import type { Database } from '../../store/database.ts'
import { forked } from './forked.ts'
import { growEdge } from './grow-edge.ts'

export type LoadedTree = {
  readonly edge: TreeEdge
  /** The size that was last signed anywhere: never again with another root. */
  readonly signedSize: number
  /** What the object store's record must still be at when the next checkpoint is claimed. */
  readonly storeVersion: string | undefined
  /** Whether the database, or the published checkpoint, has not heard of what was signed last. */
  readonly mustSign: boolean
}

const placesCount = 4

type Signed = { readonly size: number; readonly root: Buffer; readonly where: string }

export type TreeSource = {
  readonly db: Database
  readonly organisationId: OrganisationId
  readonly files: LogFiles
  readonly lastSigned: LastSigned
}

/** Throws `log.forked` where what was signed is not what the database has. */
export async function loadTree(
  source: TreeSource,
  shard: Shard,
  key: NoteKey,
): Promise<LoadedTree> {
  const stored = await source.files.store.read(source.files.nameOf(signedPath))
  const published = await source.files.store.read(source.files.nameOf(checkpointPath))
  const found = { key, stored: stored?.bytes, published: published?.bytes }
  const records = await readRecords(source, shard, found)
  const newest = records.toSorted((one, other) => other.size - one.size)[0]
  const storeVersion = stored?.version
  if (newest === undefined) {
    return { edge: emptyEdge, signedSize: 0, storeVersion, mustSign: false }
  }
  if (shard.size < newest.size) {
    throw forked(
      `${newest.where} has a signed checkpoint of ${newest.size} entries, the database only ${shard.size}`,
      { signed: newest.size, database: shard.size },
    )
  }
  const edge = await restoreEdge(source, shard, newest)
  const { size, root } = newest
  const readTile = tilesOf(source.files, size)
  for (const record of records) {
    const at = record.size === size ? root : await rootFromTiles(record.size, readTile)
    if (!at.equals(record.root)) throw contradiction(record, newest)
  }
  await checkDatabase(source, shard, { newest, readTile })
  const heard = records.filter((record) => record.size === size).length
  const mustSign = heard < placesCount
  return { edge, signedSize: size, storeVersion, mustSign }
}

async function readRecords(
  source: TreeSource,
  shard: Shard,
  found: {
    readonly key: NoteKey
    readonly stored: Buffer | undefined
    readonly published: Buffer | undefined
  },
): Promise<Signed[]> {
  const local = await source.lastSigned.read(shard.logId)
  const row = await findLastCheckpoint(source.db, source.organisationId, shard.logId)
  const sources = [
    { where: 'this machine', bytes: local },
    { where: 'the object store', bytes: found.stored },
    { where: 'the published log', bytes: found.published },
    { where: 'the database', bytes: row === undefined ? undefined : Buffer.from(row.note) },
  ]
  return sources.flatMap(({ where, bytes }) => {
    if (bytes === undefined) return []
    const { size, root } = readSigned(bytes, { key: found.key, where })
    return [{ size, root, where }]
  })
}

/** A record that cannot be read is no reason to go on without it. */
function readSigned(
  bytes: Buffer,
  { key, where }: { readonly key: NoteKey; readonly where: string },
): SignedCheckpoint {
  let checkpoint: SignedCheckpoint
  try {
    checkpoint = parseCheckpoint(bytes)
  } catch (cause) {
    if (!(cause instanceof TlogError)) throw cause
    throw forked(`the last checkpoint of ${where} cannot be read (${cause.message})`, { where })
  }
  const verdict = verifyNote(checkpoint.note, [key])
  if (checkpoint.origin === key.name && verdict.kind === 'verified') return checkpoint
  throw forked(`the last checkpoint of ${where} is of another log or another key`, { where })
}

/** From the tiles; where they are missing or another tree's, again from the entries. */
async function restoreEdge(source: TreeSource, shard: Shard, newest: Signed): Promise<TreeEdge> {
  const { files } = source
  const { size, root } = newest
  try {
    const edge = await readEdge({ size, readTile: files.readTile, readBundle: files.readBundle })
    if (edgeRoot(edge).equals(root)) return edge
  } catch (thrown) {
    // Files that are missing or do not fit are made again; a store that fails, fails then as well.
    const isMissing = thrown instanceof AirworthyError && thrown.code === 'log.storage'
    if (!isMissing && !(thrown instanceof TlogError)) throw thrown
  }
  const rebuilt = await growEdge(source, { shard, edge: emptyEdge, to: size, isWritten: true })
  if (edgeRoot(rebuilt).equals(root)) return rebuilt
  throw forked(
    `the entries of the database do not give the tree of ${size} that ${newest.where} has signed`,
    { signed: size },
  )
}

/**
 * A database that knows less than what was signed either died before it heard of it, or is an older
 * one that has grown anew: then its entries give another tree.
 */
async function checkDatabase(
  source: TreeSource,
  shard: Shard,
  known: { readonly newest: Signed; readonly readTile: ReadTile },
): Promise<void> {
  const { newest, readTile } = known
  const row = await findLastCheckpoint(source.db, source.organisationId, shard.logId)
  const from = row?.size ?? 0
  if (from >= newest.size) return
  const edge =
    from === 0
      ? emptyEdge
      : await readEdge({ size: from, readTile, readBundle: bundlesOf(source.files, newest.size) })
  const grown = await growEdge(source, { shard, edge, to: newest.size, isWritten: false })
  if (edgeRoot(grown).equals(newest.root)) return
  throw forked(
    `the database has other entries than the checkpoint of ${newest.size} that ${newest.where} has`,
    { signed: newest.size, database: from },
  )
}

function bundlesOf(files: LogFiles, size: number): LogFiles['readBundle'] {
  return async ({ index, width }) => {
    const stored = tileOfTree(size, { level: 0, index })
    const entries = parseBundle(await files.readBundle(stored), stored.width)
    return formatBundle(entries.slice(0, width))
  }
}

function contradiction(one: Signed, other: Signed): AirworthyError {
  return forked(
    `the checkpoint of ${one.size} entries of ${one.where} and that of ${other.size} of ` +
      `${other.where} are not of one log`,
    { one: one.size, other: other.size },
  )
}
