// Databases as tools: declared statements, and the query of an agent, on a real PostgreSQL.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, test } from 'node:test'
import { AirworthyApiError } from '@airworthy/sdk'
import { Client as Database } from 'pg'
import { createTestDatabase } from '../server/test/database.ts'
import { startReplyDropper } from '../server/test/reply-dropper.ts'
import { enrol, standGround } from './harness/ground.ts'
import { asRecord, at, type Json, textAt } from './harness/json.ts'

const owner = new AsyncDisposableStack()
const shop = owner.use(await createTestDatabase({ migrated: false }))
const dropper = owner.use(await startReplyDropper(shop.url))
const role = `shop_agent_${randomUUID().slice(0, 8)}`
const database = new Database({ connectionString: shop.url })
await database.connect()
await database.query(`
  CREATE SCHEMA shop;
  CREATE TABLE shop.orders (id bigint PRIMARY KEY, customer text NOT NULL, total numeric(12, 2),
    tags text[], details jsonb, paid_at timestamptz, effect_key text UNIQUE);
  INSERT INTO shop.orders VALUES (1, 'Ada', 12.50, '{new,"to be packed"}', '{"gift": true}',
    '2026-01-02 03:04:05+01', NULL), (9007199254740993, 'Bo', 1, NULL, NULL, NULL, NULL);
  CREATE TABLE shop.payments (card text);
  CREATE VIEW shop.names AS SELECT id, customer FROM shop.orders;
  CREATE FUNCTION shop.card() RETURNS text SECURITY DEFINER LANGUAGE sql
    AS 'SELECT card FROM shop.payments';
  CREATE ROLE ${role} LOGIN PASSWORD 'agent' CREATEDB;
  GRANT SELECT, INSERT ON shop.orders TO ${role};
  GRANT SELECT ON shop.payments TO PUBLIC;
  GRANT pg_read_all_data TO ${role}`)
const agentUrl = new URL(shop.url)
agentUrl.username = role
agentUrl.password = 'agent'
const ground = await standGround({
  env: { SHOP_URL: shop.url, SHOP_DROPPING_URL: dropper.url, SHOP_AGENT_URL: agentUrl.href },
})
after(async () => {
  await database.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
  await database.end()
  await owner.disposeAsync()
})

const orderParameters: Json = {
  id: { type: 'bigint' },
  customer: { type: 'text', maxLength: 20 },
  total: { type: 'numeric', optional: true },
}
const statements: Json = {
  get_order: {
    description: 'One order',
    access: 'read',
    sql: 'SELECT * FROM shop.orders WHERE id = :id',
    parameters: { id: { type: 'bigint' } },
  },
  list_orders: {
    description: 'All orders',
    access: 'read',
    sql: 'SELECT id FROM shop.orders ORDER BY id',
    rowsMax: 1,
  },
  add_order: {
    description: 'Takes an order',
    access: 'write',
    sql: `INSERT INTO shop.orders (id, customer, total, effect_key)
      VALUES (:id, :customer, :total, :key) RETURNING id`,
    parameters: orderParameters,
    effectKey: 'key',
  },
  rename_all: {
    description: 'Renames every customer',
    access: 'write',
    sql: 'UPDATE shop.orders SET customer = :customer',
    parameters: { customer: { type: 'text' } },
    rowsMax: 1,
  },
  find_effect: {
    description: 'The order of an effect',
    access: 'read',
    sql: 'SELECT id FROM shop.orders WHERE effect_key = :key',
    parameters: { key: { type: 'text' } },
  },
}
const probe = { tool: 'find_effect', arguments: { key: '{{effect.key}}' } }
const tools: Json = {
  'shop/get_order': { effect: 'read' },
  'shop/list_orders': { effect: 'read' },
  'shop/add_order': { effect: 'irreversible', probe: { ...probe, done: 'result.rowCount > 0' } },
  'shop/rename_all': { effect: 'irreversible' },
}
const permissions = [{ id: 'shop', effect: 'allow', tools: ['shop/*'] }]

async function open(server: Json = {}, contracts: Json = tools) {
  const shopServer = { transport: 'sql', urlEnv: 'SHOP_URL', statements, ...server }
  const agent = await enrol(ground, {
    toolServers: { shop: shopServer },
    tools: contracts,
    permissions,
  })
  return agent.open({}, 'shop')
}

async function orderCount(): Promise<number> {
  const { rows } = await database.query<{ count: string }>('SELECT count(*) FROM shop.orders')
  return Number(rows[0]?.count)
}

test('a read gives exact values: decimals, large integers, lists, JSON, times', async () => {
  await using session = await open()
  const first = await session.call('get_order', { id: 1 })
  assert.deepEqual(first.value, {
    rows: [
      {
        id: 1,
        customer: 'Ada',
        total: '12.50',
        tags: ['new', 'to be packed'],
        details: { gift: true },
        paid_at: '2026-01-02T02:04:05Z',
        effect_key: null,
      },
    ],
    rowCount: 1,
    truncated: false,
  })
  const large = await session.call('get_order', { id: '9007199254740993' })
  assert.equal(at(large.value, 'rows.0.id'), '9007199254740993')
})

test('a read beyond its rows is cut and says so', async () => {
  await using session = await open()
  const reply = await session.call('list_orders')
  assert.deepEqual(reply.value, { rows: [{ id: 1 }], rowCount: 1, truncated: true })
})

test('an argument is bound, never put into the text', async () => {
  await using session = await open()
  const customer = `'); DROP TABLE x`
  const reply = await session.call('add_order', { id: 7, customer })
  assert.equal(reply.isError, false)
  const read = await session.call('get_order', { id: 7 })
  assert.equal(at(read.value, 'rows.0.customer'), customer)
})

test('a write happens once, and stores its effect key', async () => {
  await using session = await open()
  const first = await session.call('add_order', { id: 10, customer: 'Cy', total: '3.10' })
  const repeat = await session.call('add_order', { id: 10, customer: 'Cy', total: '3.10' })
  assert.deepEqual(repeat.value, first.value)
  assert.equal(repeat.meta['airworthy/repeat-of'], first.meta['airworthy/call'])
  const { rows } = await database.query('SELECT effect_key FROM shop.orders WHERE id = 10')
  assert.match(String(at(rows, '0.effect_key')), /^shop\/add_order:/)
})

test('a write that breaks a constraint has failed, and may be tried again', async () => {
  await using session = await open()
  const before = await orderCount()
  const broken = await session.call('add_order', { id: 1, customer: 'Di' })
  assert.equal(at(broken.value, 'code'), 'sql.refused')
  assert.equal(at(broken.value, 'sqlstate'), '23505')
  assert.equal(await orderCount(), before)
  await database.query('UPDATE shop.orders SET id = 2 WHERE id = 1')
  const again = await session.call('add_order', { id: 1, customer: 'Di' })
  assert.equal(again.isError, false)
  await database.query('DELETE FROM shop.orders WHERE id = 1')
  await database.query('UPDATE shop.orders SET id = 1 WHERE id = 2')
})

test('a write of more rows than it may change is rolled back', async () => {
  await using session = await open()
  const reply = await session.call('rename_all', { customer: 'Nobody' })
  assert.equal(at(reply.value, 'code'), 'sql.limit_exceeded')
  const { rows } = await database.query(`SELECT FROM shop.orders WHERE customer = 'Nobody'`)
  assert.equal(rows.length, 0)
})

test('a COMMIT whose answer is lost is unknown, and found out by the probe', async () => {
  await using session = await open({ urlEnv: 'SHOP_DROPPING_URL', timeoutMs: 1500 })
  const before = await orderCount()
  // With the byte that ends the message: BEGIN speaks of READ COMMITTED.
  dropper.dropAfter('COMMIT\0')
  const lost = await session.call('add_order', { id: 20, customer: 'Ed' })
  dropper.cut()
  assert.equal(at(lost.value, 'code'), 'effect.unknown')
  assert.equal(await orderCount(), before + 1)
  const repeat = await session.call('add_order', { id: 20, customer: 'Ed' })
  assert.equal(repeat.isError, false)
  assert.equal(await orderCount(), before + 1)
})

test('a statement that the database refuses is not enrolled, nor is one that does not bind', async () => {
  const wrong: [sql: string, code: string, text: RegExp][] = [
    ['SELECT totl FROM shop.orders WHERE id = :id', 'sql.statement_invalid', /"totl"/],
    ['DELETE FROM shop.orders WHERE id = :id', 'sql.statement_invalid', /DELETE/],
    ['SELECT 1 WHERE :id > 0; SELECT 2', 'sql.statement_invalid', /multiple/],
    ['SELECT :idd', 'manifest.invalid', /:idd.*did you mean "id"/s],
    ['SELECT 1', 'manifest.invalid', /that the statement uses as :id/],
    ['SELECT $1, :id', 'manifest.invalid', /by name/],
  ]
  for (const [sql, code, text] of wrong) {
    const get_order = { ...asRecord(statements['get_order']), sql }
    await assert.rejects(open({ statements: { ...statements, get_order } }), (thrown) => {
      assert(thrown instanceof AirworthyApiError)
      assert.equal(thrown.code, code, thrown.message)
      assert.match(
        `${thrown.message} ${JSON.stringify(thrown.detail)}`.replaceAll('\\"', '"'),
        text,
      )
      return true
    })
  }
})

const query: Json = {
  urlEnv: 'SHOP_AGENT_URL',
  relations: ['shop.orders', 'shop.names'],
  timeoutMs: 2000,
}
const queryTools: Json = { 'shop/query': { effect: 'read' } }

const openQuery = () => open({ statements: {}, query }, queryTools)

test('a role that may do more is refused, and what the refusal lists mends it', async () => {
  const problems: string[] = []
  for (let round = 0; round < 3; round += 1) {
    const refused: unknown = await openQuery().then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    if (refused === undefined) break
    assert(refused instanceof AirworthyApiError)
    assert.equal(refused.code, 'sql.role_unsafe', refused.message)
    const findings: unknown = at(refused.detail, 'findings')
    assert(Array.isArray(findings))
    for (const finding of findings) {
      problems.push(textAt(finding, 'problem'))
      assert(refused.message.includes(textAt(finding, 'mend')))
      await database.query(textAt(finding, 'mend'))
    }
  }
  const due = [
    /CREATEDB/,
    /member of pg_read_all_data/,
    /INSERT on shop.orders/,
    /SELECT from shop.payments/,
    /use the schema shop/,
    /SELECT from shop.names/,
    /hidden rows of the view shop.names/,
    /shop.card\(\)/,
    /temporary files/,
  ]
  for (const one of due) {
    assert(
      problems.some((problem) => one.test(problem)),
      `${one}: ${problems.join('; ')}`,
    )
  }
  await using session = await openQuery()
  const counted = await session.call('query', { sql: 'SELECT count(*) > 0 AS some FROM orders' })
  assert.deepEqual(at(counted.value, 'rows'), [{ some: true }])
  const payments = await session.call('query', { sql: 'SELECT * FROM shop.payments' })
  assert.equal(at(payments.value, 'code'), 'sql.not_permitted')
  const wrong = await session.call('query', { sql: 'SELECT nothing FROM orders' })
  assert.deepEqual([at(wrong.value, 'sqlstate'), at(wrong.value, 'position')], ['42703', 8])
})

test('queries beyond the connections of a database wait for one', async () => {
  await using session = await open(
    { statements: {}, query: { ...query, connectionsMax: 1 } },
    queryTools,
  )
  const sql = 'SELECT customer FROM names ORDER BY id LIMIT 1'
  const replies = await Promise.all(Array.from({ length: 8 }, () => session.call('query', { sql })))
  assert.deepEqual(
    replies.map((reply) => reply.isError),
    replies.map(() => false),
  )
})
