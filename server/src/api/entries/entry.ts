import type { Entry } from '@airworthy/sdk'
import { leafHash } from '../../core/audit/entry.ts'
import type { EntryRow } from '../../store/log/entries.ts'

export function presentEntry(row: EntryRow): Omit<Entry, 'logId'> {
  return {
    seq: row.seq,
    hash: leafHash(row.entry).toString('base64url'),
    entry: row.entry.toString(),
  }
}
