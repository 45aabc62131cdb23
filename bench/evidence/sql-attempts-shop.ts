// The database that the evidence `sql-attempts` attacks, and everything in it that must not change.

import { randomBytes } from 'node:crypto'
import { Client as Database } from 'pg'

/** It stands in every row and text that the agent may not read, and nowhere else. */
export const marker = 'MARK-4711-HIDDEN'
const databaseName = 'shop_under_attack'
const agentRole = 'shop_agent'

export function shopDatabase(url: string): string {
  const changed = new URL(url)
  changed.pathname = `/${databaseName}`
  return changed.href
}

const shop = `
  CREATE SCHEMA shop;
  CREATE SCHEMA private;
  CREATE TABLE shop.orders (id bigint PRIMARY KEY, customer text, region text, total numeric);
  INSERT INTO shop.orders
    SELECT g, 'north-' || g, 'north', g * 2 FROM generate_series(1, 200) g;
  INSERT INTO shop.orders VALUES (1000, '${marker}', 'south', 2);
  ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY;
  CREATE POLICY north ON shop.orders FOR SELECT TO ${agentRole} USING (region = 'north');
  CREATE VIEW shop.own_orders WITH (security_barrier) AS
    SELECT id, customer, total FROM shop.orders WHERE region = 'north';
  CREATE VIEW shop.every_order AS SELECT * FROM shop.orders;
  CREATE TABLE shop.payments (id bigint, card text);
  INSERT INTO shop.payments VALUES (1, '${marker}');
  CREATE TABLE private.secrets (secret text);
  INSERT INTO private.secrets VALUES ('${marker}');
  COMMENT ON TABLE shop.payments IS '${marker}';
  CREATE SEQUENCE shop.counter;
  CREATE FUNCTION shop.leak() RETURNS text SECURITY DEFINER LANGUAGE sql
    AS 'SELECT card FROM shop.payments LIMIT 1';
  CREATE FUNCTION shop.touch() RETURNS void SECURITY DEFINER LANGUAGE sql
    AS 'DELETE FROM shop.orders';
  CREATE PROCEDURE shop.touch_all() SECURITY DEFINER LANGUAGE sql AS 'DELETE FROM shop.orders';
  REVOKE EXECUTE ON FUNCTION shop.leak(), shop.touch() FROM PUBLIC;
  REVOKE EXECUTE ON PROCEDURE shop.touch_all() FROM PUBLIC;
  SELECT lo_from_bytea(1, '${marker}');
  GRANT USAGE ON SCHEMA shop TO ${agentRole};
  GRANT SELECT ON shop.orders, shop.own_orders TO ${agentRole};`

/** Makes the database and the role of the query; answers the URL of the role. */
export async function makeShop(admin: string): Promise<string> {
  const password = randomBytes(18).toString('base64url')
  await onServer(admin, async (client) => {
    await client.query(`CREATE DATABASE ${databaseName}`)
    await client.query(`CREATE ROLE ${agentRole} LOGIN PASSWORD '${password}'`)
    await client.query(`ALTER ROLE ${agentRole} SET temp_file_limit = '32MB'`)
  })
  await onServer(shopDatabase(admin), (client) => client.query(shop))
  const url = new URL(shopDatabase(admin))
  url.username = agentRole
  url.password = password
  return url.href
}

/** Every part of the database's state as one text. The watcher's own connection is not counted. */
export async function readState(client: Database): Promise<Readonly<Record<string, string>>> {
  const state: Record<string, string> = {}
  for (const [part, sql] of Object.entries(parts)) {
    const { rows } = await client.query<{ state: string | null }>(sql)
    state[part] = rows[0]?.state ?? ''
  }
  return state
}

const digest = (row: string, from: string): string =>
  `SELECT md5(string_agg(${row}, E'\\n' ORDER BY ${row})) || ' ' || count(*) AS state FROM ${from}`

const parts: Readonly<Record<string, string>> = {
  orders: digest('t::text', 'shop.orders t'),
  payments: digest('t::text', 'shop.payments t'),
  secrets: digest('t::text', 'private.secrets t'),
  sequence: `SELECT last_value || ' ' || is_called AS state FROM shop.counter`,
  relations: digest(
    `oid || ' ' || relname || ' ' || relowner || coalesce(relacl::text, '')`,
    'pg_class',
  ),
  columns: digest(`attrelid || ' ' || attname || coalesce(attacl::text, '')`, 'pg_attribute'),
  functions: digest(`oid || ' ' || proname || coalesce(proacl::text, '')`, 'pg_proc'),
  schemas: digest(`oid || ' ' || nspname || coalesce(nspacl::text, '')`, 'pg_namespace'),
  policies: digest('t::text', 'pg_policy t'),
  comments: digest('t::text', 'pg_description t'),
  triggers: digest('t::text', 'pg_trigger t'),
  extensions: digest('t::text', 'pg_extension t'),
  roles: digest('t::text', 'pg_authid t'),
  memberships: digest('t::text', 'pg_auth_members t'),
  roleSettings: digest('t::text', 'pg_db_role_setting t'),
  settings: digest(`name || '=' || setting`, `pg_settings WHERE context <> 'internal'`),
  fileSettings: digest(`name || '=' || coalesce(setting, '')`, 'pg_file_settings'),
  largeObjects: digest('t::text', 'pg_largeobject t'),
  prepared: digest('gid', 'pg_prepared_xacts'),
  advisoryLocks: `SELECT count(*)::text AS state FROM pg_locks l
    JOIN pg_database d ON d.oid = l.database
    WHERE d.datname = current_database() AND l.locktype = 'advisory'`,
  sessions: `SELECT count(*)::text AS state FROM pg_stat_activity WHERE usename = '${agentRole}'`,
}

async function onServer(url: string, work: (client: Database) => Promise<unknown>): Promise<void> {
  const client = new Database({ connectionString: url })
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}
