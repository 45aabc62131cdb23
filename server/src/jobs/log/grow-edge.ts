// Lets a tree grow by entries of the database, page by page: memory is bounded by a page.
import type { LogFiles } from '../../adapters/objects/log-files.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { integrate, type LogFile, type TreeEdge } from '../../core/tlog/integrate.ts'
import type { Shard } from '../../store/log/checkpoints.ts'
import type { Database } from '../../store/database.ts'
import { readEntries } from '../../store/log/entries.ts'
import { forked } from './forked.ts'

/** A page is at most this many entries of 1 KB; it ends where a tile does, so that tiles are whole. */
const pageEntries = 1024
/** How many files are written at a time: each waits for the disk. */
const writersMax = 16

export type Growth = {
  readonly shard: Shard
  readonly edge: TreeEdge
  readonly to: number
  /** Whether tiles and bundles are stored, or only the root is wanted. */
  readonly isWritten: boolean
  /** Hears of each file that was written. */
  readonly onFile?: (file: LogFile) => void
}

/** Gives the edge at `to`. All files of the tree up to there are durable then. */
export async function growEdge(
  source: {
    readonly db: Database
    readonly organisationId: OrganisationId
    readonly files: LogFiles
  },
  growth: Growth,
): Promise<TreeEdge> {
  const { shard, to, isWritten, onFile } = growth
  let { edge } = growth
  while (edge.size < to) {
    const limit = Math.min(pageEntries - (edge.size % pageEntries), to - edge.size)
    const rows = await readEntries(source.db, source.organisationId, {
      logId: String(shard.logId),
      from: BigInt(edge.size),
      limit,
    })
    const { size } = edge
    if (rows.length !== limit || rows.some((row, at) => Number(row.seq) !== size + at)) {
      throw forked(`entries from ${size} on are missing in the database`, { from: size })
    }
    const grown = integrate(
      edge,
      rows.map((row) => row.entry),
    )
    if (isWritten) {
      await writeFiles(source.files, grown.files)
      for (const file of grown.files) onFile?.(file)
    }
    edge = grown.edge
  }
  return edge
}

async function writeFiles(files: LogFiles, written: readonly LogFile[]): Promise<void> {
  const left = [...written]
  const write = async (): Promise<void> => {
    for (let file = left.shift(); file !== undefined; file = left.shift()) {
      const { path, bytes, isPartial } = file
      await files.store.write(files.nameOf(path), bytes, { isFinal: !isPartial })
    }
  }
  await Promise.all(Array.from({ length: Math.min(writersMax, left.length) }, write))
}
