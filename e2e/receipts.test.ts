// An agent follows the receipt of its own call to a signed promise, then to a proof.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chat } from './harness/clients.ts'
import { enrol, standGround } from './harness/ground.ts'
import { asRecord, at } from './harness/json.ts'
import { until } from './harness/until.ts'

const ground = await standGround()

async function ask(path: string, apiKey: string): Promise<{ status: number; text: string }> {
  const reply = await fetch(`${ground.server.url}${path}`, {
    headers: { authorization: `Bearer ${apiKey}` },
  })
  return { status: reply.status, text: await reply.text() }
}

test('the header of a reply leads its agent to the promise and the proof', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  const reply = await session.post(chat())
  const callId = reply.headers.get('airworthy-call') ?? ''
  const [, number, leaf] = (reply.headers.get('airworthy-receipt') ?? '').split(':')
  const receipt = await ask(`/receipts/${callId}`, agent.apiKey)
  assert.equal(receipt.status, 200)
  const intent = asRecord(at(JSON.parse(receipt.text), 'intent'))
  assert.deepEqual([intent['seq'], intent['hash']], [number, leaf])
  assert.match(String(intent['promise']), /airworthy/)
  const proof = await until('a checkpoint with the entry', async () => {
    const found = await ask(`/receipts/${callId}?format=tlog-proof`, agent.apiKey)
    return found.status === 200 && found.text
  })
  assert.match(proof, /^c2sp\.org\/tlog-proof@v1\n/)
  // What operators read is the same.
  const own = await ground.server.client.getReceipt(callId)
  assert.equal(own.intent?.hash, leaf)
})

test('the calls of another agent are unknown, and so is what is no call', async () => {
  const agent = await enrol(ground)
  const other = await enrol(ground)
  await using session = await agent.open()
  const reply = await session.post(chat())
  const callId = reply.headers.get('airworthy-call') ?? ''
  const foreign = await ask(`/receipts/${callId}`, other.apiKey)
  assert.equal(foreign.status, 404)
  assert.match(foreign.text, /call\.unknown/)
  const none = await ask('/receipts/019a0000-0000-7000-8000-000000000001', agent.apiKey)
  assert.equal(none.status, 404)
  assert.equal((await ask(`/receipts/${callId}`, 'awk_unknown')).status, 401)
})
