// A world is a private copy of a seeding: it reads its own rows first and the seeding's otherwise.
import type { Pool, PoolClient } from 'pg'
import { hashDocument } from './canonical.ts'
import { orderSchema, productSchema, userSchema } from './documents.ts'
import type { Order, Product, Row, RowKind, User } from './documents.ts'
import type { Shop } from './shop.ts'

export type World = { db: Pool | PoolClient; world: string; seeding: string }

const WORLD_ID_CHARS_MAX = 200

// Creating an existing world is allowed and changes nothing; another seeding for it is not.
export async function createWorld(shop: Shop, worldId: string, seedName: string): Promise<void> {
  if (worldId.length === 0 || worldId.length > WORLD_ID_CHARS_MAX)
    throw new Error(`a world id has 1 to ${WORLD_ID_CHARS_MAX} characters`)
  await shop.pool.query(
    'insert into retail.world (world, seeding) values ($1, $2) on conflict (world) do nothing',
    [worldId, seedName],
  )
  const { seeding } = await openWorld(shop.pool, worldId)
  if (seeding !== seedName)
    throw new Error(`world ${worldId} already exists with the seeding ${seeding}`)
}

export async function openWorld(db: Pool | PoolClient, world: string): Promise<World> {
  return findWorld(db, world, 'select seeding from retail.world where world = $1')
}

// Writes of one world take turns: the check, the change and the journal row see the same state.
export async function lockWorld(client: PoolClient, world: string): Promise<World> {
  return findWorld(client, world, 'select seeding from retail.world where world = $1 for update')
}

async function findWorld(db: Pool | PoolClient, world: string, query: string): Promise<World> {
  const { rows } = await db.query<{ seeding: string }>(query, [world])
  const [row] = rows
  if (row === undefined) throw new Error(`there is no world ${world}`)
  return { db, world, seeding: row.seeding }
}

export async function readUser(world: World, id: string): Promise<User | undefined> {
  const doc = await readDocument(world, 'user', id)
  return doc === undefined ? undefined : userSchema.parse(doc)
}

export async function readOrder(world: World, id: string): Promise<Order | undefined> {
  const doc = await readDocument(world, 'order', id)
  return doc === undefined ? undefined : orderSchema.parse(doc)
}

export async function readProduct(world: World, id: string): Promise<Product | undefined> {
  const doc = await readDocument(world, 'product', id)
  return doc === undefined ? undefined : productSchema.parse(doc)
}

export async function readRow(world: World, row: Row): Promise<Row> {
  const doc =
    row.kind === 'user'
      ? await readUser(world, row.id)
      : row.kind === 'order'
        ? await readOrder(world, row.id)
        : await readProduct(world, row.id)
  if (doc === undefined) throw new Error(`world ${world.world} has no ${row.kind} ${row.id}`)
  return { kind: row.kind, id: row.id, doc }
}

// Tools change rows and never add any, so the base row is always there to be joined to.
async function readDocument(world: World, kind: RowKind, id: string): Promise<unknown> {
  const { rows } = await world.db.query<{ doc: unknown }>(
    `select coalesce(overlay.doc, base.doc) as doc
     from retail.base_row base
     left join retail.overlay_row overlay
       on overlay.world = $2 and overlay.kind = base.kind and overlay.id = base.id
     where base.seeding = $1 and base.kind = $3 and base.id = $4`,
    [world.seeding, world.world, kind, id],
  )
  return rows[0]?.doc
}

export async function listProducts(world: World): Promise<{ id: string; name: string }[]> {
  const { rows } = await world.db.query<{ id: string; name: string }>(
    `select id, doc ->> 'name' as name from retail.base_row
     where seeding = $1 and kind = 'product' order by doc ->> 'name' collate "C", id`,
    [world.seeding],
  )
  return rows
}

// No tool changes a user's email or name, so these two look only at the seeding.
// A zip code is part of the address, which tools do change: that one is compared in the world.
export async function findUserIdByEmail(world: World, email: string): Promise<string | undefined> {
  const { rows } = await world.db.query<{ id: string }>(
    `select id from retail.base_row
     where seeding = $1 and kind = 'user' and lower(doc ->> 'email') = lower($2)
     order by id limit 1`,
    [world.seeding, email],
  )
  return rows[0]?.id
}

export async function findUserIdByName(
  world: World,
  person: { firstName: string; lastName: string; zip: string },
): Promise<string | undefined> {
  const { rows } = await world.db.query<{ id: string }>(
    `select base.id from retail.base_row base
     left join retail.overlay_row overlay
       on overlay.world = $2 and overlay.kind = base.kind and overlay.id = base.id
     where base.seeding = $1 and base.kind = 'user'
       and lower(base.doc -> 'name' ->> 'first_name') = lower($3)
       and lower(base.doc -> 'name' ->> 'last_name') = lower($4)
       and coalesce(overlay.doc, base.doc) -> 'address' ->> 'zip' = $5
     order by base.id limit 1`,
    [world.seeding, world.world, person.firstName, person.lastName, person.zip],
  )
  return rows[0]?.id
}

export async function writeRows(world: World, rows: Row[]): Promise<void> {
  for (const row of rows) {
    await world.db.query(
      `insert into retail.overlay_row (world, kind, id, doc, hash) values ($1, $2, $3, $4, $5)
       on conflict (world, kind, id) do update set doc = excluded.doc, hash = excluded.hash`,
      [world.world, row.kind, row.id, JSON.stringify(row.doc), hashDocument(row.doc)],
    )
  }
}

// The overlay rows and the journal of a world go with it.
export async function dropWorlds(shop: Shop, options: { prefix: string }): Promise<number> {
  const { rowCount } = await shop.pool.query(
    'delete from retail.world where starts_with(world, $1)',
    [options.prefix],
  )
  return rowCount ?? 0
}

export async function worldDigest(shop: Shop, worldId: string): Promise<string> {
  return digestOf(await openWorld(shop.pool, worldId))
}

// Sha256 over the hash of every user, order and product as this world sees it, in order of id.
export async function digestOf(world: World): Promise<string> {
  const { rows } = await world.db.query<{ digest: string }>(
    `select encode(sha256(string_agg(
       convert_to(base.kind || ':' || base.id || '=', 'UTF8') || coalesce(overlay.hash, base.hash),
       ''::bytea order by base.kind collate "C", base.id collate "C")), 'hex') as digest
     from retail.base_row base
     left join retail.overlay_row overlay
       on overlay.world = $2 and overlay.kind = base.kind and overlay.id = base.id
     where base.seeding = $1`,
    [world.seeding, world.world],
  )
  const [row] = rows
  if (row === undefined) throw new Error(`the seeding ${world.seeding} is empty`)
  return row.digest
}
