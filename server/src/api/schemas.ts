// Pieces that the schemas of several operations are made of.
import { z } from 'zod'

export const pageLimitDefault = 100
export const pageLimitMax = 1_000

export const id = z.uuid({ error: 'expected a UUID' })
export const time = z.iso.datetime().meta({ description: "The database's clock." })
/** An integer as text: it may pass 2^53. */
export const integerText = z.string().regex(/^-?\d+$/)

/** The id of a shard of the log. */
export const logId = z.string().regex(/^\d{1,18}$/, { error: 'expected the id of a log' })

/** Text of a person. PostgreSQL cannot hold U+0000, so it is refused here. */
export function text(options: { readonly min?: number; readonly max: number }) {
  return z
    .string()
    .min(options.min ?? 0)
    .max(options.max)
    .refine((value) => !value.includes('\u0000'), { error: 'must not hold U+0000' })
}

/** What names an agent in a path or a query. */
export const agentIdOrName = text({ min: 1, max: 64 }).meta({
  description: "An agent's id or name.",
})

export const limit = z.coerce
  .number<string>()
  .int()
  .min(1)
  .max(pageLimitMax)
  .default(pageLimitDefault)

export const page = {
  after: id
    .exactOptional()
    .meta({ description: 'Continue after this id: `next` of the last page.' }),
  limit,
}

export const idParams = z.strictObject({ id })

export const amount = z.object({ minorUnits: integerText, currency: z.string() })

/** The last id of a full page; null when the list ends here. */
export function nextOf(ids: readonly string[], pageLimit: number): string | null {
  return ids.length < pageLimit ? null : (ids.at(-1) ?? null)
}
