import assert from 'node:assert/strict'
import { test } from 'node:test'
import { verifyLog } from '../../src/core/tlog/verify-log.ts'
import { publishLog, tamper } from './tamper.ts'

test('others accept our proofs; nobody accepts what was tampered with', async () => {
  const found = await tamper({ proofs: 100, tamperings: 300, seed: 20261122 })
  assert.equal(found.proofsAccepted, 100)
  assert.equal(found.proofsAcceptedByOthers, 100)
  assert.deepEqual(found.tamperings, { leaf: 60, tile: 60, bundle: 60, proof: 60, checkpoint: 60 })
  assert.equal(found.accepted, 0)
  assert.ok(found.tamperingsForOthers > 150, String(found.tamperingsForOthers))
  assert.equal(found.acceptedByOthers, 0)
})

test('the whole log verifies at every checkpoint, entry by entry', async () => {
  const { log, sizes } = await publishLog()
  for (const size of sizes) {
    const root = log.roots.get(size) ?? Buffer.alloc(0)
    let next = 0
    const verdict = await verifyLog({
      ...log,
      size,
      root,
      onEntries(first, entries) {
        assert.equal(first, next)
        next += entries.length
      },
    })
    assert.deepEqual(verdict, { kind: 'verified', entries: size })
    assert.equal(next, size)
  }
})

test('entries of another root are refused, though every file fits the others', async () => {
  const { log } = await publishLog()
  const root = log.roots.get(8) ?? Buffer.alloc(0)
  const verdict = await verifyLog({ ...log, size: 100, root })
  assert.equal(verdict.kind, 'refused')
  assert.equal('path' in verdict, false)
})

test("a missing file is the reader's error, not a verdict", async () => {
  const { log } = await publishLog()
  const root = log.roots.get(100) ?? Buffer.alloc(0)
  log.files.delete('tile/entries/000.p/100')
  await assert.rejects(verifyLog({ ...log, size: 100, root }), /tile\/entries\/000\.p\/100/)
})
