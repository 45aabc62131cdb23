// The log is verified by two programs: the server's, and the SDK's, which runs in a browser too. They
// share no code, so whatever one accepts the other must accept.
import assert from 'node:assert/strict'
import { hash, verify } from 'node:crypto'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { AuditCrypto } from '../../../sdk/src/audit/crypto.ts'
import { AuditFault } from '../../../sdk/src/audit/fault.ts'
import { readCheckpoint } from '../../../sdk/src/audit/note.ts'
import {
  type AuditPolicy,
  judgeSignatures,
  readAuditPolicy,
} from '../../../sdk/src/audit/policy.ts'
import { ed25519PublicKey, verifyEd25519 } from '../../src/core/identity/ed25519.ts'
import { formatVkey, mlDsaKey } from '../../src/core/tlog/note-key.ts'
import { judgeCheckpoint, parsePolicy } from '../../src/core/tlog/policy.ts'
import { signCheckpointNote } from '../../src/core/tlog/signatures.ts'
import { createTestSigner } from './memory-log.ts'

const crypto: AuditCrypto = {
  sha256: (bytes) => new Uint8Array(hash('sha256', bytes, 'buffer')),
  verifyEd25519: ({ key, message, signature }) =>
    Promise.resolve(verifyEd25519(ed25519PublicKey(key), message, signature)),
  verifyMlDsa44: ({ key, message, signature }) =>
    Promise.resolve(verify(null, message, mlDsaKey(key), signature)),
}

const origin = 'log.example/one'
const checkpoint = { origin, size: 300, root: Buffer.alloc(32, 9) }
const log = createTestSigner(origin, 'ed25519')
const witnesses = [
  createTestSigner('mirror.example', 'ml-dsa-44-cosignature'),
  createTestSigner('witness.example/1', 'ed25519-cosignature'),
  createTestSigner('witness.example/2', 'ed25519-cosignature'),
]

function policyText(...quorum: readonly string[]): string {
  const lines = [
    `log ${formatVkey(log.key)}`,
    ...witnesses.map(({ key }, at) => `witness w${at} ${formatVkey(key)}`),
    ...quorum,
  ]
  return lines.map((line) => `${line}\n`).join('')
}

async function isAcceptedBySdk(policy: AuditPolicy, bytes: Buffer): Promise<boolean> {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    return (await judgeSignatures(crypto, policy, readCheckpoint(text))).isQuorum
  } catch (error) {
    if (error instanceof AuditFault || error instanceof TypeError) return false
    throw error
  }
}

test('a checkpoint with any of the signatures is judged alike', async () => {
  const text = policyText('group people any w1 w2', 'group both all w0 people', 'quorum both')
  const policy = parsePolicy(Buffer.from(text))
  const sdkPolicy = await readAuditPolicy(crypto, text)
  const verdicts = new Set<boolean>()
  for (let mask = 0; mask < 16; mask += 1) {
    const signers = [log, ...witnesses].filter((_, at) => (mask & (1 << at)) !== 0)
    if (signers.length === 0) continue
    const bytes = await signCheckpointNote({ checkpoint, signers, atSeconds: 1_800_000_000 })
    const isAccepted = judgeCheckpoint(policy, bytes).kind === 'accepted'
    assert.equal(await isAcceptedBySdk(sdkPolicy, bytes), isAccepted, `signers ${mask}`)
    verdicts.add(isAccepted)
  }
  assert.equal(verdicts.size, 2)
})

test('a checkpoint of which any byte was changed, left out or put in is judged alike', async () => {
  // All must sign: where a changed line only loses a signature, the quorum is lost with it.
  const text = policyText('group everybody all w0 w1 w2', 'quorum everybody')
  const policy = parsePolicy(Buffer.from(text))
  const sdkPolicy = await readAuditPolicy(crypto, text)
  const signers = [log, ...witnesses]
  const good = await signCheckpointNote({ checkpoint, signers, atSeconds: 1_800_000_000 })
  assert.ok(await isAcceptedBySdk(sdkPolicy, good))
  const edit = fc.record({
    at: fc.nat({ max: good.length - 1 }),
    cut: fc.nat({ max: 2 }),
    put: fc.uint8Array({ maxLength: 2 }),
  })
  await fc.assert(
    fc.asyncProperty(edit, async ({ at, cut, put }) => {
      const bytes = Buffer.concat([good.subarray(0, at), put, good.subarray(at + cut)])
      const isAccepted = judgeCheckpoint(policy, bytes).kind === 'accepted'
      assert.equal(isAccepted, bytes.equals(good))
      assert.equal(await isAcceptedBySdk(sdkPolicy, bytes), isAccepted)
    }),
    { numRuns: 400 },
  )
})

test('a policy that one of the two cannot read is read by neither', async () => {
  const one = witnesses[1]
  assert(one !== undefined)
  const logLine = `log ${formatVkey(log.key)}\n`
  const twice = `witness a ${formatVkey(one.key)}\nwitness b ${formatVkey(one.key)}\n`
  const refused = {
    'one witness under two names': `${logLine}${twice}group both all a b\nquorum both\n`,
    'a log key that makes no cosignatures': `${logLine}witness a ${formatVkey(log.key)}\nquorum a\n`,
    'a cosigner as the log': `log ${formatVkey(one.key)}\nquorum none\n`,
    'a threshold that is no plain number': `${logLine}witness a ${formatVkey(one.key)}\ngroup g 0x1 a\nquorum g\n`,
    'more on a line than it may have': `${logLine}witness a ${formatVkey(one.key)} https://a.example b\nquorum a\n`,
    'a last line without its end': `${logLine}quorum none`,
  }
  for (const [what, text] of Object.entries(refused)) {
    assert.throws(() => parsePolicy(Buffer.from(text)), what)
    await assert.rejects(readAuditPolicy(crypto, text), AuditFault, what)
  }
  const accepted = `${logLine}witness a ${formatVkey(one.key)} https://a.example\ngroup g 1 a\nquorum g\n`
  parsePolicy(Buffer.from(accepted))
  await readAuditPolicy(crypto, accepted)
})

test('a note with a control character is read by neither', async () => {
  const good = await signCheckpointNote({
    checkpoint,
    signers: [log],
    atSeconds: 1_800_000_000,
  })
  const stray = `\u2014 other\u0007name ${Buffer.alloc(68, 1).toString('base64')}\n`
  const note = good.toString() + stray
  const policy = parsePolicy(Buffer.from(policyText('quorum none')))
  assert.notEqual(judgeCheckpoint(policy, Buffer.from(note)).kind, 'accepted')
  assert.throws(() => readCheckpoint(note), AuditFault)
})
