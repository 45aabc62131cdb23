// What an auditor finds: receipts that lead to entries, chains without gaps, and nothing personal
// outside the encrypted payloads.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { chat } from './harness/clients.ts'
import { enrol, quiet, standGround } from './harness/ground.ts'
import { at } from './harness/json.ts'
import {
  checkEntries,
  entriesOfCall,
  leafHash,
  parseReceipt,
  readEntries,
} from './harness/record.ts'
import { toolText } from './harness/fake-tools.ts'

const ground = await standGround()
const { server, database, tools } = ground

test('a receipt is the leaf hash of the entry’s very bytes, in header and API alike', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  const reply = await session.post(chat())
  const callId = reply.headers.get('airworthy-call') ?? ''
  const given = parseReceipt(reply.headers.get('airworthy-receipt'))
  const [intent, outcome, ...more] = await entriesOfCall(database, callId)
  assert.deepEqual(more, [])
  assert.deepEqual([given.seq, given.leaf], [intent?.seq, intent?.leaf])
  const receipt = await server.client.getReceipt(callId)
  assert.equal(receipt.logId, given.logId)
  assert.deepEqual(
    [receipt.intent, receipt.outcome].map((one) => ({
      seq: one?.seq,
      hash: one?.hash,
      entry: one?.entry,
    })),
    [intent, outcome].map((one) => ({
      seq: String(one?.seq),
      hash: one?.leaf,
      entry: one?.bytes.toString('utf8'),
    })),
  )
  assert.equal(leafHash(Buffer.from(receipt.intent?.entry ?? '')), receipt.intent?.hash)
  const tool = await session.call('get_order', { order_id: 'a' })
  const [toolIntent] = await entriesOfCall(database, String(tool.meta['airworthy/call']))
  assert.equal(parseReceipt(String(tool.meta['airworthy/receipt'])).leaf, toolIntent?.leaf)
})

test('entries name agent, version, pact, session and call', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  const reply = await session.post(chat())
  const { session: row } = await session.detail()
  for (const { entry } of await entriesOfCall(
    database,
    reply.headers.get('airworthy-call') ?? '',
  )) {
    assert.deepEqual(
      ['agent', 'version', 'pact', 'session'].map((name) => entry[name]),
      [row.agentId, row.versionId, row.pactId, row.id],
    )
  }
})

test('under load from many agents every chain stays whole and canonical', async () => {
  const agents = await Promise.all(
    Array.from({ length: 4 }, () => enrol(ground, { limits: { session: { calls: 20 } } })),
  )
  const sessions = await Promise.all(agents.map((agent) => agent.open()))
  await Promise.all(
    sessions.flatMap((session) =>
      Array.from({ length: 25 }, async (_, index) => {
        if (index % 3 === 0) await session.call('write_order', { order_id: `o${index % 5}` })
        else await session.post(chat({ stream: index % 2 === 0 }))
      }),
    ),
  )
  await quiet(ground)
  checkEntries(await readEntries(database))
  const listed: string[] = []
  let after: string | undefined
  do {
    const page = await server.client.listEntries({ limit: 100, ...(after && { after }) })
    listed.push(...page.entries.map((entry) => entry.hash))
    after = page.next ?? undefined
  } while (after !== undefined)
  assert.deepEqual(
    listed,
    (await readEntries(database)).map((entry) => entry.leaf),
  )
  await Promise.all(sessions.map((session) => session[Symbol.asyncDispose]()))
})

test('entries cannot be changed or deleted', async () => {
  await assert.rejects(database.query("UPDATE airworthy.entries SET entry = 'x'"), /immutable/)
  await assert.rejects(database.query('DELETE FROM airworthy.entries'), /immutable/)
})

/** Every column of every table as text, and where the marker is found in it. */
async function findMarker(marker: string): Promise<string[]> {
  const columns = await database.query<{ table_name: string; column_name: string; type: string }>(
    `SELECT c.table_name, c.column_name, c.data_type AS type FROM information_schema.columns c
    JOIN information_schema.tables t USING (table_schema, table_name)
    WHERE c.table_schema = 'airworthy' AND t.table_type = 'BASE TABLE'`,
  )
  const found: string[] = []
  for (const { table_name: table, column_name: column, type } of columns.rows) {
    const text = type === 'bytea' ? `encode("${column}", 'escape')` : `"${column}"::text`
    const hits = await database.query(
      `SELECT 1 FROM airworthy."${table}" WHERE position($1 IN ${text}) > 0 LIMIT 1`,
      [marker],
    )
    if (hits.rows.length > 0) found.push(`${table}.${column}`)
  }
  return found
}

test('what people said and did lies nowhere but in encrypted payloads', async () => {
  const marker = `Ms-${randomUUID()}`
  const agent = await enrol(ground, {
    rules: [
      { id: 'ask', effect: 'hold', tools: ['desk/refund'] },
      { id: 'odd', effect: 'deny', tools: ['desk/write_order'], when: "args.note == 'never'" },
      { id: 'number', effect: 'deny', tools: ['desk/notify'], when: 'bool(args.note)' },
    ],
  })
  const args = { order_id: '{{args.order_id}}' }
  const quoting = await enrol(ground, {
    tools: {
      'desk/quote': { effect: 'read' },
      'desk/refund': {
        effect: 'irreversible',
        amount: { quote: { tool: 'quote', arguments: args, path: 'amount' }, currency: 'USD' },
      },
    },
  })
  await using quoted = await quoting.open()
  tools.direct(quoted.id, 'quote', () => ({ ...toolText(marker), isError: true }))
  await using session = await agent.open({ endUser: `user ${marker}` })
  await session.post(chat({ messages: [{ role: 'user', content: `I am ${marker}` }] }))
  await session.post(chat({ stream: true, user: marker }))
  tools.direct(session.id, 'find_customer', () => toolText({ name: marker }))
  await session.call('find_customer', { email: `${marker}@example.com` })
  await session.call('notify', { note: marker })
  await session.call('notify', { note: marker })
  await session.call('refund', { order_id: marker, amount: 5 })
  await session.call('refund', { order_id: marker, amount: marker })
  await quoted.call('refund', { order_id: marker })
  await session.call('write_order', { order_id: marker })
  await session.call('write_order', { order_id: 'a', [marker]: 'odd' })
  await session.call('write_order', { order_id: 'a', labels: marker })
  tools.direct(session.id, 'notify', () => ({
    isError: true,
    content: [{ type: 'text', text: `no such person: ${marker}` }],
  }))
  await session.call('notify', { note: `${marker} again` })
  await session.call(marker, { note: 'a' })
  const [hold] = (await server.client.listHolds()).holds
  await server.client.rejectHold(hold?.id ?? '', { reason: 'no' })
  // Whom a session serves is the operator's own word, kept with the session and not in the log.
  assert.deepEqual(await findMarker(marker), ['sessions.end_user'])
  assert.deepEqual(await findMarker(agent.apiKey), [])
  assert.deepEqual(await findMarker(session.sessionKey), [])
  assert.deepEqual(await findMarker(server.operatorKey), [])
  // The same search finds what is known to be there.
  assert((await findMarker(agent.name)).includes('agents.name'))
  const held = await server.client.getHold(hold?.id ?? '')
  assert.equal(at(held.arguments, 'order_id'), marker, 'the operator reads what was asked')
})
