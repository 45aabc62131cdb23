import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { createMemoryLog, createTestSigner } from '../../../test/tlog/memory-log.ts'
import { TlogError } from './fault.ts'
import { formatVkey } from './note-key.ts'
import { parsePolicy } from './policy.ts'
import { proveInclusion } from './proof.ts'
import { formatProofFile, parseProofFile, verifyProofFile } from './proof-file.ts'
import { signCheckpointNote } from './signatures.ts'
import { emptyRoot, leafHash } from './tree.ts'

const origin = 'log.example/one'
const signer = createTestSigner(origin, 'ed25519')
const policy = parsePolicy(Buffer.from(`log ${formatVkey(signer.key)}\nquorum none\n`))
const size = 300
const entries = Array.from({ length: size }, (_, at) => Buffer.from(`entry ${at}`))
const log = createMemoryLog()
log.append(entries)
const root = log.roots.get(size) ?? emptyRoot
const checkpoint = await signCheckpointNote({
  checkpoint: { origin, size, root },
  signers: [signer],
  atSeconds: 0,
})

async function fileOf(index: number, extra?: Buffer): Promise<Buffer> {
  const proof = await proveInclusion({ index, size, readTile: log.readTile })
  return formatProofFile({ index, proof, checkpoint, ...(extra === undefined ? {} : { extra }) })
}

function leafOf(index: number): Buffer {
  return leafHash(entries[index] ?? Buffer.alloc(0))
}

suite('proof files', () => {
  test('any leaf has a file that verifies for that leaf and no other', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: size - 1 }),
        fc.nat({ max: size - 1 }),
        async (index, other) => {
          const file = await fileOf(index)
          const verdict = verifyProofFile({ file, leaf: leafOf(index), policy })
          assert.equal(verdict.kind, 'accepted')
          assert.deepEqual([verdict.index, verdict.checkpoint.size], [index, size])
          fc.pre(other !== index)
          const wrong = verifyProofFile({ file, leaf: leafOf(other), policy })
          assert.equal(wrong.kind === 'refused' && wrong.reason, 'inclusion')
        },
      ),
    )
  })

  test('extra data comes back as it was, and says nothing of the proof', async () => {
    const extra = Buffer.from('opaque \u0000 bytes')
    const file = await fileOf(7, extra)
    assert.deepEqual(parseProofFile(file).extra, extra)
    assert.deepEqual(parseProofFile(file).checkpoint, checkpoint)
    assert.equal(verifyProofFile({ file, leaf: leafOf(7), policy }).kind, 'accepted')
  })

  test('no byte of a file can be another', async () => {
    const file = await fileOf(7)
    for (let at = 0; at < file.length; at += 1) {
      for (const bit of [1, 16, 128]) {
        const other = Buffer.from(file)
        other[at] = (other[at] ?? 0) ^ bit
        const verdict = verifyProofFile({ file: other, leaf: leafOf(7), policy })
        assert.equal(verdict.kind, 'refused', `byte ${at}`)
      }
    }
  })

  test('a checkpoint that the policy does not trust is refused', async () => {
    const stranger = formatVkey(createTestSigner(origin, 'ed25519').key)
    const strict = parsePolicy(Buffer.from(`log ${stranger}\nquorum none\n`))
    const verdict = verifyProofFile({ file: await fileOf(7), leaf: leafOf(7), policy: strict })
    assert.equal(verdict.kind === 'refused' && verdict.reason, 'signature')
  })

  test('whatever is not exactly a proof file is malformed', async () => {
    const good = (await fileOf(7)).toString()
    const wrong = [
      '',
      good.replace('@v1', '@v2'),
      good.replace('index 7\n', ''),
      good.replace('index 7', 'index 07'),
      good.replace('index 7', 'index 7 '),
      good.replace('index 7', 'extra AAA\nindex 7'),
      good.replace('index 7', 'extra AAAA\nextra AAAA\nindex 7'),
      good.replace('index 7\n', 'index 7\n\n'),
      good.replace('index 7\n', `index 7\n${`${root.toString('base64')}\n`.repeat(64)}`),
      good.replaceAll('\n', '\r\n'),
      `${good}\n`,
      good.trimEnd(),
    ]
    for (const text of wrong) {
      const verdict = verifyProofFile({ file: Buffer.from(text), leaf: leafOf(7), policy })
      assert.equal(verdict.kind === 'refused' && verdict.reason, 'malformed', text.slice(0, 60))
      assert.throws(() => parseProofFile(Buffer.from(text)), TlogError)
    }
  })
})
