// GET /v1/entries
import type { EntryPage } from '@airworthy/sdk'
import { z } from 'zod'
import { readEntries } from '../../store/log/entries.ts'
import { defineOperation } from '../operation.ts'
import { integerText, limit, logId, nextOf } from '../schemas.ts'
import { chooseLog } from './choose-log.ts'
import { presentEntry } from './entry.ts'

const reply: z.ZodType<EntryPage> = z
  .object({
    entries: z.array(
      z
        .object({
          logId: integerText,
          seq: integerText,
          hash: z.string().meta({ description: 'RFC 6962 leaf hash, base64url.' }),
          entry: z.string().meta({ description: "The entry's bytes: canonical JSON." }),
        })
        .meta({ id: 'Entry' }),
    ),
    next: integerText.nullable(),
  })
  .meta({ id: 'EntryPage' })

export const listEntries = defineOperation({
  id: 'list-entries',
  method: 'GET',
  path: '/v1/entries',
  summary: 'Read the log',
  roles: ['operator', 'auditor'],
  query: z.strictObject({
    log: logId.exactOptional().meta({ description: 'A shard. Default: the open one.' }),
    after: z
      .string()
      .regex(/^\d{1,18}$/, { error: 'expected the number of an entry' })
      .exactOptional()
      .meta({ description: 'Continue after this number: `next` of the last page.' }),
    limit,
  }),
  reply,
  errors: ['request.not_found', 'log.shard_deleted'],
  run: async ({ db, organisationId, logAccess }, { query }) => {
    await logAccess('log')
    const log = await chooseLog(db, organisationId, query.log)
    if (log === undefined) return { entries: [], next: null }
    const from = query.after === undefined ? 0n : BigInt(query.after) + 1n
    const rows = await readEntries(db, organisationId, {
      logId: log.logId,
      from,
      limit: query.limit,
    })
    return {
      entries: rows.map((row) => ({ logId: log.logId, ...presentEntry(row) })),
      next: nextOf(
        rows.map((row) => row.seq),
        query.limit,
      ),
    }
  },
})
