import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { assertSafeEd25519Key, ed25519KeyFault } from './ed25519.ts'

/** Encodings of every point of order 1, 2, 4 and 8. */
const lowOrder = [
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0000000000000000000000000000000000000000000000000000000000000080',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
]

/** The same points and others, with y not below 2^255 - 19, or with the sign of an x of zero. */
const nonCanonical = [
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  '0100000000000000000000000000000000000000000000000000000000000080',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
]

function rawKey(): Buffer {
  const spki = generateKeyPairSync('ed25519').publicKey.export({ format: 'der', type: 'spki' })
  return spki.subarray(-32)
}

test('refuses every point of low order, in every encoding', () => {
  for (const hex of lowOrder)
    assert.equal(ed25519KeyFault(Buffer.from(hex, 'hex')), 'low-order', hex)
  for (const hex of nonCanonical) {
    assert.equal(ed25519KeyFault(Buffer.from(hex, 'hex')), 'non-canonical', hex)
  }
})

test('the error says what is wrong with the key', () => {
  assert.throws(() => assertSafeEd25519Key(Buffer.from(lowOrder[0] ?? '', 'hex')), {
    code: 'identity.key_unsafe',
    detail: { fault: 'low-order' },
  })
})

test('takes every key that a secret makes, and refuses it plus a point of order 8', () => {
  for (let index = 0; index < 20; index += 1) {
    const key = rawKey()
    assert.equal(ed25519KeyFault(key), undefined)
  }
  // 8-torsion added to the base point, from the CCTV set of edge cases: on the curve, of order 8L.
  const mixed = Buffer.from(
    'f43e3a046db8749164c6e69b193f1e942c7452e7d888736f40b98093d814d5e7',
    'hex',
  )
  assert.equal(ed25519KeyFault(mixed), 'mixed-order')
})

test('any 32 bytes are safe or refused, and no other length is read', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
      const fault = ed25519KeyFault(bytes)
      // Half of all y are on no point, and of the points one in eight is of prime order.
      assert.ok(['safe', 'off-curve', 'mixed-order'].includes(fault ?? 'safe'))
    }),
    { numRuns: 40 },
  )
  for (const length of [0, 31, 33, 64]) {
    assert.equal(ed25519KeyFault(Buffer.alloc(length)), 'length')
  }
})
