// A program: builds a log of many small leaves in a directory, by the integrator's own steps, and
// times proofs of leaves anywhere in it. Prints its figures as one JSON line.
import { hash } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { logFiles, tilesOf } from '../../src/adapters/objects/log-files.ts'
import type { ObjectStore } from '../../src/adapters/objects/object-store.ts'
import { leafHash } from '../../src/core/audit/entry.ts'
import { edgeRoot, emptyEdge, integrate, type LogFile } from '../../src/core/tlog/integrate.ts'
import { proveInclusion, verifyInclusion } from '../../src/core/tlog/proof.ts'

const batch = 65_536
const proofsCount = 500

const { values } = parseArgs({ options: { leaves: { type: 'string', default: '10000000' } } })
const leaves = Number(values.leaves)
const directory = await mkdtemp(join(tmpdir(), 'airworthy-proofs-'))
let rssMax = 0

function leaf(index: number): Buffer {
  return Buffer.from(`leaf ${index}`)
}

/** Not durable: what is timed here is the building and the reading. Bundles are not read. */
async function write(file: LogFile): Promise<void> {
  if (file.path.startsWith('tile/entries/')) return
  const path = join(directory, 'log', file.path)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, file.bytes)
}

const store: ObjectStore = {
  name: directory,
  read: async (path) => {
    const bytes = await readFile(join(directory, path)).catch(() => undefined)
    return bytes === undefined ? undefined : { bytes, version: hash('sha256', bytes) }
  },
  write: () => Promise.reject(new Error('the log is built')),
  replace: () => Promise.reject(new Error('the log is built')),
  remove: () => Promise.resolve(),
  removeBelow: () => Promise.reject(new Error('the log is built')),
  [Symbol.asyncDispose]: () => Promise.resolve(),
}

try {
  const began = performance.now()
  let edge = emptyEdge
  while (edge.size < leaves) {
    const { size } = edge
    const count = Math.min(batch, leaves - size)
    const grown = integrate(
      edge,
      Array.from({ length: count }, (_, at) => leaf(size + at)),
    )
    for (const file of grown.files) await write(file)
    edge = grown.edge
    rssMax = Math.max(rssMax, process.memoryUsage.rss())
  }
  const buildMs = performance.now() - began
  const root = edgeRoot(edge)
  const readTile = tilesOf(logFiles(store, 'log'), leaves)
  const times: number[] = []
  let verified = 0
  for (let at = 0; at < proofsCount; at += 1) {
    const index = Math.floor((at * 0.618_033_988_7 * leaves) % leaves)
    const start = performance.now()
    const proof = await proveInclusion({ index, size: leaves, readTile })
    times.push(performance.now() - start)
    const claim = { leaf: leafHash(leaf(index)), index, size: leaves, root, proof }
    if (verifyInclusion(claim)) verified += 1
  }
  times.sort((one, other) => one - other)
  const at = (share: number): number =>
    Math.round((times[Math.min(Math.floor(times.length * share), times.length - 1)] ?? 0) * 100) /
    100
  process.stdout.write(
    `${JSON.stringify({
      leaves,
      buildSeconds: Math.round(buildMs / 100) / 10,
      rssMiBMax: Math.round(rssMax / 1024 / 1024),
      proofs: proofsCount,
      verified,
      p50Ms: at(0.5),
      p99Ms: at(0.99),
      maxMs: at(1),
    })}\n`,
  )
} finally {
  await rm(directory, { recursive: true, force: true })
}
