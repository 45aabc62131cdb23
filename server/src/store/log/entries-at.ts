// Where in a log a time is: entries carry the database's clock, which only goes on.
import type { Kysely } from 'kysely'
import type { OrganisationId } from '../../core/ids.ts'
import { findEntries } from './entries.ts'
import type { Schema } from '../schema/schema.ts'

/** The number of the first entry that is not older; `size` where all are. Reads O(log n) entries. */
export async function findSeqAt(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  of: { readonly logId: string; readonly atMs: number; readonly size: number },
): Promise<number> {
  let [low, high] = [0, of.size]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const page = { logId: of.logId, seqs: [String(middle)] }
    const [row] = await findEntries(db, organisationId, page)
    if (row === undefined) throw new Error(`entry ${middle} is missing`)
    if (timeOf(row.entry) < of.atMs) low = middle + 1
    else high = middle
  }
  return low
}

/** When the entry was written, Unix milliseconds; undefined where it is not there. */
export async function findTimeOf(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  of: { readonly logId: string; readonly seq: number },
): Promise<number | undefined> {
  const place = { logId: of.logId, seqs: [String(of.seq)] }
  const [row] = await findEntries(db, organisationId, place)
  const atMs = row === undefined ? 0 : timeOf(row.entry)
  return atMs > 0 ? atMs : undefined
}

function timeOf(entry: Buffer): number {
  const value: unknown = JSON.parse(entry.toString())
  const at = typeof value === 'object' && value !== null && 'at' in value ? value.at : undefined
  return typeof at === 'string' ? Date.parse(at) : 0
}
