// The transparency log against data that others made. Each check throws at the first difference, and
// tells how much it compared.
import assert from 'node:assert/strict'
import { verify } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  ed25519KeyFault,
  ed25519PublicKey,
  verifyEd25519,
} from '../../src/core/identity/ed25519.ts'
import { parseBundle } from '../../src/core/tlog/bundle.ts'
import { parseCheckpoint } from '../../src/core/tlog/checkpoint.ts'
import { emptyEdge, integrate } from '../../src/core/tlog/integrate.ts'
import { parseNote } from '../../src/core/tlog/note.ts'
import { mlDsaKey, noteKeyFormats, parseVkey } from '../../src/core/tlog/note-key.ts'
import {
  proveConsistency,
  proveInclusion,
  verifyConsistency,
  verifyInclusion,
} from '../../src/core/tlog/proof.ts'
import { signCheckpointNote, verifyNote } from '../../src/core/tlog/signatures.ts'
import { emptyRoot, leafHash } from '../../src/core/tlog/tree.ts'
import { createMemoryLog, createTestSigner } from './memory-log.ts'

const shared = process.env['AIRWORTHY_SHARED'] ?? join(import.meta.dirname, '../../../../shared')
export const vectors: string = join(shared, 'vectors')

/** Why a test over a folder of vectors cannot run; false where it can. */
export function skipWithout(folder: string): string | false {
  const directory = join(vectors, folder)
  return existsSync(directory) ? false : `no vectors at ${directory} (AIRWORTHY_SHARED)`
}

/** Tessera's own test log is signed with this key, which Tessera publishes for that purpose. */
const tesseraName = 'example.com/log/testdata'
const tesseraSeed = Buffer.from('7KZj9JkBfSNlwnx6dnkVjUPP7BMwvbJZKQr70NIXd6A=', 'base64')

/** Builds Tessera's log again from its entries and key, and compares every file of it. */
export async function checkTessera(): Promise<Record<string, number>> {
  const directory = join(vectors, 'tlog-tiles-tessera/testdata/log')
  const read = (path: string): Buffer => readFileSync(join(directory, path))
  const entries = parseBundle(read('tile/entries/000.p/15'), 15)
  const signer = createTestSigner(tesseraName, 'ed25519', tesseraSeed)
  const found = { checkpoints: 0, tiles: 0, bundles: 0, inclusionProofs: 0, consistencyProofs: 0 }
  const log = createMemoryLog()
  let { edge, root } = { edge: emptyEdge, root: emptyRoot }
  for (let size = 0; size <= entries.length; size += 1) {
    const checkpoint = { origin: tesseraName, size, root }
    const note = await signCheckpointNote({ checkpoint, signers: [signer], atSeconds: 0 })
    assert.deepEqual(note, read(`checkpoint.${size}`))
    assert.equal(verifyNote(parseNote(note), [signer.key]).kind, 'verified')
    found.checkpoints += 1
    const entry = entries.slice(size, size + 1)
    log.append(entry)
    ;({ edge, root } = integrate(edge, entry))
  }
  assert.deepEqual(read('checkpoint'), read(`checkpoint.${entries.length}`))
  for (const [path, bytes] of log.files) {
    assert.deepEqual(bytes, read(path), path)
    if (path.startsWith('tile/entries/')) found.bundles += 1
    else found.tiles += 1
  }
  const files = readdirSync(directory, { recursive: true, withFileTypes: true })
  const tileFiles = files.filter((one) => one.isFile() && !one.name.startsWith('checkpoint'))
  assert.equal(tileFiles.length, log.files.size, 'every file was compared')
  for (let size = 1; size <= entries.length; size += 1) {
    const { root: toRoot } = parseCheckpoint(read(`checkpoint.${size}`))
    for (const [index, entry] of entries.slice(0, size).entries()) {
      const proof = await proveInclusion({ index, size, readTile: log.readTile })
      assert.ok(verifyInclusion({ leaf: leafHash(entry), index, size, root: toRoot, proof }))
      found.inclusionProofs += 1
      const { root: fromRoot } = parseCheckpoint(read(`checkpoint.${index}`))
      const sizes = { from: index, to: size }
      const growth = await proveConsistency({ ...sizes, readTile: log.readTile })
      assert.ok(verifyConsistency({ ...sizes, fromRoot, toRoot, proof: growth }))
      found.consistencyProofs += 1
    }
  }
  return found
}

/** Cosignatures that Sunlight's witness and mirror made, with the keys that their own files name. */
export function checkSunlight(): Record<string, number> {
  const directory = join(vectors, 'tlog-cosignature-sunlight')
  const files = readdirSync(directory, { recursive: true, withFileTypes: true })
  const pathsOf = (isWanted: (name: string) => boolean) =>
    files
      .filter((one) => one.isFile() && isWanted(one.name))
      .map((one) => join(one.parentPath, one.name))
  const keys = pathsOf((name) => name.endsWith('.v0.json')).flatMap(keysOfFile)
  const found = { keys: keys.length, cosignatures: 0 }
  for (const path of pathsOf((name) => name === 'checkpoint')) {
    const bytes = readFileSync(path)
    // Two of the files are decoys, and one has the log's own signature only, of another type.
    if (!bytes.includes('\n\n')) continue
    const checkpoint = parseCheckpoint(bytes)
    const verdict = verifyNote(checkpoint.note, keys)
    if (verdict.kind === 'refused') {
      assert.equal(verdict.reason, 'none', path)
      continue
    }
    for (const { atSeconds } of verdict.signatures) {
      assert.ok(atSeconds !== undefined && atSeconds > 1_700_000_000)
      found.cosignatures += 1
    }
  }
  assert.deepEqual(found, { keys: 3, cosignatures: 3 })
  return found
}

function keysOfFile(path: string) {
  const file: unknown = JSON.parse(readFileSync(path, 'utf8'))
  const keys = field(file, 'verifier_keys')
  assert.ok(Array.isArray(keys))
  return keys.map((key) => parseVkey(String(key)))
}

type Case = {
  readonly group: unknown
  readonly one: unknown
  readonly message: Buffer
  readonly signature: Buffer
  readonly isValid: boolean
}

/** The way every Ed25519 signature is verified here: the key is found safe first, then node:crypto. */
export function checkWycheproofEd25519(): Record<string, number> {
  const found = { cases: 0, accepted: 0 }
  for (const { group, one, message, signature, isValid } of readCases('ed25519_test.json')) {
    const key = Buffer.from(String(field(field(group, 'publicKey'), 'pk')), 'hex')
    const isSafe = ed25519KeyFault(key) === undefined
    const holds = isSafe && verifyEd25519(ed25519PublicKey(key), message, signature)
    assert.equal(holds, isValid, `case ${String(field(one, 'tcId'))}`)
    found.cases += 1
    found.accepted += holds ? 1 : 0
  }
  return found
}

/** Signatures with a context are verified with it; our messages have none. */
export function checkWycheproofMlDsa(): Record<string, number> {
  const found = { cases: 0, accepted: 0 }
  for (const { group, one, message, signature, isValid } of readCases(
    'mldsa_44_verify_test.json',
  )) {
    const given = field(one, 'ctx')
    const context = Buffer.from(typeof given === 'string' ? given : '', 'hex')
    const publicKey = Buffer.from(String(field(group, 'publicKey')), 'hex')
    const holds = verifyMlDsa({ publicKey, message, signature, context })
    assert.equal(holds, isValid, `case ${String(field(one, 'tcId'))}`)
    found.cases += 1
    found.accepted += holds ? 1 : 0
  }
  return found
}

function verifyMlDsa(options: {
  readonly publicKey: Buffer
  readonly message: Buffer
  readonly signature: Buffer
  readonly context: Buffer
}): boolean {
  const { publicKey, message, signature, context } = options
  // A key or a signature of another length never reaches node:crypto: a vkey and a note are checked.
  if (publicKey.length !== noteKeyFormats['ml-dsa-44-cosignature'].publicKeyBytes) return false
  if (signature.length !== 2420 || context.length > 255) return false
  return verify(null, message, { key: mlDsaKey(publicKey), context }, signature)
}

function* readCases(file: string): Generator<Case> {
  const path = join(vectors, 'wycheproof-ed25519/testvectors_v1', file)
  const groups = field(JSON.parse(readFileSync(path, 'utf8')), 'testGroups')
  assert.ok(Array.isArray(groups))
  for (const group of groups) {
    const tests = field(group, 'tests')
    assert.ok(Array.isArray(tests))
    for (const one of tests) {
      yield {
        group,
        one,
        message: Buffer.from(String(field(one, 'msg')), 'hex'),
        signature: Buffer.from(String(field(one, 'sig')), 'hex'),
        isValid: field(one, 'result') === 'valid',
      }
    }
  }
}

function field(value: unknown, name: string): unknown {
  assert.ok(typeof value === 'object' && value !== null)
  return new Map<string, unknown>(Object.entries(value)).get(name)
}
