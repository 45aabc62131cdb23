// The official vectors: RFC 9421 appendix B, Web Bot Auth, and thumbprints of RFC 7638.
import assert from 'node:assert/strict'
import { constants, createHmac, createPublicKey, hash, type KeyObject, verify } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { z } from 'zod'
import { parseJwk, thumbprintOf } from '../identity/public-key.ts'
import { buildSignatureBase, type Message } from './signature-base.ts'
import { readSignature } from './signature-fields.ts'
import { isSignedBy, verifyingKeyOf } from './verifying-key.ts'

const shared = process.env['AIRWORTHY_SHARED'] ?? join(import.meta.dirname, '../../../../../shared')
const vectors = join(shared, 'vectors')
const skip = existsSync(join(vectors, 'rfc9421'))
  ? false
  : 'the official vectors are not here; AIRWORTHY_SHARED names the folder that holds vectors/'

function read<T>(file: string, schema: z.ZodType<T>): T {
  return schema.parse(JSON.parse(readFileSync(join(vectors, file), 'utf8')))
}

const appendixSchema = z.object({
  keys: z.record(z.string(), z.object({ blocks: z.array(z.string()) })),
  messages: z.record(z.string(), z.string()),
  cases: z.array(
    z.object({
      title: z.string(),
      alg: z.string(),
      signatureBase: z.string(),
      signatureInput: z.string(),
      signature: z.string(),
    }),
  ),
})

/** The draft prints another digest in the response's header than the one that B.2.4 signs. */
const rightDigest =
  'sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWdXymyU0rjJuahq4l5aGgfLQ==:'

function parseMessage(text: string): {
  start: string[]
  field: (name: string) => string | undefined
} {
  const [head = ''] = text.split('\n\n')
  const [first = '', ...lines] = head.split('\n')
  const fields = new Map(
    lines.map((line) => [
      line.slice(0, line.indexOf(':')).toLowerCase(),
      line.slice(line.indexOf(':') + 1),
    ]),
  )
  return { start: first.split(' '), field: (name) => fields.get(name) }
}

describe('RFC 9421, appendix B.2', { skip }, () => {
  if (skip !== false) return
  const { keys, messages, cases } = read('rfc9421/appendix-b.extracted.json', appendixSchema)
  const request = parseMessage(messages['test-request'] ?? '')
  const response = parseMessage(messages['test-response'] ?? '')
  const requestMessage = {
    method: request.start[0] ?? '',
    target: request.start[1] ?? '',
    scheme: 'https' as const,
    authority: 'example.com',
    field: request.field,
  }
  const responseMessage = {
    status: Number(response.start[1]),
    field: (name: string) => (name === 'content-digest' ? rightDigest : response.field(name)),
  }
  test('there are six', () => assert.equal(cases.length, 6))
  for (const one of cases) {
    test(one.title, () => {
      const found = readSignature({ input: one.signatureInput, signature: one.signature })
      assert.ok(found)
      const message: Message = one.signatureBase.includes('@status')
        ? { request: requestMessage, response: responseMessage }
        : { request: requestMessage }
      const base = buildSignatureBase(found, message)
      assert.equal(base, one.signatureBase)
      const block = keys[found.keyId ?? '']?.blocks.find((text) => text.includes('PUBLIC KEY'))
      const secret = keys[found.keyId ?? '']?.blocks[0] ?? ''
      assert.ok(isValid(one.alg, block ?? secret, { base, signature: found.signature }))
    })
  }
})

/** With the algorithms of the appendix that keys of agents do not have. */
function isValid(
  algorithm: string,
  keyText: string,
  signed: { base: string; signature: Buffer },
): boolean {
  const bytes = Buffer.from(signed.base)
  if (algorithm === 'hmac-sha256') {
    const expected = createHmac('sha256', Buffer.from(keyText, 'base64')).update(bytes).digest()
    return expected.equals(signed.signature)
  }
  const key = createPublicKey(keyText.slice(keyText.indexOf('-----BEGIN')).split('\n\n')[0] ?? '')
  if (algorithm === 'rsa-pss-sha512') return isValidRsa(key, bytes, signed.signature)
  const own = verifyingKeyOf(parseJwk(key.export({ format: 'jwk' })))
  assert.equal(own.algorithm, algorithm === 'ed25519' ? 'ed25519' : 'es256')
  return isSignedBy(own, signed.base, signed.signature)
}

function isValidRsa(key: KeyObject, bytes: Buffer, signature: Buffer): boolean {
  const options = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 64 }
  return verify('sha512', bytes, options, signature)
}

const botSchema = z.array(
  z.object({
    key: z.record(z.string(), z.string()),
    target_url: z.string(),
    label: z.string(),
    signature: z.string(),
    signature_input: z.string(),
    signature_agent: z.string().optional(),
  }),
)

describe('Web Bot Auth', { skip }, () => {
  if (skip !== false) return
  for (const version of ['v1', 'v2']) {
    const file = `web-bot-auth/packages/web-bot-auth/test/test_data/web_bot_auth_architecture_${version}.json`
    const cases = read(file, botSchema)
    test(`${version} has four`, () => assert.equal(cases.length, 4))
    for (const [at, one] of cases.entries()) {
      test(`${version}, ${at + 1}: ${one.label} by ${one.key['kty']}`, () => checkBot(one))
    }
  }
})

function checkBot(one: z.output<typeof botSchema>[number]): void {
  const url = new URL(one.target_url)
  const fields = { input: one.signature_input, signature: one.signature }
  const found = readSignature(fields, 'web-bot-auth')
  assert.ok(found)
  assert.equal(found.label, one.label)
  const base = buildSignatureBase(found, {
    request: {
      method: 'GET',
      scheme: 'https',
      authority: url.host,
      target: `${url.pathname}${url.search}`,
      field: (name) => (name === 'signature-agent' ? one.signature_agent : undefined),
    },
  })
  if (one.key['kty'] === 'OKP') {
    const { kty, crv, x } = one.key
    const key = parseJwk({ kty, crv, x })
    assert.equal(thumbprintOf(key), found.keyId)
    assert.ok(isSignedBy(verifyingKeyOf(key), base, found.signature))
    assert.ok(!isSignedBy(verifyingKeyOf(key), `${base} `, found.signature))
  } else {
    const { kty = '', n = '', e = '' } = one.key
    const key = createPublicKey({ key: { kty, n, e }, format: 'jwk' })
    assert.ok(isValidRsa(key, Buffer.from(base), found.signature))
  }
}

const thumbprintSchema = z.array(z.object({ jwk: z.string(), thumbprint: z.string() }))

describe('thumbprints of RFC 7638', { skip }, () => {
  if (skip !== false) return
  const file = 'web-bot-auth/packages/jsonwebkey-thumbprint/test/fixtures/vectors.json'
  const cases = read(file, thumbprintSchema)
  for (const { jwk, thumbprint } of cases) {
    const parsed = z.record(z.string(), z.string()).parse(JSON.parse(jwk))
    test(`${parsed['kty']} ${parsed['crv'] ?? ''}`, () => {
      const { kty, crv, x, y } = parsed
      if (kty === 'OKP') assert.equal(thumbprintOf(parseJwk({ kty, crv, x })), thumbprint)
      else if (crv === 'P-256') assert.equal(thumbprintOf(parseJwk({ kty, crv, x, y })), thumbprint)
      else {
        // Keys that agents cannot have: the rule is the same.
        const members = kty === 'RSA' ? ['e', 'kty', 'n'] : ['crv', 'kty', 'x', 'y']
        const ordered = Object.fromEntries(members.map((name) => [name, parsed[name]]))
        assert.equal(hash('sha256', JSON.stringify(ordered), 'base64url'), thumbprint)
      }
    })
  }
})
