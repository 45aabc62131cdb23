// The deletion of a shard of the log as the wire shows it.
import type { ShardDeletion } from '@airworthy/sdk'
import { z } from 'zod'
import type { ShardDeletionRow } from '../../store/log/shard-deletions.ts'
import { id, integerText, time } from '../schemas.ts'

const entryPlace = z.string().meta({ description: '`<log id>:<seq>` of an entry.' })

export const shardDeletionSchema = z
  .object({
    logId: integerText,
    state: z.enum(['announced', 'deleting', 'done']),
    size: integerText,
    root: z.string().meta({ description: 'Of its final checkpoint, base64.' }),
    checkpointHash: z.string().meta({
      description: "SHA-256 of its final checkpoint with the log's own signature alone, base64url.",
    }),
    operatorId: id,
    reason: z.string(),
    announcedEntry: entryPlace,
    doneEntry: entryPlace.nullable(),
    announcedAt: time,
    doneAt: time.nullable(),
    objects: integerText.meta({ description: 'Files of the published log that are gone.' }),
    stoppedBy: z.string().nullable().meta({ description: 'Why it waits; null: it goes on.' }),
  })
  .meta({ id: 'ShardDeletion' }) satisfies z.ZodType<ShardDeletion>

export function presentShardDeletion(row: ShardDeletionRow): ShardDeletion {
  const { doneLogId, doneSeq } = row
  return {
    logId: row.logId,
    state: row.state,
    size: row.size,
    root: row.root.toString('base64'),
    checkpointHash: row.checkpointHash.toString('base64url'),
    operatorId: row.operatorId,
    reason: row.reason,
    announcedEntry: `${row.announcedLogId}:${row.announcedSeq}`,
    doneEntry: doneLogId === null || doneSeq === null ? null : `${doneLogId}:${doneSeq}`,
    announcedAt: row.announcedAt.toISOString(),
    doneAt: row.doneAt?.toISOString() ?? null,
    objects: row.objects,
    stoppedBy: row.stoppedBy,
  }
}
