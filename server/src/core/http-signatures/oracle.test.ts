// What the SDK signs, what is verified here, and what a library of others says of both.
import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import { test } from 'node:test'
import { createSigner, signRequest } from '@airworthy/sdk'
import * as fc from 'fast-check'
import { httpbis } from 'http-message-signatures'
import { z } from 'zod'
import { AirworthyError } from '../errors.ts'
import { parseJwk } from '../identity/public-key.ts'
import { isDigestOf } from './content-digest.ts'
import { checkRequestProfile, requestTag } from './request-profile.ts'
import { buildSignatureBase, type RequestMessage } from './signature-base.ts'
import { readSignature } from './signature-fields.ts'
import { isSignedBy, verifyingKeyOf } from './verifying-key.ts'

const pair = generateKeyPairSync('ed25519')
const jwkSchema = z.object({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: z.string(),
  d: z.string(),
})
const jwk = jwkSchema.parse(pair.privateKey.export({ format: 'jwk' }))
const { d: _private, ...publicJwk } = jwk
const ownKey = verifyingKeyOf(parseJwk(publicJwk))
const otherKey = createPublicKey({ key: publicJwk, format: 'jwk' })

type Plain = { method: string; url: string; headers: Record<string, string>; body: string }

const segment = fc.stringMatching(/^[A-Za-z0-9._~-]{1,12}$/).filter((text) => !/^\.+$/.test(text))
const value = fc.stringMatching(/^[!-~]([ -~]{0,30}[!-~])?$/)
const plain: fc.Arbitrary<Plain> = fc.record({
  method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE'),
  url: fc
    .tuple(fc.array(segment, { maxLength: 4 }), fc.option(fc.array(fc.tuple(segment, segment))))
    .map(([path, query]) => {
      const search = query?.map(([name, text]) => `${name}=${text}`).join('&') ?? ''
      return `https://gateway.example.com:8443/${path.join('/')}${search === '' ? '' : `?${search}`}`
    }),
  headers: fc.record({
    authorization: value,
    'content-type': value,
    'airworthy-session': value,
    'x-other': value,
  }),
  body: fc.string({ unit: 'binary', maxLength: 50 }),
})

function messageOf(sent: Plain): RequestMessage {
  const url = new URL(sent.url)
  return {
    method: sent.method,
    scheme: 'https',
    authority: url.host,
    target: `${url.pathname}${url.search}`,
    field: (name) => sent.headers[name],
  }
}

/** The code of the refusal; undefined when the request is accepted. */
function refusalOf(sent: Plain, nowMs: number): string | undefined {
  try {
    const { headers } = sent
    const fields = { input: headers['signature-input'], signature: headers['signature'] }
    const found = readSignature(fields, requestTag)
    if (found === undefined) return 'signature.missing'
    checkRequestProfile(found, { fieldNames: Object.keys(headers), nowMs })
    const base = buildSignatureBase(found, { request: messageOf(sent) })
    if (!isSignedBy(ownKey, base, found.signature)) return 'signature.invalid'
    const digest = headers['content-digest']
    const body = Buffer.from(sent.body)
    const isBody = digest === undefined ? body.length === 0 : isDigestOf(digest, body)
    return isBody ? undefined : 'signature.digest_mismatch'
  } catch (thrown) {
    if (thrown instanceof AirworthyError) return thrown.code
    throw thrown
  }
}

const keyLookup = () =>
  Promise.resolve({
    verify: (data: Buffer, signature: Buffer) =>
      Promise.resolve(verify(null, data, otherKey, signature)),
  })

/** What the library says; it looks neither at bodies nor at what should be covered. */
async function isValidToOthers({ method, url, headers }: Plain): Promise<boolean> {
  try {
    const message = { method, url, headers }
    return (await httpbis.verifyMessage({ keyLookup, tolerance: 5 }, message)) === true
  } catch {
    return false
  }
}

async function signedBySdk(sent: Plain, nowMs: number): Promise<Plain> {
  const signed = await signRequest(
    {
      method: sent.method,
      url: new URL(sent.url),
      headers: new Headers(sent.headers),
      body: new TextEncoder().encode(sent.body),
    },
    { signer: await createSigner(jwk), now: () => nowMs },
  )
  return { ...sent, headers: { ...sent.headers, ...signed.headers } }
}

test('what the SDK signs is accepted, here and by others', async () => {
  await fc.assert(
    fc.asyncProperty(plain, async (sent) => {
      const nowMs = Date.now()
      const signed = await signedBySdk(sent, nowMs)
      assert.equal(refusalOf(signed, nowMs), undefined)
      assert.ok(await isValidToOthers(signed))
    }),
    { numRuns: 100 },
  )
})

test('whatever of it is changed, it is refused', async () => {
  const places = ['method', 'url', 'body', 'headers'] as const
  await fc.assert(
    fc.asyncProperty(plain, plain, fc.constantFrom(...places), async (sent, other, place) => {
      const nowMs = Date.now()
      const signed = await signedBySdk(sent, nowMs)
      const covered = ['authorization', 'content-type', 'airworthy-session']
      const from = (name: string) => other.headers[name] ?? ''
      const headers = Object.fromEntries(covered.map((name) => [name, from(name)]))
      const part = place === 'headers' ? { ...signed.headers, ...headers } : other[place]
      const changed: Plain = { ...signed, [place]: part }
      fc.pre(JSON.stringify(changed) !== JSON.stringify(signed))
      const refusal = refusalOf(changed, nowMs)
      assert.ok(refusal !== undefined)
      const isOfBody = refusal === 'signature.digest_mismatch' || refusal === 'signature.incomplete'
      assert.ok(isOfBody || !(await isValidToOthers(changed)))
    }),
    { numRuns: 200 },
  )
})

test('a signature of others has the same base here', async () => {
  const names = ['@method', '@target-uri', '@authority', '@scheme', '@path', '@query', 'x-other']
  await fc.assert(
    fc.asyncProperty(plain, fc.uniqueArray(fc.constantFrom(...names)), async (sent, fields) => {
      const { method, url, headers } = sent
      let signedBytes = ''
      const key = {
        id: 'k',
        alg: 'ed25519',
        sign: (data: Buffer) => {
          signedBytes = data.toString()
          return Promise.resolve(sign(null, data, pair.privateKey))
        },
      }
      const signed = await httpbis.signMessage({ key, fields }, { method, url, headers })
      const fieldOf = (name: string) => String(signed.headers[name])
      const found = readSignature({
        input: fieldOf('Signature-Input'),
        signature: fieldOf('Signature'),
      })
      assert.ok(found)
      const base = buildSignatureBase(found, { request: messageOf(sent) })
      assert.equal(base, signedBytes)
      assert.ok(isSignedBy(ownKey, base, found.signature))
    }),
    { numRuns: 100 },
  )
})

test('broken fields are refused by a code, whatever they are', () => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^[a-z0-9"=();:, @.-]{0,60}$/))
  fc.assert(
    fc.property(text, text, (input, signature) => {
      try {
        readSignature({ input, signature })
      } catch (thrown) {
        assert.ok(thrown instanceof AirworthyError, String(thrown))
        assert.match(thrown.code, /^signature\./)
      }
    }),
    { numRuns: 2000 },
  )
})

test('what is read fast is what is read slowly', async () => {
  await fc.assert(
    fc.asyncProperty(plain, async (sent) => {
      const { headers } = await signedBySdk(sent, Date.now())
      const [input = '', signature = ''] = [headers['signature-input'], headers['signature']]
      const fast = readSignature({ input, signature }, requestTag)
      // Another signature beside it, which nobody asks for, is no usual case.
      const more = { input: `${input}, x=();tag="x"`, signature: `${signature}, x=:AAAA:` }
      assert.deepEqual(readSignature(more, requestTag), fast)
    }),
    { numRuns: 50 },
  )
})
