// One row for each executed write, in the transaction of the write itself.
import { z } from 'zod'
import { orderSchema, productSchema, userSchema } from './documents.ts'
import type { Row } from './documents.ts'
import type { Shop } from './shop.ts'
import type { World } from './world.ts'

const rowsSchema = z.array(
  z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('user'), id: z.string(), doc: userSchema }),
    z.object({ kind: z.literal('order'), id: z.string(), doc: orderSchema }),
    z.object({ kind: z.literal('product'), id: z.string(), doc: productSchema }),
  ]),
)

const journalRowSchema = z.object({
  id: z.coerce.number(),
  world: z.string(),
  effectKey: z.string().nullable(),
  tool: z.string(),
  arguments: z.record(z.string(), z.unknown()),
  result: z.string(),
  preImages: rowsSchema,
  postImages: rowsSchema,
  executedAt: z.date(),
  undoneAt: z.date().nullable(),
})

export type JournalRow = z.infer<typeof journalRowSchema>

const COLUMNS = `id, world, effect_key as "effectKey", tool, arguments, result,
  pre_images as "preImages", post_images as "postImages",
  executed_at as "executedAt", undone_at as "undoneAt"`

export async function appendJournal(
  world: World,
  entry: {
    effectKey: string | undefined
    tool: string
    arguments: object
    result: string
    preImages: Row[]
    postImages: Row[]
  },
): Promise<void> {
  await world.db.query(
    `insert into retail.journal
       (world, effect_key, tool, arguments, result, pre_images, post_images)
     values ($1, $2, $3, $4, $5, $6, $7)`,
    [
      world.world,
      entry.effectKey ?? null,
      entry.tool,
      JSON.stringify(entry.arguments),
      entry.result,
      JSON.stringify(entry.preImages),
      JSON.stringify(entry.postImages),
    ],
  )
}

// The shop does not deduplicate, so a key may have several executions. The newest one that still
// stands speaks for the key; only when all are undone is the key undone.
export async function findEffect(world: World, effectKey: string): Promise<JournalRow | undefined> {
  const { rows } = await world.db.query(
    `select ${COLUMNS} from retail.journal where world = $1 and effect_key = $2
     order by undone_at is null desc, id desc limit 1`,
    [world.world, effectKey],
  )
  return rows[0] === undefined ? undefined : journalRowSchema.parse(rows[0])
}

export async function markUndone(world: World, id: number): Promise<void> {
  await world.db.query(
    'update retail.journal set undone_at = clock_timestamp() where id = $1 and undone_at is null',
    [id],
  )
}

// In order of execution; no filter means the whole journal.
export async function journalRows(
  shop: Shop,
  filter: { world?: string; worldPrefix?: string; effectKey?: string },
): Promise<JournalRow[]> {
  const { rows } = await shop.pool.query(
    `select ${COLUMNS} from retail.journal
     where ($1::text is null or world = $1)
       and ($2::text is null or starts_with(world, $2))
       and ($3::text is null or effect_key = $3)
     order by id`,
    [filter.world ?? null, filter.worldPrefix ?? null, filter.effectKey ?? null],
  )
  return z.array(journalRowSchema).parse(rows)
}
