// Logs that must be refused: each is a hole that an implementation of did:webvh once had.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { canonicalJson } from '../canonical.ts'
import { verifyWebvhLog } from './webvh-log.ts'
import { multihashOf } from './webvh-parameters.ts'
import {
  append,
  dayMs,
  type Entry,
  type Log,
  makeLog,
  makePair,
  type Pair,
  startMs,
  versionIdOf,
  witnessesOf,
} from '../../../test/identity/webvh-logs.ts'

const nowMs = startMs + 100 * dayMs
const key = makePair()

function verify(log: Log, witnesses?: string) {
  return verifyWebvhLog({ did: log.did, log: log.lines.join('\n'), witnesses, nowMs })
}

function refuses(log: Log, message: RegExp, witnesses?: string): void {
  assert.throws(() => verify(log, witnesses), { code: 'identity.did_unresolvable', message })
}

/** The entry with this member, and with the hash that it then has: only what it says is wrong. */
function rehashed(log: Log | undefined, change: (entry: Entry) => Entry): (entry: Entry) => Entry {
  return (entry) => {
    const changed = change(entry)
    const number = (log?.lines.length ?? 0) + 1
    const scid = entry.parameters['scid']
    const before = log === undefined ? scid : versionIdOf(log, number - 1)
    const hash = multihashOf(canonicalJson({ ...changed, versionId: before }))
    return { ...changed, versionId: `${number}-${hash}` }
  }
}

/** The document of the log at another host. */
function moved(log: Log, more = {}) {
  return { id: log.did.replace('example.com', 'new.example.com'), ...more }
}

function rule(threshold: number, ...pairs: Pair[]) {
  const witnesses = pairs.map(({ multikey }) => ({ id: `did:key:${multikey}` }))
  return { witness: { threshold, witnesses } }
}

test('a log that is right is taken, with every version', async () => {
  const log = await append(await makeLog({ signer: key }), { signer: key })
  const { latest, versions, isDeactivated } = verify(log)
  assert.deepEqual([versions.length, latest.versionNumber, isDeactivated], [2, 2, false])
})

describe('who may write', () => {
  test('a key that is not an update key is refused', async () => {
    const log = await makeLog({ signer: key })
    refuses(await append(log, { signer: makePair() }), /may not/)
  })

  test('the key that an entry itself brings in is refused for that entry', async () => {
    const thief = makePair()
    const log = await makeLog({ signer: key })
    const parameters = { updateKeys: [thief.multikey] }
    refuses(await append(log, { signer: thief, parameters }), /may not/)
  })

  test('a signature that is another key than its DID says is refused', async () => {
    const log = await makeLog({ signer: key })
    const [line = ''] = log.lines
    const other = makePair().multikey
    refuses({ ...log, lines: [line.replaceAll(`#${key.multikey}`, `#${other}`)] }, /differ/)
    refuses(
      { ...log, lines: [line.replaceAll(`did:key:${key.multikey}`, `did:key:${other}`)] },
      /differ/,
    )
  })

  test('another cryptosuite, purpose or type of proof is refused', async () => {
    const log = await makeLog({ signer: key })
    const [line = ''] = log.lines
    const changes: [string, string][] = [
      ['eddsa-jcs-2022', 'eddsa-rdfc-2022'],
      ['"assertionMethod"', '"authentication"'],
      ['DataIntegrityProof', 'Ed25519Signature2020'],
    ]
    for (const [from, to] of changes) {
      refuses({ ...log, lines: [line.replace(from, to)] }, /entry 1/)
    }
  })

  test('no proof at all, or a second one that is wrong, is refused', async () => {
    const log = await makeLog({ signer: key })
    const entry: { proof: object[] } = JSON.parse(log.lines[0] ?? '')
    refuses({ ...log, lines: [JSON.stringify({ ...entry, proof: [] })] }, /no proof/)
    const second = { ...entry.proof[0], proofValue: `z${'1'.repeat(64)}` }
    const proof = [...entry.proof, second]
    refuses({ ...log, lines: [JSON.stringify({ ...entry, proof })] }, /signature is wrong/)
  })
})

describe('pre-rotation', () => {
  const next = makePair()
  const start = () => makeLog({ signer: key, parameters: { nextKeyHashes: [next.hash] } })

  test('the committed key signs the next entry', async () => {
    const parameters = { updateKeys: [next.multikey], nextKeyHashes: [makePair().hash] }
    assert.equal(
      verify(await append(await start(), { signer: next, parameters })).versions.length,
      2,
    )
  })

  test('a thief of the present key cannot go on', async () => {
    const thief = makePair()
    for (const updateKeys of [[thief.multikey], [key.multikey], [next.multikey, key.multikey]]) {
      const parameters = { updateKeys, nextKeyHashes: [thief.hash] }
      refuses(await append(await start(), { signer: key, parameters }), /not committed to/)
    }
  })

  test('an entry that leaves out the keys is refused', async () => {
    for (const parameters of [{}, { updateKeys: [next.multikey] }, { nextKeyHashes: [] }]) {
      refuses(await append(await start(), { signer: next, parameters }), /every entry has/)
      refuses(await append(await start(), { signer: key, parameters }), /every entry has/)
    }
  })
})

describe('the chain', () => {
  test('any change of any byte of meaning is refused', async () => {
    const log = await append(await makeLog({ signer: key }), { signer: key })
    const text = log.lines.join('\n')
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.integer({ min: 33, max: 126 }), (at, code) => {
        const changed = text.slice(0, at) + String.fromCharCode(code) + text.slice(at + 1)
        fc.pre(changed !== text)
        const { did } = log
        assert.throws(() => verifyWebvhLog({ did, log: changed, nowMs }))
      }),
      { numRuns: 300 },
    )
  })

  test('an entry that is left out, put twice or put elsewhere is refused', async () => {
    const one = await makeLog({ signer: key })
    const three = await append(await append(one, { signer: key }), { signer: key })
    const [first = '', second = '', third = ''] = three.lines
    for (const lines of [
      [first, third],
      [second, third],
      [first, first],
      [first, third, second],
    ]) {
      refuses({ ...three, lines }, /entry/)
    }
  })

  test('times go forward and end before now', async () => {
    const log = await makeLog({ signer: key })
    const early = rehashed(log, (entry) => ({ ...entry, versionTime: '2026-01-01T00:00:00Z' }))
    refuses(await append(log, { signer: key, alter: early }), /later/)
    refuses(await makeLog({ signer: key, nowMs: nowMs + dayMs }), /future/)
    const local = rehashed(log, (entry) => ({ ...entry, versionTime: '2026-01-02T00:00:00+01:00' }))
    refuses(await append(log, { signer: key, alter: local }), /UTC/)
  })

  test('nothing follows a deactivation', async () => {
    const log = await makeLog({ signer: key })
    const end = await append(log, { signer: key, parameters: { deactivated: true } })
    assert.equal(verify(end).isDeactivated, true)
    refuses(await append(end, { signer: key, parameters: { deactivated: false } }), /deactivation/)
  })
})

describe('the SCID', () => {
  test('of the document is that of the log, from the first entry on', async () => {
    const other = (await makeLog({ signer: makePair() })).did
    const swap = (entry: Entry): Entry => ({ ...entry, state: { ...entry.state, id: other } })
    refuses(await makeLog({ signer: key, alter: rehashed(undefined, swap) }), /SCID/)
    const log = await makeLog({ signer: key, parameters: { portable: true } })
    refuses(await append(log, { signer: key, alter: rehashed(log, swap) }), /SCID/)
  })

  test('is of the DID that is asked for', async () => {
    const log = await makeLog({ signer: key })
    const { did } = await makeLog({ signer: makePair() })
    refuses({ ...log, did }, /SCID/)
    refuses({ ...log, did: log.did.replace('example.com', 'evil.example') }, /no entry/)
  })

  test('a DID moves only when it may, and says where it was', async () => {
    const fixed = await makeLog({ signer: key })
    const free = await makeLog({ signer: key, parameters: { portable: true } })
    refuses(await append(fixed, { signer: key, document: moved(fixed) }), /not portable/)
    refuses(await append(free, { signer: key, document: moved(free) }), /alsoKnownAs/)
    const document = moved(free, { alsoKnownAs: [free.did] })
    assert.equal(verify(await append(free, { signer: key, document })).versions.length, 2)
  })
})

describe('parameters', () => {
  const wrong: [string, object, RegExp][] = [
    ['an unknown version of the method', { method: 'did:webvh:2.0' }, /method/],
    ['an unknown parameter', { prerotation: true }, /not one of/],
    ['update keys that are no list', { updateKeys: 'z6Mk' }, /list/],
    ['a key twice', { updateKeys: [key.multikey, key.multikey] }, /different/],
    [
      'a witness that is no did:key',
      { witness: { threshold: 1, witnesses: [{ id: 'did:web:a' }] } },
      /did:key/,
    ],
  ]
  for (const [name, parameters, message] of wrong) {
    test(`${name} is refused`, async () => {
      refuses(await makeLog({ signer: key, parameters: { ...parameters } }), message)
    })
  }

  test('portable and SCID cannot come later', async () => {
    const log = await makeLog({ signer: key })
    for (const parameters of [{ portable: true }, { scid: log.scid }]) {
      refuses(await append(log, { signer: key, parameters }), /entry 2/)
    }
  })
})

describe('witnesses', () => {
  const [alice, bob, eve] = [makePair(), makePair(), makePair()] as const
  const start = () => makeLog({ signer: key, parameters: rule(2, alice, bob) })

  test('as many as the threshold approve, for this version or a later one', async () => {
    const one = await start()
    const two = await append(one, { signer: key })
    const both = await witnessesOf([{ versionId: versionIdOf(two, 2), by: [alice, bob] }])
    assert.equal(verify(two, both).versions.length, 2)
    const early = await witnessesOf([{ versionId: versionIdOf(two, 1), by: [alice, bob] }])
    refuses(two, /0 of 2/, early)
    refuses(two, /no did-witness/)
  })

  test('one witness is not two, and a stranger is none', async () => {
    const log = await start()
    const versionId = versionIdOf(log, 1)
    refuses(log, /1 of 2/, await witnessesOf([{ versionId, by: [alice, alice] }]))
    refuses(log, /1 of 2/, await witnessesOf([{ versionId, by: [alice, eve] }]))
    const twice = await makeLog({ signer: key, parameters: rule(2, alice, alice) })
    refuses(twice, /listed twice/, await witnessesOf([{ versionId, by: [alice] }]))
  })

  test('a threshold of none, or of more than there are, is refused', async () => {
    for (const threshold of [0, -1, 3, 1.5]) {
      refuses(await makeLog({ signer: key, parameters: rule(threshold, alice, bob) }), /threshold/)
    }
  })

  test("a proof for another's version approves nothing", async () => {
    const log = await start()
    const other = await makeLog({ signer: makePair(), parameters: rule(2, alice, bob) })
    const replayed = await witnessesOf([{ versionId: versionIdOf(other, 1), by: [alice, bob] }])
    refuses(log, /0 of 2/, replayed)
    const renamed = replayed.replaceAll(versionIdOf(other, 1), versionIdOf(log, 1))
    refuses(log, /0 of 2/, renamed)
  })

  test('new witnesses count after the entry that names them; the old ones approve it', async () => {
    const one = await start()
    const two = await append(one, { signer: key, parameters: rule(1, eve) })
    const three = await append(two, { signer: key })
    const approve = (by: readonly Pair[]) =>
      witnessesOf([
        { versionId: versionIdOf(two, 2), by },
        { versionId: versionIdOf(three, 3), by: [eve] },
      ])
    assert.equal(verify(three, await approve([alice, bob])).versions.length, 3)
    refuses(three, /0 of 2/, await approve([eve]))
  })
})

test('a chain of rotations verifies for as long as each key was committed to', async () => {
  const step = fc.record({ isSkipped: fc.boolean(), extra: fc.nat(2) })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 6 }), async (steps) => {
      let committed: readonly Pair[] = [makePair(), makePair()]
      const first = makePair()
      let log = await makeLog({
        signer: first,
        parameters: { nextKeyHashes: committed.map(({ hash }) => hash) },
      })
      for (const { isSkipped, extra } of steps) {
        const next = [makePair(), ...Array.from({ length: extra }, makePair)]
        const signer = isSkipped ? committed.at(-1) : committed[0]
        assert.ok(signer !== undefined)
        const parameters = {
          updateKeys: [signer.multikey],
          nextKeyHashes: next.map(({ hash }) => hash),
        }
        const stolen = { ...parameters, updateKeys: [first.multikey] }
        refuses(await append(log, { signer: first, parameters: stolen }), /not committed to/)
        log = await append(log, { signer, parameters })
        committed = next
      }
      const { latest, versions } = verify(log)
      assert.equal(versions.length, steps.length + 1)
      assert.deepEqual(
        latest.parameters.nextKeyHashes,
        committed.map(({ hash }) => hash),
      )
    }),
    { numRuns: 25 },
  )
})
