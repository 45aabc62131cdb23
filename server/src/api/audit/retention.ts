// Retention as the wire shows it.
import type { Retention } from '@airworthy/sdk'
import { z } from 'zod'
import { readRetention, retentionClasses } from '../../store/retention.ts'
import type { Context } from '../operation.ts'
import { time } from '../schemas.ts'

export const retentionClassSchema = z.enum(retentionClasses)

export const retentionSchema: z.ZodType<Retention> = z
  .object({
    classes: z.array(
      z.object({
        class: retentionClassSchema,
        days: z.int(),
        setAt: time.nullable().meta({ description: 'Null: the default, 7 years.' }),
      }),
    ),
  })
  .meta({ id: 'Retention' })

export async function presentRetention(context: Context): Promise<Retention> {
  const rows = await readRetention(context.db, context.organisationId)
  return {
    classes: rows.map((row) => ({
      class: row.class,
      days: row.days,
      setAt: row.setAt?.toISOString() ?? null,
    })),
  }
}
