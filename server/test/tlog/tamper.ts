// Tampers with what a log publishes, in ways drawn from a seed, and asks our code and others' whether
// they notice. A log of some thousand entries with checkpoints at many sizes is what is tampered with.
import * as fc from 'fast-check'
import { parseBundle } from '../../src/core/tlog/bundle.ts'
import { formatVkey, type NoteKey } from '../../src/core/tlog/note-key.ts'
import { judgeCheckpoint, type LogPolicy, parsePolicy } from '../../src/core/tlog/policy.ts'
import { proveInclusion, verifyInclusion } from '../../src/core/tlog/proof.ts'
import { formatProofFile, verifyProofFile } from '../../src/core/tlog/proof-file.ts'
import { signCheckpointNote } from '../../src/core/tlog/signatures.ts'
import { levelWidth, type TileId, tileOfTree, tileWidthMax } from '../../src/core/tlog/tiles.ts'
import { hashBytes, leafHash } from '../../src/core/tlog/tree.ts'
import { verifyLog } from '../../src/core/tlog/verify-log.ts'
import { createMemoryLog, createTestSigner, type MemoryLog } from './memory-log.ts'
import { isAcceptedByOthers, type PublishedProof } from './others.ts'

export const targets = ['leaf', 'tile', 'bundle', 'proof', 'checkpoint'] as const
export type Target = (typeof targets)[number]

const origin = 'log.example/of/tampering'
const batchSizes = [1, 2, 5, 92, 156, 1, 255, 300, 700, 88, 3, 1397]

export type PublishedLog = {
  readonly log: MemoryLog
  readonly sizes: readonly number[]
  /** By size: the signed checkpoint's bytes. */
  readonly checkpoints: ReadonlyMap<number, Buffer>
  /** The Ed25519 key of the log: the one that others' code can verify. */
  readonly key: NoteKey
  /** Asks for all three signatures: log, log in ML-DSA-44, witness. */
  readonly policy: LogPolicy
}

export async function publishLog(): Promise<PublishedLog> {
  const log = createMemoryLog()
  const signers = [
    createTestSigner(origin, 'ed25519'),
    createTestSigner(origin, 'ml-dsa-44-cosignature'),
    createTestSigner('witness.example/w', 'ed25519-cosignature'),
  ]
  const [key, ...cosigners] = signers.map((signer) => signer.key)
  if (key === undefined) throw new Error('no signer')
  const checkpoints = new Map<number, Buffer>()
  let size = 0
  for (const count of batchSizes) {
    const first = size
    const batch = Array.from({ length: count }, (_, at) => entryBytes(first + at))
    size = log.append(batch).size
    const root = log.roots.get(size)
    if (root === undefined) throw new Error('no root')
    const checkpoint = { origin, size, root }
    checkpoints.set(
      size,
      await signCheckpointNote({ checkpoint, signers, atSeconds: 1_800_000_000 }),
    )
  }
  const policy = parsePolicy(
    Buffer.from(
      [
        `log ${formatVkey(key)}`,
        ...cosigners.map((one, at) => `witness w${at} ${formatVkey(one)}`),
        'group all-of-them all w0 w1',
        'quorum all-of-them\n',
      ].join('\n'),
    ),
  )
  return { log, sizes: [...checkpoints.keys()], checkpoints, key, policy }
}

/** Of different lengths, as the entries of a log are. */
function entryBytes(index: number): Buffer {
  return Buffer.from(JSON.stringify({ index, text: 'x'.repeat((index * 37) % 400) }))
}

export type TamperFigures = {
  /** Proofs, not tampered with, that we accept and others accept. */
  readonly proofs: number
  readonly proofsAccepted: number
  readonly proofsAcceptedByOthers: number
  readonly tamperings: Record<Target, number>
  readonly accepted: number
  /** Those that change what others' code looks at: an entry, a proof, the log's Ed25519 checkpoint. */
  readonly tamperingsForOthers: number
  readonly acceptedByOthers: number
}

/** What one attempt came to. `others` is undefined where it changed nothing that they read. */
type Attempt = { readonly ours: boolean; readonly others?: boolean }

/** A draw of numbers: what they pick is up to the target. */
type Draw = { readonly a: number; readonly b: number; readonly c: number; readonly d: number }

export async function tamper(options: {
  readonly proofs: number
  readonly tamperings: number
  readonly seed: number
}): Promise<TamperFigures> {
  const published = await publishLog()
  const draws = fc.sample(fc.record({ a: fc.nat(), b: fc.nat(), c: fc.nat(), d: fc.nat() }), {
    numRuns: options.proofs + options.tamperings,
    seed: options.seed,
  })
  const figures = {
    proofs: 0,
    proofsAccepted: 0,
    proofsAcceptedByOthers: 0,
    tamperings: { leaf: 0, tile: 0, bundle: 0, proof: 0, checkpoint: 0 },
    accepted: 0,
    tamperingsForOthers: 0,
    acceptedByOthers: 0,
  }
  for (const draw of draws.slice(0, options.proofs)) {
    const proof = await publishedProof(published, draw)
    figures.proofs += 1
    figures.proofsAccepted += isAcceptedByUs(proof, published.policy) ? 1 : 0
    figures.proofsAcceptedByOthers += isAcceptedByOthers(proof, published.key) ? 1 : 0
  }
  for (const [at, draw] of draws.slice(options.proofs).entries()) {
    const target = targets[at % targets.length] ?? 'leaf'
    const attempt = await attempts[target](published, draw)
    figures.tamperings[target] += 1
    figures.accepted += attempt.ours ? 1 : 0
    if (attempt.others === undefined) continue
    figures.tamperingsForOthers += 1
    figures.acceptedByOthers += attempt.others ? 1 : 0
  }
  return figures
}

const attempts: Readonly<Record<Target, (log: PublishedLog, draw: Draw) => Promise<Attempt>>> = {
  async leaf(published, draw) {
    const proof = await publishedProof(published, draw)
    return judge(published, { ...proof, entry: edit(proof.entry, draw) })
  },
  async proof(published, draw) {
    const proof = await publishedProof(published, draw)
    return judge(published, tamperProof(published, proof, draw))
  },
  async checkpoint(published, draw) {
    const proof = await publishedProof(published, draw)
    const checkpoint = tamperCheckpoint(published, proof.checkpoint, draw)
    const attempt = judge(published, { ...proof, checkpoint })
    const isRead = !isSameToOthers(proof.checkpoint, checkpoint)
    return isRead ? attempt : { ours: attempt.ours }
  },
  tile: tamperTile,
  bundle: tamperBundle,
}

function judge({ policy, key }: PublishedLog, proof: PublishedProof): Attempt {
  return { ours: isAcceptedByUs(proof, policy), others: isAcceptedByOthers(proof, key) }
}

/** The way a stranger does it: one proof file, one policy, and the entry. */
function isAcceptedByUs(published: PublishedProof, policy: LogPolicy): boolean {
  const { entry, index, proof, checkpoint } = published
  const { size, root } = readLoosely(checkpoint)
  const leaf = leafHash(entry)
  const isFile = proof.every((hash) => hash.length === hashBytes) && index >= 0
  const byFile =
    isFile &&
    verifyProofFile({ file: formatProofFile({ index, proof, checkpoint }), leaf, policy }).kind ===
      'accepted'
  const byParts =
    judgeCheckpoint(policy, checkpoint).kind === 'accepted' &&
    verifyInclusion({ leaf, index, size, root, proof })
  return byFile || byParts
}

function readLoosely(checkpoint: Buffer): { readonly size: number; readonly root: Buffer } {
  const [, size, root = ''] = checkpoint.toString().split('\n')
  return { size: Number(size), root: Buffer.from(root, 'base64') }
}

async function publishedProof({ log, sizes, checkpoints }: PublishedLog, draw: Draw) {
  const size = pick(sizes, draw.a)
  return proofOf({ log, checkpoints }, { size, index: draw.b % size })
}

async function proofOf(
  { log, checkpoints }: Pick<PublishedLog, 'log' | 'checkpoints'>,
  { size, index }: { readonly size: number; readonly index: number },
): Promise<PublishedProof> {
  const proof = await proveInclusion({ index, size, readTile: log.readTile })
  const checkpoint = checkpoints.get(size) ?? Buffer.alloc(0)
  return { entry: entryBytes(index), index, proof, checkpoint }
}

/** Changes a bit, a byte, cuts one out or puts one in: never the same bytes again. */
function edit(bytes: Buffer, { b, c, d }: Draw): Buffer {
  const at = (b ^ c) % bytes.length
  const before = bytes[at] ?? 0
  const other = Buffer.from([(before + 1 + (c % 255)) % 256])
  const [left, right] = [bytes.subarray(0, at), bytes.subarray(at + 1)]
  if (d % 4 === 0) return Buffer.concat([left, Buffer.from([before ^ (1 << (c % 8))]), right])
  if (d % 4 === 1) return Buffer.concat([left, other, right])
  if (d % 4 === 2) return Buffer.concat([left, right])
  return Buffer.concat([left, other, Buffer.from([before]), right])
}

function tamperProof(published: PublishedLog, proof: PublishedProof, draw: Draw): PublishedProof {
  const hashes = proof.proof
  const at = hashes.length === 0 ? 0 : draw.c % hashes.length
  const hash = hashes[at]
  const kind = draw.d % 6
  const { size } = readLoosely(proof.checkpoint)
  if (kind === 0 || hash === undefined)
    return { ...proof, proof: [...hashes, leafHash(proof.entry)] }
  if (kind === 1) return { ...proof, proof: hashes.toSpliced(at, 1) }
  if (kind === 2) return { ...proof, proof: [hash, ...hashes] }
  if (kind === 3) return { ...proof, index: (proof.index + 1 + (draw.c % size)) % (size + 1) }
  if (kind === 4) {
    const other = pick(
      published.sizes.filter((one) => one !== size),
      draw.c,
    )
    return { ...proof, checkpoint: published.checkpoints.get(other) ?? Buffer.alloc(0) }
  }
  return { ...proof, proof: hashes.toSpliced(at, 1, flipBit(hash, draw.b)) }
}

function tamperCheckpoint(published: PublishedLog, checkpoint: Buffer, draw: Draw): Buffer {
  const { size } = readLoosely(checkpoint)
  const other = pick(
    published.sizes.filter((one) => one !== size),
    draw.c,
  )
  const lines = checkpoint.toString().split('\n')
  const otherLines = (published.checkpoints.get(other) ?? checkpoint).toString().split('\n')
  // The lines are origin, size, root, nothing, and three signatures; a line of another checkpoint
  // takes the place of one of them, or one is left out.
  const movable = [1, 2, 4, 5, 6]
  const at = pick(movable, draw.b)
  if (draw.d % 8 === 4) return Buffer.from(lines.with(at, otherLines[at] ?? '').join('\n'))
  if (draw.d % 8 === 5) return Buffer.from(lines.toSpliced(at, 1).join('\n'))
  if (draw.d % 8 === 6) return checkpoint.subarray(0, draw.c % checkpoint.length)
  if (draw.d % 8 === 7) return Buffer.concat([checkpoint, Buffer.from([10 + (draw.c % 117)])])
  return edit(checkpoint, draw)
}

/** Others' code reads the text and the log's Ed25519 signature, and these loosely. */
function isSameToOthers(one: Buffer, other: Buffer): boolean {
  return whatOthersRead(one) === whatOthersRead(other)
}

function whatOthersRead(checkpoint: Buffer): string {
  const text = checkpoint.toString()
  const split = text.indexOf('\n\n')
  const line = /\u2014 (\S+) (\S+)\n/.exec(split < 0 ? '' : text.slice(split + 2))
  const signature = Buffer.from(line?.[2] ?? '', 'base64').toString('hex')
  return JSON.stringify([text.slice(0, split + 1), line?.[1], signature])
}

/**
 * One bit of one hash of a tile, and a proof that needs that hash. The whole log is read too: there
 * every bit of every tile counts.
 */
async function tamperTile(published: PublishedLog, draw: Draw): Promise<Attempt> {
  const { log, sizes, checkpoints } = published
  const size = pick(
    sizes.filter((one) => one > 1),
    draw.a,
  )
  const tile = pick(tilesOfTree(size), draw.b)
  const at = draw.c % tile.width
  const forged = async (id: TileId): Promise<Buffer> => {
    const bytes = await log.readTile(id)
    const isIt = id.level === tile.level && id.index === tile.index
    return isIt ? flipBit(bytes, at * 256 + (draw.d % 256)) : bytes
  }
  const whole = await verifyLog({
    ...readLoosely(checkpoints.get(size) ?? Buffer.alloc(0)),
    size,
    ...log,
    readTile: forged,
  })
  const index = leafBeside(size, tile, at)
  if (index === undefined) return { ours: whole.kind === 'verified' }
  const proof = await proofOf({ log: { ...log, readTile: forged }, checkpoints }, { size, index })
  const attempt = judge(published, proof)
  return { ...attempt, ours: attempt.ours || whole.kind === 'verified' }
}

function tilesOfTree(size: number): TileId[] {
  const tiles: TileId[] = []
  for (let level = 0; levelWidth(size, level) > 0; level += 1) {
    const count = Math.ceil(levelWidth(size, level) / tileWidthMax)
    for (let index = 0; index < count; index += 1) tiles.push(tileOfTree(size, { level, index }))
  }
  return tiles
}

/** A leaf whose proof covers the hash at `at` of the tile: under another hash of the same tile, or,
 * where the tile has one hash only, anywhere else in the tree. */
function leafBeside(size: number, tile: TileId, at: number): number | undefined {
  const each = tileWidthMax ** tile.level
  const first = tile.index * tileWidthMax * each
  if (tile.width > 1) return first + ((at + 1) % tile.width) * each
  return first > 0 ? 0 : first + each < size ? first + each : undefined
}

/** Bytes of a bundle: an entry or its length. Where they still parse, the entry is asked for. */
async function tamperBundle(published: PublishedLog, draw: Draw): Promise<Attempt> {
  const { log, sizes, checkpoints } = published
  const size = pick(sizes, draw.a)
  const index = Math.floor((draw.b % size) / tileWidthMax)
  const width = Math.min(tileWidthMax, size - index * tileWidthMax)
  const before = await log.readBundle({ index, width })
  const bytes = edit(before, draw)
  const readBundle: MemoryLog['readBundle'] = (bundle) =>
    bundle.index === index ? Promise.resolve(bytes) : log.readBundle(bundle)
  const root = log.roots.get(size) ?? Buffer.alloc(0)
  const whole = await verifyLog({ size, root, readTile: log.readTile, readBundle })
  const at = firstDifference(before, bytes, width)
  if (at === undefined) return { ours: whole.kind === 'verified' }
  const place = { size, index: index * tileWidthMax + at.position }
  const proof = await proofOf({ log, checkpoints }, place)
  const attempt = judge(published, { ...proof, entry: at.entry })
  return { ...attempt, ours: attempt.ours || whole.kind === 'verified' }
}

/** The first entry that is another one now; undefined where the bytes are no bundle any more. */
function firstDifference(before: Buffer, after: Buffer, width: number) {
  let entries: Buffer[]
  try {
    entries = parseBundle(after, width)
  } catch {
    return undefined
  }
  const old = parseBundle(before, width)
  const position = entries.findIndex((entry, at) => !entry.equals(old[at] ?? Buffer.alloc(0)))
  const entry = entries[position]
  return entry === undefined ? undefined : { position, entry }
}

function flipBit(bytes: Buffer, bit: number): Buffer {
  const copy = Buffer.from(bytes)
  const at = Math.floor(bit / 8) % copy.length
  copy[at] = (copy[at] ?? 0) ^ (1 << (bit % 8))
  return copy
}

function pick<T>(list: readonly T[], at: number): T {
  const one = list[at % list.length]
  if (one === undefined) throw new Error('nothing to pick from')
  return one
}
