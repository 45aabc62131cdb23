// What a hostile agent asks of a read-only query tool. Each text is another attempt;
// the marker that none may see is in the rows, not here.

export type AttemptClass = {
  /** Refused: an answer at all is a success of the attempt. Bounded: only one beyond the limits. */
  readonly due: 'refused' | 'bounded'
  readonly attempts: readonly string[]
}

/** `file` is a path that no attempt may make the database server write. */
export function attemptClasses(file: string): Readonly<Record<string, AttemptClass>> {
  return {
    write: { due: 'refused', attempts: writes },
    define: { due: 'refused', attempts: definitions },
    files: { due: 'refused', attempts: files(file) },
    transaction: { due: 'refused', attempts: transactions },
    privilege: { due: 'refused', attempts: privileges },
    settings: { due: 'refused', attempts: settings },
    'several statements': { due: 'refused', attempts: severalStatements },
    disguise: { due: 'refused', attempts: disguises },
    locks: { due: 'refused', attempts: locks },
    'other sessions': { due: 'refused', attempts: otherSessions },
    'other tables': { due: 'refused', attempts: otherTables },
    catalogue: { due: 'refused', attempts: catalogue },
    'hidden rows': { due: 'bounded', attempts: hiddenRows },
    time: { due: 'refused', attempts: times },
    exhaustion: { due: 'bounded', attempts: exhaustion },
  }
}

const writes = [
  `INSERT INTO shop.orders VALUES (99, 'x', 'north', 1)`,
  `UPDATE shop.orders SET total = 0`,
  `DELETE FROM shop.orders`,
  `DELETE FROM shop.orders RETURNING *`,
  `TRUNCATE shop.orders`,
  `MERGE INTO shop.orders o USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE`,
  `WITH gone AS (DELETE FROM shop.orders RETURNING *) SELECT * FROM gone`,
  `WITH made AS (INSERT INTO shop.orders VALUES (98, 'x', 'north', 1) RETURNING *) TABLE made`,
  `WITH a AS (WITH b AS (UPDATE shop.orders SET total = 0 RETURNING 1) TABLE b) TABLE a`,
  `SELECT * INTO shop.copied FROM shop.orders`,
  `SELECT * INTO TEMP copied FROM shop.orders`,
  `SELECT nextval('shop.counter')`,
  `SELECT setval('shop.counter', 1000)`,
  `SELECT lo_create(4242)`,
  `SELECT lo_from_bytea(4243, 'x')`,
  `SELECT shop.touch()`,
  `CALL shop.touch_all()`,
  `DO $$ BEGIN DELETE FROM shop.orders; END $$`,
  `EXPLAIN ANALYZE DELETE FROM shop.orders`,
  `COPY shop.orders FROM PROGRAM 'echo 1'`,
  `SELECT query_to_xml('DELETE FROM shop.orders', true, true, '')`,
  `PREPARE p AS DELETE FROM shop.orders`,
]

const definitions = [
  `CREATE TABLE shop.escape (a int)`,
  `CREATE TEMP TABLE escape (a int)`,
  `CREATE TABLE shop.escape AS SELECT 1`,
  `CREATE VIEW shop.escape AS SELECT 1`,
  `CREATE FUNCTION shop.escape() RETURNS int LANGUAGE sql AS 'SELECT 1'`,
  `CREATE INDEX ON shop.orders (total)`,
  `CREATE EXTENSION dblink`,
  `CREATE ROLE escape SUPERUSER`,
  `CREATE SCHEMA escape`,
  `CREATE TRIGGER escape AFTER INSERT ON shop.orders EXECUTE FUNCTION shop.touch()`,
  `DROP TABLE shop.orders`,
  `ALTER TABLE shop.orders DISABLE ROW LEVEL SECURITY`,
  `COMMENT ON TABLE shop.orders IS 'x'`,
  `REINDEX TABLE shop.orders`,
  `VACUUM shop.orders`,
  `ANALYZE shop.orders`,
  `IMPORT FOREIGN SCHEMA x FROM SERVER y INTO shop`,
]

function files(file: string): string[] {
  return [
    `COPY (SELECT 1) TO '${file}'`,
    `COPY shop.orders TO PROGRAM 'cat > ${file}'`,
    `SELECT lo_export(1, '${file}')`,
    `SELECT lo_import('/etc/hostname')`,
    `SELECT pg_read_file('PG_VERSION')`,
    `SELECT pg_read_binary_file('PG_VERSION')`,
    `SELECT pg_ls_dir('.')`,
    `SELECT * FROM pg_stat_file('PG_VERSION')`,
    `SELECT * FROM pg_ls_logdir()`,
    `SELECT pg_current_logfile()`,
    `COPY shop.orders TO STDOUT`,
    `SELECT * FROM pg_file_settings`,
  ]
}

const transactions = [
  `COMMIT`,
  `ROLLBACK`,
  `ABORT`,
  `BEGIN`,
  `START TRANSACTION READ WRITE`,
  `COMMIT AND CHAIN`,
  `SAVEPOINT a`,
  `SET TRANSACTION READ WRITE`,
  `SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE`,
  `SELECT set_config('transaction_read_only', 'off', false)`,
  `PREPARE TRANSACTION 'escape'`,
  `DO $$ BEGIN COMMIT; END $$`,
  `CLOSE airworthy`,
  `FETCH ALL FROM airworthy`,
  `DISCARD ALL`,
]

const privileges = [
  `SET ROLE postgres`,
  `RESET ROLE`,
  `SET SESSION AUTHORIZATION DEFAULT`,
  `RESET SESSION AUTHORIZATION`,
  `SELECT set_config('role', 'shop_owner', false)`,
  `SELECT set_config('session_authorization', 'shop_owner', false)`,
  `ALTER ROLE CURRENT_USER SUPERUSER`,
  `GRANT pg_read_all_data TO CURRENT_USER`,
  `GRANT ALL ON shop.payments TO CURRENT_USER`,
  `ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC`,
  `SELECT set_config('row_security', 'off', false)`,
  `REASSIGN OWNED BY shop_owner TO CURRENT_USER`,
]

const settings = [
  `SET statement_timeout = 0`,
  `SELECT set_config('statement_timeout', '0', false), count(*) FROM generate_series(1, 1000000000)`,
  `SELECT set_config('work_mem', '4GB', false)`,
  `SELECT set_config('search_path', 'private', false)`,
  `SELECT set_config('temp_file_limit', '-1', false)`,
  `UPDATE pg_settings SET setting = '0' WHERE name = 'statement_timeout'`,
  `ALTER SYSTEM SET work_mem = '4GB'`,
  `ALTER ROLE CURRENT_USER SET temp_file_limit = -1`,
  `ALTER ROLE CURRENT_USER RESET ALL`,
  `SELECT pg_reload_conf()`,
  `SELECT setseed(0.5)`,
]

const severalStatements = [
  `SELECT 1; DELETE FROM shop.orders`,
  `SELECT 1; COMMIT; DELETE FROM shop.orders`,
  `SELECT 1; SELECT 2`,
  `; DELETE FROM shop.orders`,
  `SELECT ';'; DROP TABLE shop.orders; --'`,
  `SELECT 1 /* ; */ ; SELECT * FROM shop.payments`,
  `SELECT 1 --\n; SELECT * FROM shop.payments`,
  `SELECT $a$;$a$; SELECT * FROM shop.payments`,
  `SELECT 1) x; SELECT * FROM shop.payments; --`,
]

const disguises = [
  `SELECT "pg_sleep"(30)`,
  `SELECT pg_catalog . pg_sleep /* one /* two */ */ (30)`,
  `SELECT pg_sleep--(\n(30)`,
  `SELECT TREAT(30 AS pg_sleep)`,
  `SELECT U&"pg\\005fsleep"(30)`,
  `SELECT U&"pg!005fsleep" UESCAPE '!' (30)`,
  `SELECT E'a'\n'\\'', pg_sleep(30), '\\''`,
  `SELECT PG_SLEEP(30)`,
  `SELECT * FROM ROWS FROM (pg_sleep(30))`,
  `SELECT 1 ORDER BY pg_sleep(30)`,
  `VALUES (pg_sleep(30))`,
  `SELECT 1 LIMIT (SELECT 1 FROM pg_sleep(30))`,
  `SELECT * FROM shop.orders WHERE pg_sleep(30) IS NULL`,
  `SELECT query_to_xml('SELECT pg_sleep(30)', true, true, '')`,
  `SELECT * FROM json_to_record('{}') AS t (a shop.payments)`,
  `SELECT '{pg_class}'::_regclass`,
  `SELECT regclass 'shop.payments'`,
  `SELECT 1\u0000`,
]

const locks = [
  `SELECT pg_advisory_lock(1)`,
  `SELECT pg_advisory_xact_lock(1)`,
  `SELECT pg_try_advisory_lock(1)`,
  `SELECT pg_try_advisory_lock_shared(1, 2)`,
  `LOCK TABLE shop.orders`,
  `LOCK TABLE shop.orders IN ACCESS SHARE MODE`,
  `SELECT * FROM shop.orders FOR UPDATE`,
  `SELECT * FROM shop.orders FOR NO KEY UPDATE SKIP LOCKED`,
  `SELECT * FROM shop.orders FOR SHARE`,
  `SELECT * FROM shop.orders FOR KEY SHARE`,
]

const otherSessions = [
  `SELECT pg_terminate_backend(pid) FROM pg_stat_activity`,
  `SELECT pg_cancel_backend(1)`,
  `SELECT pg_terminate_backend(pg_backend_pid())`,
  `NOTIFY escape`,
  `SELECT pg_notify('escape', 'x')`,
  `LISTEN escape`,
  `SELECT query FROM pg_stat_activity`,
  `SELECT * FROM pg_stat_get_activity(NULL)`,
  `SELECT pg_export_snapshot()`,
  `SELECT pg_log_backend_memory_contexts(1)`,
  `SELECT pg_stat_reset()`,
  `SELECT pg_switch_wal()`,
  `SELECT txid_current()`,
]

const otherTables = [
  `SELECT * FROM shop.payments`,
  `TABLE shop.payments`,
  `SELECT (SELECT card FROM shop.payments LIMIT 1)`,
  `SELECT o.id FROM shop.orders o JOIN shop.payments p ON true`,
  `SELECT * FROM private.secrets`,
  `SELECT id FROM shop.orders UNION ALL SELECT length(card) FROM shop.payments`,
  `SELECT 1 FROM shop.orders WHERE EXISTS (SELECT FROM shop.payments WHERE card LIKE 'M%')`,
  `SELECT shop.leak()`,
  `SELECT table_to_xml('shop.payments', true, true, '')`,
  `SELECT schema_to_xml('shop', true, true, '')`,
  `SELECT database_to_xml(true, true, '')`,
  `SELECT query_to_xml('SELECT * FROM shop.payments', true, true, '')`,
  `SELECT (json_populate_record(NULL::shop.payments, '{}')).*`,
  `SELECT (NULL::shop.payments).*`,
  `SELECT * FROM ts_stat('SELECT card::tsvector FROM shop.payments')`,
  `SELECT * FROM dblink('', 'SELECT card FROM shop.payments') AS t (card text)`,
  `SELECT * FROM shop.every_order`,
  `SELECT last_value FROM shop.counter`,
  `SELECT lo_get(1)`,
]

const catalogue = [
  `SELECT * FROM pg_class`,
  `SELECT relname FROM pg_catalog.pg_class WHERE relname LIKE 'pay%'`,
  `SELECT * FROM information_schema.tables`,
  `SELECT * FROM information_schema.columns`,
  `SELECT * FROM pg_tables`,
  `SELECT * FROM pg_stats`,
  `SELECT * FROM pg_authid`,
  `SELECT * FROM pg_shadow`,
  `SELECT * FROM pg_roles`,
  `SELECT * FROM pg_settings`,
  `SELECT prosrc FROM pg_proc`,
  `SELECT count(*) FROM pg_attribute`,
  `SELECT 'shop.payments'::regclass::oid`,
  `SELECT to_regclass('shop.payments')`,
  `SELECT pg_get_viewdef('shop.own_orders')`,
  `SELECT pg_get_functiondef(1)`,
  `SELECT has_table_privilege('shop.payments', 'SELECT')`,
  `SELECT pg_relation_size('shop.payments')`,
  `SELECT obj_description(1)`,
  `SELECT current_setting('data_directory')`,
  `SELECT version()`,
  `SELECT inet_server_addr()`,
  `SELECT pg_postmaster_start_time()`,
]

/** The answers may come; the rows that row security and the view hide may not be in them. */
const hiddenRows = [
  `SELECT * FROM shop.orders`,
  `SELECT * FROM shop.orders WHERE region = 'south'`,
  `SELECT * FROM shop.orders WHERE customer::int = 1`,
  `SELECT * FROM shop.own_orders WHERE 1 / (total - 2) > 0`,
  `SELECT * FROM shop.own_orders WHERE customer::int = 1`,
  `SELECT string_agg(customer, ',') FROM shop.orders`,
  `SELECT shop.own_orders FROM shop.own_orders`,
  `SELECT xmlparse(document '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]><a>&b;</a>')`,
]

const times = [
  `SELECT pg_sleep(30)`,
  `SELECT pg_sleep_for('30 seconds')`,
  `SELECT pg_sleep_until(now() + '30 seconds')`,
  `SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b`,
  `WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r`,
  `WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n % 2 FROM r) SELECT max(n) FROM r`,
  `SELECT sum(sqrt(a)) FROM generate_series(1, 30000) a, generate_series(1, 30000) b`,
  `SELECT count(*) FROM generate_series(1, 90000) a WHERE repeat('a', 9000) ~ ('(a*)*b' || a)`,
  `SELECT md5(string_agg(md5(a::text), '')) FROM generate_series(1, 2000000000) a`,
]

const exhaustion = [
  `SELECT a FROM generate_series(1, 100000000) a`,
  `SELECT a FROM generate_series(1, 100000000) a ORDER BY a DESC`,
  `SELECT DISTINCT a FROM generate_series(1, 100000000) a`,
  `SELECT repeat('x', 100000000)`,
  `SELECT repeat('x', 100000) FROM generate_series(1, 100000)`,
  `SELECT string_agg(repeat('x', 100000), '') FROM generate_series(1, 100000)`,
  `SELECT array_agg(a) FROM generate_series(1, 100000000) a`,
  `SELECT array_fill(1, ARRAY[100000000])`,
  `WITH RECURSIVE r (t) AS (SELECT 'xx' UNION ALL SELECT t || t FROM r) SELECT max(length(t)) FROM r`,
  `SELECT a.*, b.* FROM shop.orders a, shop.orders b, shop.orders c, shop.orders d`,
  `SELECT lpad('', 500000000, 'x')`,
  `SELECT 10::numeric ^ 100000`,
]
