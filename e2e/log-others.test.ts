// The log that a real server publishes, judged by code that is not ours: @sigstore/verify reads the
// checkpoints and the proofs, and the proof files are taken apart here with nothing of the server.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCheckpoint } from '../server/src/core/tlog/checkpoint.ts'
import { parseVkey } from '../server/src/core/tlog/note-key.ts'
import { verifyNote } from '../server/src/core/tlog/signatures.ts'
import { type BundleId, bundlePath, type TileId, tilePath } from '../server/src/core/tlog/tiles.ts'
import { verifyLog } from '../server/src/core/tlog/verify-log.ts'
import { isAcceptedByOthers, type PublishedProof } from '../server/test/tlog/others.ts'
import { chat } from './harness/clients.ts'
import { enrol, standGround } from './harness/ground.ts'
import { until } from './harness/until.ts'

const callsCount = 6
const ground = await standGround()
const { server } = ground

/** The lines of tlog-proof: header, index, hashes, an empty line, and the checkpoint as it is. */
function takeApart(file: string, entry: string): PublishedProof {
  const split = file.indexOf('\n\n')
  const [header, index = '', ...hashes] = file.slice(0, split).split('\n')
  assert.equal(header, 'c2sp.org/tlog-proof@v1')
  return {
    entry: Buffer.from(entry),
    index: Number(index.replace('index ', '')),
    proof: hashes.map((hash) => Buffer.from(hash, 'base64')),
    checkpoint: Buffer.from(file.slice(split + 2)),
  }
}

function withAnotherSize(checkpoint: Buffer): Buffer {
  const text = checkpoint.toString().replace(/\n(\d+)\n/, (_, size) => `\n${Number(size) + 1}\n`)
  return Buffer.from(text)
}

async function firstShard() {
  const [shard] = (await server.client.listShards()).shards
  assert.ok(shard !== undefined)
  const key = parseVkey(shard.keys[0] ?? '')
  return { shard, key }
}

test('the proofs of a server hold in the eyes of others, and nothing else does', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  const proofs: PublishedProof[] = []
  for (let call = 0; call < callsCount; call += 1) {
    const reply = await session.post(chat())
    const callId = reply.headers.get('airworthy-call') ?? ''
    await until('the proofs', async () => {
      const { intent, outcome } = await server.client.getReceipt(callId)
      if (intent?.proof == null || outcome?.proof == null) return false
      proofs.push(takeApart(intent.proof, intent.entry), takeApart(outcome.proof, outcome.entry))
      return true
    })
  }
  assert.equal(proofs.length, 2 * callsCount)
  const { key } = await firstShard()
  for (const [at, proof] of proofs.entries()) {
    assert.ok(isAcceptedByOthers(proof, key), `proof ${at}`)
    const other = proofs[(at + 1) % proofs.length] ?? proof
    const [first = Buffer.alloc(32), ...rest] = proof.proof
    const wrong: PublishedProof[] = [
      { ...proof, entry: other.entry },
      { ...proof, entry: Buffer.concat([proof.entry, Buffer.from(' ')]) },
      { ...proof, index: proof.index + 1 },
      { ...proof, proof: rest },
      { ...proof, proof: [Buffer.from(first.map((byte) => byte ^ 1)), ...rest] },
      { ...proof, checkpoint: withAnotherSize(proof.checkpoint) },
    ]
    for (const forged of wrong) assert.equal(isAcceptedByOthers(forged, key), false)
  }
})

test('the whole log is read over the wire, and every file of it is what the entries give', async () => {
  const { shard, key } = await firstShard()
  const read = async (path: string): Promise<Buffer> => {
    const headers = { authorization: `Bearer ${server.operatorKey}` }
    const reply = await fetch(`${server.url}/log/${shard.name}/${path}`, { headers })
    assert.equal(reply.status, 200, path)
    return Buffer.from(await reply.arrayBuffer())
  }
  const { note, size, root } = parseCheckpoint(await read('checkpoint'))
  assert.equal(verifyNote(note, [key]).kind, 'verified')
  const types: string[] = []
  const verdict = await verifyLog({
    size,
    root,
    readTile: (tile: TileId) => read(tilePath(tile)),
    readBundle: (bundle: BundleId) => read(bundlePath(bundle)),
    onEntries(_first, entries) {
      for (const entry of entries) types.push(String(JSON.parse(entry.toString()).type))
    },
  })
  assert.deepEqual(verdict, { kind: 'verified', entries: size })
  assert.equal(types.filter((type) => type === 'call.outcome').length, callsCount)
})
