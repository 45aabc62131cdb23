// A seeding is the unchanging state that worlds start from.
import { hashDocument } from './canonical.ts'
import { orderRow, userRow } from './documents.ts'
import type { Product, Row, ShopData } from './documents.ts'
import { inTransaction } from './shop.ts'
import type { Shop } from './shop.ts'

// Returns whether it wrote: a seeding that exists is kept as it is, because worlds stand on it.
export async function writeSeeding(
  shop: Shop,
  seeding: { name: string; load: () => Promise<ShopData> },
): Promise<boolean> {
  return inTransaction(shop, async (client) => {
    // A second process waits here for the first to commit, then finds the name taken.
    const { rowCount } = await client.query(
      'insert into retail.seeding (name) values ($1) on conflict (name) do nothing',
      [seeding.name],
    )
    if (rowCount === 0) return false
    const rows = toRows(await seeding.load())
    await client.query(
      `insert into retail.base_row (seeding, kind, id, doc, hash)
       select $1, kind, id, doc::json, decode(hash, 'hex')
       from unnest($2::text[], $3::text[], $4::text[], $5::text[]) as row (kind, id, doc, hash)`,
      [
        seeding.name,
        rows.map((row) => row.kind),
        rows.map((row) => row.id),
        rows.map((row) => JSON.stringify(row.doc)),
        rows.map((row) => hashDocument(row.doc).toString('hex')),
      ],
    )
    return true
  })
}

function toRows(data: ShopData): Row[] {
  return [
    ...Object.values(data.products).map(productRow),
    ...Object.values(data.users).map(userRow),
    ...Object.values(data.orders).map(orderRow),
  ]
}

function productRow(product: Product): Row {
  return { kind: 'product', id: product.product_id, doc: product }
}
