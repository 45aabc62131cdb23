// A database whose clock a test can move.
import type { Client } from 'pg'

/** Whoever connects from now on reads this clock instead of PostgreSQL's own. */
export async function replaceClock(database: Client): Promise<void> {
  await database.query(`
    CREATE SCHEMA test_clock;
    CREATE TABLE test_clock.shift (by interval NOT NULL);
    INSERT INTO test_clock.shift VALUES ('0');
    CREATE FUNCTION test_clock.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
      AS 'SELECT pg_catalog.clock_timestamp() + by FROM test_clock.shift';
    DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = test_clock, pg_catalog, public',
      current_database()); END $$;
    SET search_path = test_clock, pg_catalog, public`)
}

/** From now on the clock shows this time, and goes on from there. */
export async function setClock(database: Client, at: string): Promise<void> {
  await database.query(
    `UPDATE test_clock.shift SET by = $1::timestamptz - pg_catalog.clock_timestamp()`,
    [at],
  )
}
