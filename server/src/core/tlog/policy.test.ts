import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { createTestSigner } from '../../../test/tlog/memory-log.ts'
import { TlogError } from './fault.ts'
import { createNoteKey, formatVkey } from './note-key.ts'
import { isQuorum, judgeCheckpoint, parsePolicy } from './policy.ts'
import { signCheckpointNote } from './signatures.ts'

const origin = 'log.example/one'
const log = createTestSigner(origin, 'ed25519')
const witnesses = Array.from({ length: 6 }, (_, at) =>
  createTestSigner(`witness.example/${at}`, 'ed25519-cosignature'),
)
const checkpoint = { origin, size: 7, root: Buffer.alloc(32, 1) }
const keys = witnesses.map(({ key }) => formatVkey(key))

/** The example of the specification: two of X and one of Y. */
const twoLevels = [
  '# a comment',
  `log ${formatVkey(log.key)} https://log.example/one`,
  '',
  `witness X1 ${keys[0]}`,
  `\t witness  X2\t${keys[1]} https://witness.example/1  `,
  `witness X3 ${keys[2]}`,
  'group X-witnesses 2 X1 X2 X3',
  `witness Y1 ${keys[3]}`,
  `witness Y2 ${keys[4]}`,
  `witness Y3 ${keys[5]}`,
  'group Y-witnesses any Y1 Y2 Y3',
  'group X-and-Y all X-witnesses Y-witnesses',
  'quorum X-and-Y',
  '',
].join('\n')

function policyOf(...lines: readonly string[]) {
  return parsePolicy(Buffer.from(lines.map((line) => `${line}\n`).join('')))
}

async function signedBy(...names: readonly number[]): Promise<Buffer> {
  const signers = [log, ...names.flatMap((at) => witnesses[at] ?? [])]
  return signCheckpointNote({ checkpoint, signers, atSeconds: 1_800_000_000 })
}

suite('policies', () => {
  test('a quorum of groups is reached by the right witnesses only', async () => {
    const policy = parsePolicy(Buffer.from(twoLevels))
    assert.deepEqual(
      policy.groups.map(({ name, threshold }) => [name, threshold]),
      [
        ['X-witnesses', 2],
        ['Y-witnesses', 1],
        ['X-and-Y', 2],
      ],
    )
    assert.equal(policy.witnesses[1]?.url, 'https://witness.example/1')
    const accepted = judgeCheckpoint(policy, await signedBy(0, 2, 5))
    assert.equal(accepted.kind, 'accepted')
    assert.deepEqual(
      accepted.witnesses.map(({ name, atSeconds }) => [name, atSeconds]),
      [
        ['X1', 1_800_000_000],
        ['X3', 1_800_000_000],
        ['Y3', 1_800_000_000],
      ],
    )
    for (const few of [[], [0, 1], [0, 1, 2], [3, 4, 5], [0, 3, 4, 5]]) {
      const verdict = judgeCheckpoint(policy, await signedBy(...few))
      assert.deepEqual([few, reasonOf(verdict)], [few, 'quorum'])
    }
  })

  test('more signatures never undo a quorum, and nobody outside of it counts', () => {
    const policy = parsePolicy(Buffer.from(twoLevels))
    const names = policy.witnesses.map(({ name }) => name)
    const some = fc.subarray(names)
    fc.assert(
      fc.property(some, some, (few, more) => {
        const isFew = isQuorum(policy, new Set(few))
        const x = few.filter((name) => name.startsWith('X')).length
        assert.equal(isFew, x >= 2 && few.length > x)
        if (isFew) assert.ok(isQuorum(policy, new Set([...few, ...more])))
        assert.equal(isQuorum(policy, new Set([...few, 'Z1'])), isFew)
      }),
    )
  })

  test('without witnesses the log alone is enough, and the log it must be', async () => {
    const policy = policyOf(`log ${formatVkey(log.key)}`, 'quorum none')
    assert.equal(judgeCheckpoint(policy, await signedBy()).kind, 'accepted')
    const other = createTestSigner(origin, 'ed25519')
    const forged = await signCheckpointNote({ checkpoint, signers: [other], atSeconds: 1 })
    assert.equal(reasonOf(judgeCheckpoint(policy, forged)), 'signature')
    const elsewhere = { ...checkpoint, origin: 'log.example/two' }
    const foreign = await signCheckpointNote({
      checkpoint: elsewhere,
      signers: [log],
      atSeconds: 1,
    })
    assert.equal(reasonOf(judgeCheckpoint(policy, foreign)), 'log')
    assert.equal(reasonOf(judgeCheckpoint(policy, Buffer.from('hello'))), 'malformed')
  })

  test('a wrong cosignature refuses even where the quorum does not need it', async () => {
    const bytes = await signedBy(0)
    const policy = policyOf(`log ${formatVkey(log.key)}`, `witness w ${keys[0]}`, 'quorum none')
    const lines = bytes.toString().split('\n')
    const cosignature = Buffer.from(lines[5]?.split(' ')[2] ?? '', 'base64')
    cosignature[40] = (cosignature[40] ?? 0) ^ 1
    const line = `\u2014 witness.example/0 ${cosignature.toString('base64')}`
    const forged = Buffer.from(lines.with(5, line).join('\n'))
    assert.equal(judgeCheckpoint(policy, bytes).kind, 'accepted')
    assert.equal(reasonOf(judgeCheckpoint(policy, forged)), 'signature')
  })

  test('whatever is not exactly a policy is refused, with its line', () => {
    const vkey = formatVkey(log.key)
    const [first = '', second = ''] = keys
    const again = createNoteKey({
      name: 'another.example',
      type: 'ed25519-cosignature',
      publicKey: witnesses[0]?.key.publicKey ?? Buffer.alloc(0),
    })
    const wrong: Record<string, readonly string[]> = {
      'no quorum': [`log ${vkey}`],
      'two quorums': ['quorum none', 'quorum none'],
      'an unknown word': ['logs', 'quorum none'],
      'a quorum that is not defined': ['quorum w'],
      'a quorum defined below': ['quorum w', `witness w ${first}`],
      'a member that is not defined': ['group g any w', 'quorum g'],
      'a group in itself': ['group g any g', 'quorum g'],
      'a member twice': [`witness w ${first}`, 'group g all w w', 'quorum g'],
      'a member of two groups': [
        `witness w ${first}`,
        'group g all w',
        'group h all w',
        'quorum h',
      ],
      'none as a member': ['group g any none', 'quorum g'],
      'none as a name': [`witness none ${first}`, 'quorum none'],
      'a name twice': [`witness w ${first}`, `witness w ${second}`, 'quorum w'],
      'a key twice under two names': [
        `witness w ${first}`,
        `witness v ${formatVkey(again)}`,
        'quorum w',
      ],
      'a log twice': [`log ${vkey}`, `log ${vkey}`, 'quorum none'],
      'no members': ['group g any', 'quorum g'],
      'more than all': [`witness w ${first}`, 'group g 2 w', 'quorum g'],
      'none of them': [`witness w ${first}`, 'group g 0 w', 'quorum g'],
      'a threshold of another spelling': [`witness w ${first}`, 'group g 01 w', 'quorum g'],
      'a witness key for a log': [`log ${first}`, 'quorum none'],
      'a log key for a witness': [`witness w ${vkey}`, 'quorum w'],
      'a word too many': [`log ${vkey} https://a b`, 'quorum none'],
      'a control character': ['# \u0001', 'quorum none'],
    }
    for (const [what, lines] of Object.entries(wrong)) {
      assert.throws(() => policyOf(...lines), TlogError, what)
    }
    assert.throws(() => policyOf('quorum none', 'quorum none'), /line 2/)
    assert.throws(() => parsePolicy(Buffer.from('quorum none')), TlogError)
  })
})

function reasonOf(verdict: ReturnType<typeof judgeCheckpoint>): string {
  return verdict.kind === 'refused' ? verdict.reason : verdict.kind
}
