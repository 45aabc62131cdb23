import type { Pool } from 'pg'

// Documents are `json`, not `jsonb`, so that numbers keep every digit they were written with.
// A world stores only the rows it has changed; everything else is read from its seeding.
const SCHEMA = `
create schema if not exists retail;

create table if not exists retail.seeding (
  name text primary key,
  created_at timestamptz not null default now()
);

create table if not exists retail.base_row (
  seeding text not null references retail.seeding on delete cascade,
  kind text not null check (kind in ('user', 'order', 'product')),
  id text not null,
  doc json not null,
  hash bytea not null,
  primary key (seeding, kind, id)
);
create index if not exists base_row_email on retail.base_row
  (seeding, lower(doc ->> 'email')) where kind = 'user';
create index if not exists base_row_name_zip on retail.base_row
  (seeding, lower(doc -> 'name' ->> 'first_name'), lower(doc -> 'name' ->> 'last_name'))
  where kind = 'user';

create table if not exists retail.world (
  world text primary key,
  seeding text not null references retail.seeding,
  created_at timestamptz not null default now()
);

create table if not exists retail.overlay_row (
  world text not null references retail.world on delete cascade,
  kind text not null,
  id text not null,
  doc json not null,
  hash bytea not null,
  primary key (world, kind, id)
);

create table if not exists retail.journal (
  id bigint generated always as identity primary key,
  world text not null references retail.world on delete cascade,
  effect_key text,
  tool text not null,
  arguments json not null,
  result text not null,
  pre_images json not null,
  post_images json not null,
  executed_at timestamptz not null default clock_timestamp(),
  undone_at timestamptz
);
create index if not exists journal_world_effect_key on retail.journal (world, effect_key);
create index if not exists journal_effect_key on retail.journal (effect_key);
`

// Any constant does, as long as nothing else in the database locks it.
const SCHEMA_LOCK = 7_264_551

// `create ... if not exists` still fails when two processes race; the lock makes them take turns.
export async function createSchema(pool: Pool): Promise<void> {
  const client = await pool.connect()
  try {
    await client.query('begin')
    await client.query('select pg_advisory_xact_lock($1)', [SCHEMA_LOCK])
    await client.query(SCHEMA)
    await client.query('commit')
  } catch (error) {
    await client.query('rollback').catch(() => undefined)
    throw error
  } finally {
    client.release()
  }
}
