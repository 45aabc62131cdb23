import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { createMemoryLog, createTestSigner } from '../../../test/tlog/memory-log.ts'
import { TlogError } from './fault.ts'
import { proveConsistency } from './proof.ts'
import { signCheckpointNote } from './signatures.ts'
import { emptyRoot } from './tree.ts'
import {
  formatAddCheckpoint,
  formatSizeBody,
  judgeAddCheckpoint,
  parseAddCheckpoint,
  parseSizeBody,
  type WitnessVerdict,
} from './witness.ts'

const origin = 'log.example/one'
const signer = createTestSigner(origin, 'ed25519')
const log = createMemoryLog()
for (let at = 0; at < 20; at += 1) log.append([Buffer.from(String(at))])

function rootOf(size: number): Buffer {
  return log.roots.get(size) ?? emptyRoot
}

async function request(options: { from: number; to: number; root?: Buffer; by?: typeof signer }) {
  const { from, to, root = rootOf(to), by = signer } = options
  const checkpoint = await signCheckpointNote({
    checkpoint: { origin, size: to, root },
    signers: [by],
    atSeconds: 1,
  })
  const proof = from <= to ? await proveConsistency({ from, to, readTile: log.readTile }) : []
  return { oldSize: from, proof, checkpoint }
}

/** What a witness answers that cosigned a checkpoint of `latest` leaves before. */
function answer(body: Uint8Array, latest: number | undefined): WitnessVerdict {
  return judgeAddCheckpoint(body, {
    keysOf: (name) => (name === origin ? [signer.key] : undefined),
    latestOf: () => (latest === undefined ? undefined : { size: latest, root: rootOf(latest) }),
  })
}

suite('add-checkpoint', () => {
  test('a body is read back as it was written', async () => {
    const body = await request({ from: 5, to: 13 })
    assert.deepEqual(parseAddCheckpoint(formatAddCheckpoint(body)), body)
  })

  test('a log that grew from the latest size is cosigned, whatever the sizes', async () => {
    const sizes = fc.integer({ min: 0, max: 20 }).chain((to) => {
      return fc.record({ to: fc.constant(to), from: fc.nat({ max: to }) })
    })
    await fc.assert(
      fc.asyncProperty(sizes, async ({ from, to }) => {
        const verdict = answer(formatAddCheckpoint(await request({ from, to })), from)
        assert.equal(verdict.kind, 'cosign')
        assert.deepEqual([verdict.checkpoint.size, verdict.checkpoint.root], [to, rootOf(to)])
      }),
      { numRuns: 60 },
    )
    const first = formatAddCheckpoint(await request({ from: 0, to: 3 }))
    assert.equal(answer(first, undefined).kind, 'cosign')
  })

  test('a log that it does not know: 404', async () => {
    const body = formatAddCheckpoint(await request({ from: 0, to: 3 }))
    const verdict = judgeAddCheckpoint(body, { keysOf: () => undefined, latestOf: () => undefined })
    assert.equal(statusOf(verdict), 404)
  })

  test('a checkpoint that the log did not sign: 403', async () => {
    const by = createTestSigner(origin, 'ed25519')
    assert.equal(
      statusOf(answer(formatAddCheckpoint(await request({ from: 0, to: 3, by })), 0)),
      403,
    )
  })

  test('an old size that is not the latest: 409 with the latest', async () => {
    for (const from of [0, 3, 8, 9]) {
      const verdict = answer(formatAddCheckpoint(await request({ from, to: 9 })), 7)
      assert.equal(statusOf(verdict), 409)
      assert.deepEqual('size' in verdict && verdict.size, 7)
    }
  })

  test('an old size beyond the new one: 400', async () => {
    assert.equal(statusOf(answer(formatAddCheckpoint(await request({ from: 9, to: 3 })), 9)), 400)
  })

  test('the same size with another root: 409, and nothing is cosigned', async () => {
    const body = await request({ from: 9, to: 9, root: rootOf(8) })
    assert.equal(statusOf(answer(formatAddCheckpoint(body), 9)), 409)
  })

  test('a proof that does not hold: 422', async () => {
    const good = await request({ from: 5, to: 13 })
    const bodies = [
      { ...good, proof: good.proof.slice(1) },
      { ...good, proof: [...good.proof, emptyRoot] },
      await request({ from: 5, to: 13, root: rootOf(12) }),
    ]
    for (const body of bodies) {
      assert.equal(statusOf(answer(formatAddCheckpoint(body), 5)), 422)
    }
    const fromNothing = { ...(await request({ from: 0, to: 3 })), proof: [emptyRoot] }
    assert.equal(statusOf(answer(formatAddCheckpoint(fromNothing), 0)), 422)
  })

  test('a body that is none: 400', async () => {
    const good = formatAddCheckpoint(await request({ from: 5, to: 13 })).toString()
    const wrong = [
      '',
      'old 5\n',
      good.replace('old 5', 'old 05'),
      good.replace('old 5', 'old  5'),
      good.replace('old 5', 'Old 5'),
      good.replace('old 5\n', ''),
      good.replace('old 5\n', 'old 5\nAAAA\n'),
      good.replace('old 5\n', `old 5\n${`${emptyRoot.toString('base64')}\n`.repeat(64)}`),
      good.replaceAll('\n', '\r\n'),
      `${good}more`,
      'x'.repeat(200_000),
    ]
    for (const body of wrong) {
      assert.equal(statusOf(answer(Buffer.from(body), 5)), 400, body.slice(0, 40))
    }
  })
})

test('the body of a 409 is a size and a newline', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (size) => {
      assert.equal(parseSizeBody(Buffer.from(formatSizeBody(size))), size)
    }),
  )
  for (const body of ['', '7', '07\n', '7\n\n', '-7\n', 'x\n', `${'9'.repeat(40)}\n`]) {
    assert.throws(() => parseSizeBody(Buffer.from(body)), TlogError, body)
  }
})

function statusOf(verdict: WitnessVerdict): number {
  return verdict.kind === 'refused' ? verdict.status : 200
}
