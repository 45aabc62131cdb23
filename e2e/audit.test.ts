// The auditor's side, over the real program: export, verification by the very code that others run,
// search, roles, and that looking is itself in the record.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { AirworthyApiError, createClient, verifyBundle, webCrypto } from '@airworthy/sdk'
import type { AuditReport } from '@airworthy/sdk'
import { chat } from './harness/clients.ts'
import { enrol, standGround } from './harness/ground.ts'
import { asRecord } from './harness/json.ts'
import { readEntries } from './harness/record.ts'
import { until } from './harness/until.ts'

const ground = await standGround()
const { server, database } = ground

async function logKey(): Promise<string> {
  const { shards } = await server.client.listShards()
  return shards.at(-1)?.keys[0] ?? ''
}

/** Waits until the newest checkpoint covers what is in the log now. */
async function published(): Promise<void> {
  const { size } = await server.client.getLog()
  await until('a checkpoint of the log', async () => {
    const { shards } = await server.client.listShards()
    return Number(shards.at(-1)?.checkpoint?.size ?? 0) >= Number(size)
  })
}

async function exported(query: { from?: string; to?: string } = {}): Promise<Buffer> {
  const stream = await server.client.exportLog(query)
  return Buffer.concat(await Array.fromAsync(stream))
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes
}

async function verified(bytes: Buffer): Promise<AuditReport> {
  const keys = [await logKey()]
  return verifyBundle({ chunks: once(bytes), crypto: webCrypto(), trust: { keys } })
}

function refusal(code: string, status: number) {
  return (error: unknown) =>
    error instanceof AirworthyApiError && error.code === code && error.status === status
}

async function keyOf(role: 'auditor' | 'approver' | 'operator', reason?: string) {
  const { key } = await server.client.addOperator({ name: `${role} ${randomUUID()}`, role })
  return createClient({ baseUrl: server.url, key, ...(reason === undefined ? {} : { reason }) })
}

test('an export verifies offline, with the log’s key alone', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  for (let call = 0; call < 5; call += 1) await session.post(chat())
  await session.call('write_order', { order_id: 'audited' })
  await published()
  const whole = await verified(await exported())
  assert.deepEqual(
    whole.checks.filter((check) => check.state === 'refused'),
    [],
  )
  assert(whole.isProven)
  assert.equal(whole.facts.entries, whole.facts.to)
  assert((whole.facts.types['call.intent'] ?? 0) >= 6)
  const to = whole.facts.to
  const part = await verified(await exported({ from: '3', to: String(to - 2) }))
  assert(part.isProven, JSON.stringify(part.checks))
  assert.deepEqual([part.facts.from, part.facts.to, part.facts.entries], [3, to - 2, to - 5])
})

test('a bundle proves nothing to who brings no key, and is refused to who brings another', async () => {
  await published()
  const bytes = await exported()
  const crypto = webCrypto()
  const alone = await verifyBundle({ chunks: once(bytes), crypto, trust: {} })
  assert(alone.isConsistent && !alone.isProven)
  const other = 'other.example/log+8d31ba26+AWfVbGT+ubaP7tYLsRIoCwMXLEyxXUWC1MSzIjKmkzYd'
  const report = await verifyBundle({ chunks: once(bytes), crypto, trust: { keys: [other] } })
  assert(!report.isConsistent)
})

test('calls are found by agent, version, session, tool, decision, amount and time', async () => {
  const rules = [{ id: 'no-notes', effect: 'deny', tools: ['desk/notify'] }] as const
  const agent = await enrol(ground, { rules: [...rules] })
  await using session = await agent.open()
  const { client } = server
  const before = new Date().toISOString()
  await session.post(chat())
  await session.call('refund', { order_id: 'o1', amount: 25 })
  await session.call('notify', { note: 'x' })
  const { session: row } = await session.detail()
  const found = async (search: Parameters<typeof client.searchCalls>[0]) =>
    (await client.searchCalls(search)).calls.map((call) => call.action)
  const { agentId, versionId } = row
  assert.deepEqual((await found({ agent: agent.name })).length, 3)
  assert.deepEqual((await found({ version: versionId })).length, 3)
  assert.deepEqual((await found({ session: session.id })).length, 3)
  assert.deepEqual(await found({ agent: agentId, decision: 'deny' }), ['desk/notify'])
  assert.deepEqual(await found({ agent: agentId, action: 'desk/refund' }), ['desk/refund'])
  const amounts = { agent: agentId, currency: 'USD', amountMin: '2500', amountMax: '2500' }
  assert.deepEqual(await found(amounts), ['desk/refund'])
  assert.deepEqual(await found({ ...amounts, amountMin: '2501', amountMax: '9999' }), [])
  assert.deepEqual(await found({ agent: agentId, to: before }), [])
  const pages: string[] = []
  let after: string | undefined
  do {
    const page = await client.searchCalls({ agent: agentId, limit: 2, ...(after && { after }) })
    pages.push(...page.calls.map((call) => call.id))
    after = page.next ?? undefined
  } while (after !== undefined)
  assert.equal(new Set(pages).size, 3)
  assert.deepEqual(pages, pages.toSorted().toReversed())
})

test('an auditor reads payloads for a reason only, and that it did is in the log before', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  const reply = await session.post(chat({ messages: [{ role: 'user', content: 'my secret' }] }))
  const call = reply.headers.get('airworthy-call') ?? ''
  const silent = await keyOf('auditor')
  await assert.rejects(silent.readPayload(call), refusal('access.reason_missing', 400))
  const asking = await keyOf('auditor', 'case 4711 — Überprüfung')
  const opened = await asking.readPayload(call)
  assert.match(opened.text ?? '', /my secret/)
  const { accesses } = await server.client.listAccesses({ call })
  assert.deepEqual(
    accesses.map((access) => [access.kind, access.reason]),
    [['payload', 'case 4711 — Überprüfung']],
  )
  const entry = (await readEntries(database)).find(
    ({ seq }) => String(seq) === accesses[0]?.seq,
  )?.entry
  assert.equal(entry?.['type'], 'access.payload')
  assert.equal(entry?.['call'], call)
  assert(!JSON.stringify(entry).includes('4711'), 'the reason itself is not in the log')
  assert.equal(typeof asRecord(entry?.['body'])['reason'], 'string')
})

test('an auditor changes nothing, an approver only votes, an operator makes no admins', async () => {
  const forbidden = refusal('auth.forbidden', 403)
  const agent = await enrol(ground)
  const auditor = await keyOf('auditor', 'look')
  await auditor.searchCalls()
  await auditor.getLog()
  await assert.rejects(auditor.openSession({ agent: agent.name, task: 't' }), forbidden)
  await assert.rejects(auditor.listSessions(), forbidden)
  await assert.rejects(auditor.requestErasure({ subject: 'x', reason: 'y' }), forbidden)
  const approver = await keyOf('approver')
  await approver.listHolds()
  await assert.rejects(approver.searchCalls(), forbidden)
  await assert.rejects(approver.listEntries(), forbidden)
  await assert.rejects(approver.listAgents(), forbidden)
  const operator = await keyOf('operator')
  await assert.rejects(operator.addOperator({ name: 'x', role: 'admin' }), forbidden)
  await assert.rejects(operator.requestErasure({ subject: 'x', reason: 'y' }), forbidden)
  await assert.rejects(operator.setRetention({ class: 'payloads', days: 1 }), forbidden)
})

test('a reader of the log is in the log', async () => {
  const auditor = await keyOf('auditor')
  await auditor.listEntries()
  const { accesses } = await server.client.listAccesses()
  assert(accesses.some((access) => access.kind === 'log' && access.operator?.startsWith('auditor')))
})

test('who takes the receipt of a call, with its entries, is in the log', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  const reply = await session.post(chat())
  const auditor = await keyOf('auditor', 'case 4712')
  await auditor.getReceipt(reply.headers.get('airworthy-call') ?? '')
  const { accesses } = await server.client.listAccesses()
  const found = accesses.find(({ reason }) => reason === 'case 4712')
  assert.deepEqual([found?.kind, found?.operation], ['log', 'show-receipt'])
})

test('retention is 7 years until it is set, and setting it is an entry', async () => {
  const before = await server.client.getRetention()
  assert.deepEqual(
    before.classes.map((each) => [each.class, each.days, each.setAt]),
    [
      ['log', 2557, null],
      ['payloads', 2557, null],
    ],
  )
  await server.client.setRetention({ class: 'payloads', days: 400 })
  const entries = await readEntries(database)
  const entry = entries.find((each) => each.entry['type'] === 'retention.set')
  const body = asRecord(entry?.entry['body'])
  assert.deepEqual([body['class'], body['before'], body['days']], ['payloads', 2557, 400])
})
