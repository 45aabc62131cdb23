// A database of its own for one test file, on the server that AIRWORTHY_TEST_DATABASE_URL names.
import { randomUUID } from 'node:crypto'
import { Client } from 'pg'

const SERVER_URL = process.env.AIRWORTHY_TEST_DATABASE_URL ?? ''

// For the `skip` option of a test: false, or the reason.
export const skipWithoutDatabase =
  SERVER_URL === '' && 'AIRWORTHY_TEST_DATABASE_URL names no PostgreSQL server'

export async function createTestDatabase(): Promise<AsyncDisposable & { url: string }> {
  const name = `retail_test_${randomUUID().replaceAll('-', '')}`
  await administer(`create database ${name}`)
  const url = new URL(SERVER_URL)
  url.pathname = `/${name}`
  return {
    url: url.href,
    [Symbol.asyncDispose]: () => administer(`drop database ${name} with (force)`),
  }
}

async function administer(statement: string): Promise<void> {
  const client = new Client({ connectionString: SERVER_URL })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
