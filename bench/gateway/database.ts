// The PostgreSQL under the floor and under Airworthy: one and the same, in databases of their own.

import { Client } from 'pg'
import { percentile, round } from '../figures.ts'

export type BenchDatabase = {
  /** Of the floor's own database. */
  readonly url: string
  readonly version: string
  /** Median of single-row commits, one after the other on one connection, in milliseconds. */
  commitMsP50(samples: number): Promise<number>
  /** Writes out what was dirtied, so that no target pays for the one before it. */
  settle(): Promise<void>
  readonly drop: () => Promise<void>
}

const name = 'airworthy_bench_floor'

export async function createBenchDatabase(serverUrl: string): Promise<BenchDatabase> {
  await withClient(serverUrl, async (client) => {
    await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
    await client.query(`CREATE DATABASE ${name}`)
  })
  const own = new URL(serverUrl)
  own.pathname = `/${name}`
  const client = new Client({ connectionString: own.href })
  // A lost connection is reported by the query that needed it.
  client.on('error', () => undefined)
  await client.connect()
  await client.query('CREATE TABLE commits (id bigint GENERATED ALWAYS AS IDENTITY, body text)')
  return {
    url: own.href,
    version: await textOf(client, 'SHOW server_version'),
    commitMsP50: (samples) => measureCommits(client, samples),
    async settle() {
      const mayCheckpoint = "SELECT pg_has_role('pg_checkpoint', 'MEMBER')::text AS value"
      if ((await textOf(client, mayCheckpoint)) === 'true') await client.query('CHECKPOINT')
    },
    async drop() {
      await client.end()
      await withClient(serverUrl, (other) =>
        other.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
      )
    },
  }
}

async function measureCommits(client: Client, samples: number): Promise<number> {
  const query = { name: 'commit', text: 'INSERT INTO commits (body) VALUES ($1)' }
  const body = '.'.repeat(400)
  const times: number[] = []
  for (let index = 0; index < samples; index += 1) {
    const started = performance.now()
    await client.query({ ...query, values: [body] })
    times.push(performance.now() - started)
  }
  return round(percentile(times, 0.5), 3)
}

async function withClient(url: string, work: (client: Client) => Promise<unknown>): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}

async function textOf(client: Client, sql: string): Promise<string> {
  const result = await client.query<Record<string, string>>(sql)
  const [row] = result.rows
  return row === undefined ? '' : (Object.values(row)[0] ?? '')
}
