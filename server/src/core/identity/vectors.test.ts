// The official vectors of did:key, did:webvh, eddsa-jcs-2022 and Ed25519 (Wycheproof).
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { z } from 'zod'
import { sha256Hex, canonicalJson } from '../canonical.ts'
import { createProof, isProofValid, parseProof, proofInput } from './data-integrity.ts'
import { didKeyOf, parseDidKey, parseDidKeyUrl } from './did-key.ts'
import { ed25519PublicKey, verifyEd25519 } from './ed25519.ts'
import { decodeBase58 } from './base58.ts'
import { createPrivateKey, sign } from 'node:crypto'
import { multikeyOf, parseJwk, publicKeyObject } from './public-key.ts'
import { listVectors, readVector, readVectorIfAny, skip } from '../../../test/identity/vectors.ts'
import { verifyWebvhLog } from './webvh-log.ts'

const nowMs = Date.UTC(2026, 10, 22)
const record = z.record(z.string(), z.unknown())

describe('did:key', { skip }, () => {
  const vectors = z.record(
    z.string(),
    z.object({ seed: z.string().optional(), didDocument: record }).loose(),
  )

  test('reads and writes every Ed25519 vector', () => {
    const all = vectors.parse(JSON.parse(readVector('did-key/test-vectors/ed25519-x25519.json')))
    assert.ok(Object.keys(all).length >= 5)
    for (const [did, { seed = '' }] of Object.entries(all)) {
      const key = parseDidKey(did)
      assert.equal(didKeyOf(key), did)
      const secret = createPrivateKey({
        key: Buffer.concat([
          Buffer.from('302e020100300506032b657004220420', 'hex'),
          Buffer.from(seed, 'hex'),
        ]),
        format: 'der',
        type: 'pkcs8',
      })
      const message = Buffer.from(did)
      assert.ok(verifyEd25519(publicKeyObject(key), message, sign(null, message, secret)), did)
    }
  })

  test('reads and writes every P-256 vector', () => {
    const all = vectors.parse(JSON.parse(readVector('did-key/test-vectors/nist-curves.json')))
    const p256 = Object.keys(all).filter((did) => did.startsWith('did:key:zDn'))
    assert.ok(p256.length >= 2)
    for (const did of p256) assert.equal(didKeyOf(parseDidKey(did)), did)
  })

  test('refuses every vector of another kind of key', () => {
    for (const name of ['secp256k1', 'x25519', 'bls12381', 'rsa']) {
      const text = readVector(`did-key/test-vectors/${name}.json`)
      const dids = new Set(text.match(/did:key:z[1-9A-Za-z]+/g))
      assert.ok(dids.size > 0)
      for (const did of dids) {
        assert.throws(() => parseDidKey(did), { code: 'identity.key_invalid' }, did)
      }
    }
  })
})

describe('did:webvh', { skip }, () => {
  const result = z.object({
    didDocument: record.nullable(),
    didDocumentMetadata: z.object({ versionId: z.string() }).loose().or(record).nullable(),
  })
  const scenarios = skip === false ? listVectors('didwebvh/vectors') : []

  // In all logs of `witness-update` but one, the entry that names new witnesses is approved by those
  // alone. The specification says that they count only after it, and two of the five resolvers refuse
  // their own log in their published results. So do we.
  for (const scenario of scenarios) {
    for (const author of listVectors('didwebvh/vectors', scenario)) {
      test(`${scenario} as ${author} wrote it`, () => {
        const at = ['didwebvh/vectors', scenario, author] as const
        const log = readVector(...at, 'did.jsonl')
        const witnesses = readVectorIfAny(...at, 'did-witness.json')
        const did = lastId(log)
        if (scenario === 'witness-update' && author !== 'rust') {
          assert.throws(() => verifyWebvhLog({ did, log, witnesses, nowMs }), /1 of 2 witnesses/)
          return
        }
        const verified = verifyWebvhLog({ did, log, witnesses, nowMs })
        for (const version of ['', '.1', '.2']) {
          const text = readVectorIfAny(...at, `resolutionResult${version}.json`)
          if (text === undefined) continue
          const expected = result.parse(JSON.parse(text))
          const versionId = expected.didDocumentMetadata?.['versionId']
          if (versionId === undefined) continue
          const found = verified.versions.find((each) => each.versionId === versionId)
          assert.ok(found !== undefined, `${author} resolved another version`)
          // Resolvers add the implicit services; all else is the document of the log.
          const { service: _resolved, ...document } = expected.didDocument ?? {}
          const { service: _own, ...own } = found.document
          assert.deepEqual(own, document)
        }
        assert.equal(verified.isDeactivated, scenario === 'deactivate')
      })
    }
  }

  test('there are at least 60 logs of five implementations', () => {
    const count = scenarios.flatMap((each) => listVectors('didwebvh/vectors', each)).length
    assert.ok(count >= 60, String(count))
  })
})

/** The DID of the newest document: what a resolver of the published log was asked for. */
function lastId(log: string): string {
  const line = log.trim().split('\n').at(-1) ?? ''
  return z.object({ state: z.object({ id: z.string() }) }).parse(JSON.parse(line)).state.id
}

describe('eddsa-jcs-2022', { skip }, () => {
  const at = 'vc-di-eddsa/TestVectors'
  const signed = () => record.parse(JSON.parse(readVector(at, 'eddsa-jcs-2022/signedJCS.json')))
  const read = (name: string) => readVector(at, 'eddsa-jcs-2022', name).trim()

  test('every intermediate value is that of the vector', () => {
    const { proof, ...document } = signed()
    const { proofValue: _, ...config } = record.parse(proof)
    assert.equal(canonicalJson(document), read('canonDocJCS.txt'))
    assert.equal(sha256Hex(canonicalJson(document)), read('docHashJCS.txt'))
    assert.equal(canonicalJson(config), read('proofCanonJCS.txt'))
    assert.equal(sha256Hex(canonicalJson(config)), read('proofHashJCS.txt'))
    assert.equal(proofInput(document, config).toString('hex'), read('combinedHashJCS.txt'))
  })

  test('the proof verifies, and every change of document, proof or key is refused', () => {
    const document = signed()
    const proof = record.parse(document['proof'])
    const { key } = parseDidKeyUrl(parseProof(proof).verificationMethod)
    assert.ok(isProofValid({ document, proof, key }))
    assert.ok(!isProofValid({ document: { ...document, name: 'x' }, proof, key }))
    assert.ok(
      !isProofValid({ document, proof: { ...proof, created: '2024-01-01T00:00:00Z' }, key }),
    )
    assert.ok(!isProofValid({ document, proof: { ...proof, extra: 1 }, key }))
    const other = parseDidKey('did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp')
    assert.ok(!isProofValid({ document, proof, key: other }))
  })

  test('makes the very proof of the vector', async () => {
    const pair = z
      .object({ publicKeyMultibase: z.string(), privateKeyMultibase: z.string() })
      .parse(JSON.parse(readVector(at, 'keyPair.json')))
    const seed = decodeBase58(pair.privateKeyMultibase.slice(1))?.subarray(2) ?? Buffer.alloc(0)
    const secret = createPrivateKey({
      key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]),
      format: 'der',
      type: 'pkcs8',
    })
    const { proof: expected, ...document } = signed()
    const proof = parseProof(expected)
    const made = await createProof(
      document,
      {
        type: proof.type,
        cryptosuite: proof.cryptosuite,
        created: proof.created,
        verificationMethod: proof.verificationMethod,
        proofPurpose: proof.proofPurpose,
      },
      async (input) => sign(null, input, secret),
    )
    assert.deepEqual(made, expected)
  })
})

test('Wycheproof: Ed25519 accepts what is valid and refuses what is not', { skip }, () => {
  const vectors = z
    .object({
      testGroups: z.array(
        z.object({
          publicKey: z.object({ pk: z.string() }),
          publicKeyJwk: z.object({ x: z.string() }).loose().optional(),
          tests: z.array(
            z.object({ tcId: z.int(), msg: z.string(), sig: z.string(), result: z.string() }),
          ),
        }),
      ),
    })
    .parse(JSON.parse(readVector('wycheproof-ed25519/testvectors_v1/ed25519_test.json')))
  let count = 0
  for (const { publicKey, tests } of vectors.testGroups) {
    const bytes = Buffer.from(publicKey.pk, 'hex')
    const x = bytes.toString('base64url')
    const enrolled = parseJwk({ kty: 'OKP', crv: 'Ed25519', x })
    assert.ok(multikeyOf(enrolled).startsWith('z6Mk'))
    const key = ed25519PublicKey(bytes)
    for (const { tcId, msg, sig, result } of tests) {
      const isValid = verifyEd25519(key, Buffer.from(msg, 'hex'), Buffer.from(sig, 'hex'))
      assert.equal(isValid, result === 'valid', `tcId ${tcId}`)
      count += 1
    }
  }
  assert.ok(count >= 150, String(count))
})
