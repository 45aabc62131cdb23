import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { open, seal, sealRandomBytes } from './seal.ts'

const bytes = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((array) => Buffer.from(array))
const text = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array))
const inputs = [bytes(32), text, bytes(sealRandomBytes)] as const

test('opens what it sealed, to the same text and the same commitment', () => {
  fc.assert(
    fc.property(...inputs, (key, plain, random) => {
      const { sealed, commitment } = seal(key, plain, random)
      const opened = open(key, sealed)
      assert.deepEqual(opened.text, plain)
      assert.equal(opened.commitment, commitment)
      const salt = random.subarray(12)
      assert.equal(createHmac('sha256', salt).update(plain).digest('base64url'), commitment)
    }),
  )
})

test('a changed bit anywhere, a cut, and another key are refused', () => {
  fc.assert(
    fc.property(...inputs, fc.nat(), fc.nat(7), (key, plain, random, place, bit) => {
      const { sealed } = seal(key, plain, random)
      const changed = Buffer.from(sealed)
      const at = place % changed.length
      changed[at] = (changed[at] ?? 0) ^ (1 << bit)
      assert.throws(() => open(key, changed))
      assert.throws(() => open(key, sealed.subarray(0, place % sealed.length)))
      const other = Buffer.from(key)
      other[0] = (other[0] ?? 0) ^ 1
      assert.throws(() => open(other, sealed))
    }),
  )
})

test('the same text under other random bytes has another ciphertext and another commitment', () => {
  const key = Buffer.alloc(32, 1)
  const plain = Buffer.from('the same text')
  const one = seal(key, plain, Buffer.alloc(sealRandomBytes, 2))
  const other = seal(key, plain, Buffer.alloc(sealRandomBytes, 3))
  assert.notEqual(one.commitment, other.commitment)
  assert(!one.sealed.includes(plain) && !one.sealed.equals(other.sealed))
})

test('does not seal with too few random bytes', () => {
  assert.throws(() => seal(Buffer.alloc(32), Buffer.from('x'), Buffer.alloc(12)), RangeError)
})
