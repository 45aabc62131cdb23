// The published log over the wire: every reply leads to a proof, and the proof holds with nothing but
// the log's public key.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { parseVkey } from '../server/src/core/tlog/note-key.ts'
import { parseBundle } from '../server/src/core/tlog/bundle.ts'
import { parsePolicy } from '../server/src/core/tlog/policy.ts'
import { verifyProofFile } from '../server/src/core/tlog/proof-file.ts'
import { leafHash } from '../server/src/core/audit/entry.ts'
import { verifyPromise } from '../server/src/core/audit/promise.ts'
import { chat } from './harness/clients.ts'
import { enrol, standGround } from './harness/ground.ts'
import { until } from './harness/until.ts'

const ground = await standGround()
const { server } = ground

function read(path: string, key: string | null = server.operatorKey): Promise<Response> {
  const headers: Record<string, string> = key === null ? {} : { authorization: `Bearer ${key}` }
  return fetch(`${server.url}${path}`, { headers })
}

test('a reply leads to a promise at once, and to a proof that verifies offline', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  const reply = await session.post(chat())
  assert.equal(reply.status, 200)
  const callId = reply.headers.get('airworthy-call') ?? ''
  let receipt = await server.client.getReceipt(callId)
  await until('the proof', async () => {
    receipt = await server.client.getReceipt(callId)
    return receipt.intent?.proof != null && receipt.outcome?.proof != null
  })
  const { shards } = await server.client.listShards()
  const [shard] = shards
  const [logKey = ''] = shard?.keys ?? []
  const policy = parsePolicy(Buffer.from(`log ${logKey}\nquorum none\n`))
  for (const entry of [receipt.intent, receipt.outcome]) {
    const leaf = leafHash(Buffer.from(entry?.entry ?? ''))
    assert.equal(leaf.toString('base64url'), entry?.hash)
    const verdict = verifyProofFile({ file: Buffer.from(entry?.proof ?? ''), leaf, policy })
    assert.equal(verdict.kind, 'accepted', JSON.stringify(verdict))
    const promise = verifyPromise(Buffer.from(entry?.promise ?? ''), parseVkey(logKey))
    assert.equal(promise?.index, Number(entry?.seq))
    assert.equal(promise?.leaf.toString('base64url'), entry?.hash)
  }
  const [logId, seq, hash] = (reply.headers.get('airworthy-receipt') ?? '').split(':')
  assert.deepEqual(
    [receipt.intent?.logId, receipt.intent?.seq, receipt.intent?.hash],
    [logId, seq, hash],
  )
  const raw = await read(`/v1/calls/${callId}/receipt?format=tlog-proof&of=intent`)
  assert.equal(raw.status, 200)
  assert.match(await raw.text(), /^c2sp\.org\/tlog-proof@v1\n/)
})

test('checkpoint, tiles and bundles are served as tlog-tiles has them', async () => {
  const [shard] = (await server.client.listShards()).shards
  const base = `/log/${shard?.name}`
  const checkpoint = await read(`${base}/checkpoint`)
  assert.equal(checkpoint.headers.get('cache-control'), 'no-cache')
  const [origin, size = ''] = (await checkpoint.text()).split('\n')
  assert.equal(origin, shard?.origin)
  const width = Number(size) % 256
  const index = String(Math.floor(Number(size) / 256)).padStart(3, '0')
  const tile = await read(`${base}/tile/0/${index}.p/${width}`)
  assert.match(tile.headers.get('cache-control') ?? '', /^private, .*immutable/)
  const hashes = Buffer.from(await tile.arrayBuffer())
  const bundle = await read(`${base}/tile/entries/${index}.p/${width}`)
  const entries = parseBundle(Buffer.from(await bundle.arrayBuffer()), width)
  assert.deepEqual(Buffer.concat(entries.map(leafHash)), hashes)
  assert(createHash('sha256').update(hashes).digest().length === 32)
  for (const path of [
    '/tile/0/1',
    '/tile/0/999',
    '/../../keystore.json',
    '/signed',
    '/tile/0/%2e%2e',
  ]) {
    assert.equal((await read(`${base}${path}`)).status, 404, path)
  }
})

test('who has no key may not read the log, unless it is public', async () => {
  const [shard] = (await server.client.listShards()).shards
  const refused = await read(`/log/${shard?.name}/checkpoint`, null)
  assert.equal(refused.status, 401)
})
