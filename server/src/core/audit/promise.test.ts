import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { createNoteKey } from '../tlog/note-key.ts'
import { formatPromiseText, signPromise, verifyPromise } from './promise.ts'

function signerOf(name: string) {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)
  const key = createNoteKey({ name, type: 'ed25519', publicKey: raw })
  return { key, sign: async (message: Uint8Array) => sign(null, message, privateKey) }
}

const origin = 'example.com/log/2026'
const signer = signerOf(origin)
const other = signerOf(origin)

const promises = fc.record({
  origin: fc.constant(origin),
  index: fc.nat(),
  leaf: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes)),
  deadlineMs: fc.integer({ min: 0, max: Date.UTC(9999, 0) }),
})

test('a promise that the log signed is read back; with any byte changed it is none', async () => {
  const places = fc.nat({ max: 10_000 })
  await fc.assert(
    fc.asyncProperty(promises, places, async (promise, place) => {
      const bytes = Buffer.from(await signPromise(promise, signer))
      assert.deepEqual(verifyPromise(bytes, signer.key), { ...promise })
      assert.equal(verifyPromise(bytes, other.key), undefined)
      const changed = Buffer.from(bytes)
      const at = place % changed.length
      changed[at] = (changed[at] ?? 0) ^ 1
      assert.equal(verifyPromise(changed, signer.key), undefined)
    }),
  )
})

test('a promise is no checkpoint, and no promise of another log', async () => {
  const promise = { origin, index: 7, leaf: Buffer.alloc(32, 1), deadlineMs: 0 }
  assert.notEqual(formatPromiseText(promise).split('\n')[0], origin)
  const foreign = await signPromise({ ...promise, origin: 'example.com/other' }, signer)
  assert.equal(verifyPromise(Buffer.from(foreign), signer.key), undefined)
})
