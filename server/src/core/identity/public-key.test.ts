import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { decodeBase58, encodeBase58 } from './base58.ts'
import {
  jwkOf,
  multikeyOf,
  parseJwk,
  parseMultikey,
  parseSpki,
  thumbprintOf,
} from './public-key.ts'

const pairs = {
  ed25519: generateKeyPairSync('ed25519').publicKey,
  es256: generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey,
}

test('base58btc: every sequence of bytes comes back, and nothing else is read', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      assert.deepEqual(decodeBase58(encodeBase58(bytes)), Buffer.from(bytes))
    }),
  )
  for (const text of ['0', 'O', 'I', 'l', 'z+', ' 2']) assert.equal(decodeBase58(text), undefined)
})

describe('a key is the same in every form', () => {
  for (const [algorithm, pair] of Object.entries(pairs)) {
    test(algorithm, () => {
      const der = pair.export({ format: 'der', type: 'spki' })
      const key = parseSpki(der)
      assert.equal(key.algorithm, algorithm)
      assert.deepEqual(parseSpki(pair.export({ format: 'pem', type: 'spki' })), key)
      assert.deepEqual(parseJwk(pair.export({ format: 'jwk' })), key)
      assert.deepEqual(parseJwk(jwkOf(key)), key)
      assert.deepEqual(parseMultikey(multikeyOf(key)), key)
    })
  }
})

test('the thumbprint is that of RFC 8037, appendix A.3', () => {
  const key = parseJwk({
    kty: 'OKP',
    crv: 'Ed25519',
    x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
  })
  assert.equal(thumbprintOf(key), 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k')
})

describe('a JWK is refused', () => {
  const x = '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo'
  const good = { kty: 'OKP', crv: 'Ed25519', x }
  const cases: [string, unknown, string?][] = [
    ['with its private member', { ...good, d: x }],
    ['of another type', { ...good, kty: 'EC' }],
    ['of X25519', { ...good, crv: 'X25519' }],
    ['of RSA', { kty: 'RSA', n: 'AQAB', e: 'AQAB' }],
    ['of a secret', { kty: 'oct', k: 'AA' }],
    ['with padding', { ...good, x: `${x}=` }],
    ['in base64', { ...good, x: x.replaceAll('_', '/') }],
    ['with other bits at its end', { ...good, x: `${x.slice(0, -1)}p` }],
    ['that is too short', { ...good, x: x.slice(0, -2) }],
    ['for encryption', { ...good, use: 'enc' }],
    ['with another algorithm', { ...good, alg: 'ES256' }],
    ['that is no object', 'z6Mk'],
    ['of P-256, off the curve', { kty: 'EC', crv: 'P-256', x, y: x }],
    ['of low order', { ...good, x: 'A'.repeat(43) }, 'identity.key_unsafe'],
  ]
  for (const [name, jwk, code = 'identity.key_invalid'] of cases) {
    test(name, () => assert.throws(() => parseJwk(jwk), { code }))
  }
})

test('a PEM or DER is one public key, canonical, and nothing beside it', () => {
  const der = pairs.ed25519.export({ format: 'der', type: 'spki' })
  const pem = pairs.ed25519.export({ format: 'pem', type: 'spki' })
  const secret = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' })
  const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey
  const refused = [
    Buffer.concat([der, Buffer.from([0])]),
    der.subarray(0, -1),
    pem + pem,
    `${pem}x`,
    secret,
    rsa.export({ format: 'der', type: 'spki' }),
  ]
  for (const each of refused) {
    assert.throws(() => parseSpki(each), { code: 'identity.key_invalid' })
  }
})
