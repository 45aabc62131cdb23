import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { createTestSigner } from '../../../test/tlog/memory-log.ts'
import { formatCheckpointText, parseCheckpoint, parseCheckpointText } from './checkpoint.ts'
import { TlogError, type TlogReason } from './fault.ts'
import {
  formatNote,
  formatSignatureLine,
  noteBytesMax,
  noteSignaturesMax,
  parseNote,
  parseSignatureLines,
} from './note.ts'
import { createNoteKey, formatVkey, parseVkey } from './note-key.ts'
import {
  cosignatureMessage,
  type NoteSigner,
  signCheckpoint,
  signCheckpointNote,
  verifyNote,
} from './signatures.ts'
import { emptyRoot } from './tree.ts'

const origin = 'log.example/one'
const checkpoint = { origin, size: 20_852_163, root: Buffer.alloc(32, 7) }
const atSeconds = 1_679_315_147
const log = createTestSigner(origin, 'ed25519')
const logPq = createTestSigner(origin, 'ml-dsa-44-cosignature')
const witness = createTestSigner('witness.example/w1', 'ed25519-cosignature')
const all = [log, logPq, witness]

const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((one) => {
  return /^[^\s+\p{Cc}]+$/u.test(one)
})
const signature = fc.record(
  {
    name,
    keyId: fc.nat({ max: 0xff_ff_ff_ff }),
    signature: fc.uint8Array({ minLength: 1, maxLength: 80 }).map((bytes) => Buffer.from(bytes)),
  },
  { noNullPrototype: true },
)
const lineOfText = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 80 }).filter((one) => {
  return !/\p{Cc}/u.test(one)
})
const noteText = fc
  .array(lineOfText, { minLength: 1, maxLength: 5 })
  .map((lines) => `${lines.join('\n')}\n`)

suite('signed notes', () => {
  test('a note is read back as it was written', () => {
    const notes = fc.record(
      { text: noteText, signatures: fc.array(signature, { minLength: 1, maxLength: 16 }) },
      { noNullPrototype: true },
    )
    fc.assert(fc.property(notes, (note) => assert.deepEqual(parseNote(formatNote(note)), note)))
  })

  test('the text may have empty lines: the last one ends it', () => {
    const line = formatSignatureLine({ name: 'k', keyId: 1, signature: Buffer.from('s') })
    assert.equal(parseNote(Buffer.from(`one\n\n\ntwo\n\n${line}`)).text, 'one\n\n\ntwo\n')
  })

  test('whatever is not exactly a note is refused', () => {
    const line = formatSignatureLine({ name: 'k', keyId: 1, signature: Buffer.from('s') })
    const wrong: Record<string, string> = {
      nothing: '',
      'no text': `\n\n${line}`,
      'no signature': 'text\n\n',
      'no empty line': `text\n${line}`,
      'no last newline': `text\n\n${line.trimEnd()}`,
      'text after the signatures': `text\n\n${line}more`,
      'a line that is no signature': `text\n\n${line}more\n`,
      'an empty line at the end': `text\n\n${line}\n`,
      'a hyphen for the dash': `text\n\n${line.replace('\u2014', '-')}`,
      'two spaces': `text\n\n${line.replace('k ', 'k  ')}`,
      'a space at the end': `text\n\n${line.replace('\n', ' \n')}`,
      'a carriage return': `text\r\n\n${line}`,
      'a tab in the text': `te\txt\n\n${line}`,
      'a plus in the name': `text\n\n${line.replace('k', 'k+')}`,
      'base64 without its padding': `text\n\n${line.replaceAll('=', '')}`,
      'base64 of the URL alphabet': 'text\n\n\u2014 k AAAA_w==\n',
      'bits beyond the last byte': 'text\n\n\u2014 k AAAAAXN=\n',
      'a key id alone': 'text\n\n\u2014 k AAAAAQ==\n',
    }
    for (const [what, bytes] of Object.entries(wrong)) {
      assert.throws(() => parseNote(Buffer.from(bytes)), faulty('malformed'), what)
    }
    assert.throws(() => parseNote(Buffer.from([0x74, 0xff, 0x0a])), faulty('malformed'))
  })

  test('sizes are bounded', () => {
    const line = formatSignatureLine({ name: 'k', keyId: 1, signature: Buffer.from('s') })
    const many = line.repeat(noteSignaturesMax)
    assert.equal(parseNote(Buffer.from(`t\n\n${many}`)).signatures.length, noteSignaturesMax)
    assert.throws(() => parseNote(Buffer.from(`t\n\n${many}${line}`)), faulty('too_large'))
    assert.throws(() => parseNote(Buffer.alloc(noteBytesMax + 1, 'a')), faulty('too_large'))
  })

  test('what cannot be said is not written', () => {
    const one = { name: 'k', keyId: 1, signature: Buffer.from('s') }
    assert.throws(() => formatNote({ text: 'no newline', signatures: [one] }), TlogError)
    assert.throws(() => formatNote({ text: 't\n', signatures: [] }), TlogError)
    for (const bad of ['', 'a b', 'a+b', 'a\nb', 'a\u00a0b', '\ud800']) {
      assert.throws(() => formatSignatureLine({ ...one, name: bad }), TlogError)
    }
  })
})

suite('note keys', () => {
  test('a vkey is read back as it was written', () => {
    for (const { key } of all) assert.equal(formatVkey(parseVkey(formatVkey(key))), formatVkey(key))
    const known = 'example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx'
    assert.equal(formatVkey(parseVkey(known)), known)
  })

  test('a vkey of another type, id, length or spelling is refused', () => {
    const vkey = formatVkey(log.key)
    const [, id = '', encoded = ''] = vkey.split('+', 3)
    const wrong = [
      '',
      'name',
      `${origin}+00000000+${encoded}`,
      `${origin}+${id.toUpperCase()}+AQ==`,
      `other+${id}+${vkey.slice(vkey.indexOf('+', origin.length + 1) + 1)}`,
      `${vkey}=`,
      `${vkey} `,
      vkey.slice(0, -4),
      `${origin}+${id}+Ag==`,
      'x'.repeat(5000),
    ]
    for (const one of wrong) assert.throws(() => parseVkey(one), TlogError, one.slice(0, 80))
  })

  test('a key that fits every message, or has two names, is refused', () => {
    const lowOrder = Buffer.alloc(32)
    const notCanonical = Buffer.alloc(32, 0xff)
    for (const publicKey of [lowOrder, notCanonical]) {
      for (const type of ['ed25519', 'ed25519-cosignature'] as const) {
        assert.throws(() => createNoteKey({ name: 'n', type, publicKey }), faulty('key_invalid'))
      }
    }
  })
})

suite('checkpoints', () => {
  test('a checkpoint is read back as it was written', () => {
    const some = fc.record(
      {
        origin: lineOfText.filter((one) => Buffer.byteLength(one) <= 255),
        size: fc.maxSafeNat(),
        root: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes)),
      },
      { noNullPrototype: true },
    )
    fc.assert(
      fc.property(some, (one) => {
        assert.deepEqual(parseCheckpointText(formatCheckpointText(one)), one)
      }),
    )
  })

  test('another number of lines, another spelling of size or root: refused', () => {
    const root = checkpoint.root.toString('base64')
    const wrong = [
      `${origin}\n7\n`,
      `\n7\n${root}\n`,
      `${origin}\n07\n${root}\n`,
      `${origin}\n-7\n${root}\n`,
      `${origin}\n7 \n${root}\n`,
      `${origin}\n9007199254740992\n${root}\n`,
      `${origin}\n7\n${root.slice(0, -1)}\n`,
      `${origin}\n7\n${root.slice(4)}\n`,
      `${origin}\n7\n${root}`,
      `${origin}\n7\n${root}\n\n`,
      `${origin}\n7\n${root}\nextension\n`,
      `${'o'.repeat(256)}\n7\n${root}\n`,
    ]
    for (const one of wrong) assert.throws(() => parseCheckpointText(one), TlogError, one)
  })

  test('what three keys signed verifies by each of them, with the times of the cosigners', async () => {
    const bytes = await signCheckpointNote({ checkpoint, signers: all, atSeconds })
    const { note, ...said } = parseCheckpoint(bytes)
    assert.deepEqual(said, checkpoint)
    const verdict = verifyNote(note, keysOf(all))
    assert.equal(verdict.kind, 'verified')
    assert.deepEqual(
      verdict.signatures.map((one) => [one.key.type, one.atSeconds]),
      [
        ['ed25519', undefined],
        ['ml-dsa-44-cosignature', atSeconds],
        ['ed25519-cosignature', atSeconds],
      ],
    )
    for (const { key } of all) assert.equal(verifyNote(note, [key]).kind, 'verified')
  })

  test('no byte of a signed checkpoint can be another', async () => {
    const bytes = await signCheckpointNote({ checkpoint, signers: [log, witness], atSeconds })
    for (let at = 0; at < bytes.length; at += 1) {
      for (const bit of [1, 4, 32, 128]) {
        const other = Buffer.from(bytes)
        other[at] = (other[at] ?? 0) ^ bit
        assert.equal(holdsByBoth(other), false, `byte ${at}`)
      }
      assert.equal(
        holdsByBoth(Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)])),
        false,
        `without byte ${at}`,
      )
    }
    assert.equal(holdsByBoth(bytes), true)
  })

  test('a signature of another time, origin, size, root or name does not hold', async () => {
    for (const signer of all) {
      const { key } = signer
      const line = await signCheckpoint({ checkpoint, signer, atSeconds })
      const others = [
        { ...checkpoint, origin: 'log.example/two' },
        { ...checkpoint, size: checkpoint.size + 1 },
        { ...checkpoint, root: emptyRoot },
      ]
      for (const other of others) {
        const note = { text: formatCheckpointText(other), signatures: [line] }
        assert.deepEqual(verifyNote(note, [key]).kind, 'refused')
      }
      if (key.type === 'ed25519') continue
      const late = Buffer.from(line.signature)
      late.writeBigUInt64BE(BigInt(atSeconds + 1))
      const note = {
        text: formatCheckpointText(checkpoint),
        signatures: [{ ...line, signature: late }],
      }
      assert.equal(verifyNote(note, [key]).kind, 'refused')
    }
  })

  test('one wrong signature of a known key refuses the note; unknown keys are ignored', async () => {
    const text = formatCheckpointText(checkpoint)
    const good = await signCheckpoint({ checkpoint, signer: log, atSeconds })
    const cosignature = await signCheckpoint({ checkpoint, signer: witness, atSeconds })
    const wrong = { ...cosignature, signature: Buffer.alloc(72) }
    const note = { text, signatures: [good, wrong] }
    assert.deepEqual(verdictOf(note, all), 'bad')
    assert.deepEqual(verdictOf(note, [log]), 'verified')
    assert.deepEqual(verdictOf(note, [logPq]), 'none')
  })

  test('nobody cosigns what is no checkpoint', async () => {
    const line = await signCheckpoint({ checkpoint, signer: witness, atSeconds })
    assert.equal(verdictOf({ text: 'hello\n', signatures: [line] }, [witness]), 'bad')
  })

  test('what a signer gives is verified before it is used', async () => {
    const broken: NoteSigner = { key: log.key, sign: () => Promise.resolve(Buffer.alloc(64)) }
    const other: NoteSigner = { key: log.key, sign: createTestSigner(origin, 'ed25519').sign }
    for (const signer of [broken, other]) {
      await assert.rejects(signCheckpoint({ checkpoint, signer, atSeconds }), faulty('key_invalid'))
    }
  })

  test('the messages are those of tlog-cosignature', () => {
    const root = checkpoint.root.toString('base64')
    assert.equal(
      cosignatureMessage({ checkpoint, key: witness.key, atSeconds }).toString(),
      `cosignature/v1\ntime 1679315147\nlog.example/one\n20852163\n${root}\n`,
    )
    assert.equal(
      cosignatureMessage({ checkpoint, key: logPq.key, atSeconds }).toString('hex'),
      [
        '737562747265652f76310a00',
        `0f${Buffer.from(origin).toString('hex')}`,
        atSeconds.toString(16).padStart(16, '0'),
        `0f${Buffer.from(origin).toString('hex')}`,
        '0000000000000000',
        checkpoint.size.toString(16).padStart(16, '0'),
        '07'.repeat(32),
      ].join(''),
    )
  })

  test('the lines that a witness answers are read alone', async () => {
    const line = await signCheckpoint({ checkpoint, signer: witness, atSeconds })
    assert.deepEqual(parseSignatureLines(formatSignatureLine(line)), [line])
    assert.throws(() => parseSignatureLines(''), TlogError)
    assert.throws(() => parseSignatureLines(`\n${formatSignatureLine(line)}`), TlogError)
  })
})

function keysOf(signers: readonly NoteSigner[]) {
  return signers.map(({ key }) => key)
}

function verdictOf(note: Parameters<typeof verifyNote>[0], signers: readonly NoteSigner[]): string {
  const verdict = verifyNote(note, keysOf(signers))
  return verdict.kind === 'verified' ? verdict.kind : verdict.reason
}

function holdsByBoth(bytes: Uint8Array): boolean {
  try {
    const verdict = verifyNote(parseCheckpoint(bytes).note, keysOf([log, witness]))
    return verdict.kind === 'verified' && verdict.signatures.length === 2
  } catch (error) {
    if (error instanceof TlogError) return false
    throw error
  }
}

function faulty(expected: TlogReason) {
  return (error: unknown) => error instanceof TlogError && error.reason === expected
}
