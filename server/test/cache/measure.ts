// Times the search for the nearest of many vectors, one by one, in three ways: as the cache does it
// (signatures first), every vector compared exactly, and an inverted file of 256 lists of which 16 are
// looked through. A program of its own, so that nothing else warms the code up:
//   node --conditions=airworthy-source server/test/cache/measure.ts <vectors> <searches>
// The last line of stdout is one JSON object; times are milliseconds.
import { readQuestion } from '../../src/core/cache/likeness.ts'
import { addDirection, cosine, dimensions, quantise } from '../../src/core/cache/vector.ts'
import { VectorIndex } from '../../src/core/cache/vector-index.ts'

const threshold = 0.6
const limit = 8
const lists = 256
const listsLooked = 16

const verbs = 'reset change delete update create find cancel track return pay share export'.split(
  ' ',
)
const nouns =
  'password account invoice order parcel refund ticket report user team file card photo address plan'.split(
    ' ',
  )
const rooms = 'app website shop office portal console store desk branch kiosk'.split(' ')

function pick(list: readonly string[], at: number): string {
  return list[at % list.length] ?? ''
}

/** Questions as users of one agent ask them: they share words, so that many are near each other. */
function question(n: number): string {
  const verb = pick(verbs, n)
  const noun = pick(nouns, Math.floor(n / 12))
  const place = pick(rooms, Math.floor(n / 180))
  return `How do I ${verb} the ${noun} of item ${n} in the ${place} of thing${n % 977}?`
}

function vectorOf(text: string): Int8Array {
  const read = readQuestion(text)
  if (read === undefined) throw new Error(`not read: ${text}`)
  return read.vector
}

function percentile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b)
  return Number((sorted[Math.ceil(sorted.length * share) - 1] ?? 0).toFixed(3))
}

type Search = (vector: Int8Array) => readonly number[]

function time(search: Search, asked: readonly Int8Array[]) {
  for (const vector of asked.slice(0, 50)) search(vector)
  const waited: number[] = []
  const best: number[] = []
  const worked: number[] = []
  for (const vector of asked) {
    const began = performance.now()
    const before = process.threadCpuUsage()
    search(vector)
    const { user, system } = process.threadCpuUsage(before)
    const firstMs = performance.now() - began
    waited.push(firstMs)
    worked.push((user + system) / 1000)
    best.push(Math.min(firstMs, ...timeAgain(search, vector)))
  }
  return {
    p50: percentile(waited, 0.5),
    p99: percentile(waited, 0.99),
    processorP99: percentile(worked, 0.99),
    // Each search is made three times, and its best time counts: without what other programs took.
    bestOfThreeP99: percentile(best, 0.99),
  }
}

function timeAgain(search: Search, vector: Int8Array): number[] {
  return [1, 2].map(() => {
    const began = performance.now()
    search(vector)
    return performance.now() - began
  })
}

function exactly(vectors: readonly Int8Array[], among: Iterable<number>): Search {
  const places = [...among]
  return (asked) =>
    places
      .map((place) => ({ place, similarity: cosine(asked, vectors[place] ?? new Int8Array(0)) }))
      .filter((each) => each.similarity >= threshold)
      .toSorted((a, b) => b.similarity - a.similarity)
      .slice(0, limit)
      .map((each) => each.place)
}

/** Random vectors as centres: no training, as a cache that grows all the time would have it. */
function invertedFile(vectors: readonly Int8Array[]): Search {
  const centres = Array.from({ length: lists }, (_, at) => {
    const values = new Float64Array(dimensions)
    addDirection(values, at + 1, 1)
    return quantise(values)
  })
  const nearestLists = (vector: Int8Array): number[] =>
    centres
      .map((centre, at) => ({ at, similarity: cosine(vector, centre) }))
      .toSorted((a, b) => b.similarity - a.similarity)
      .map((each) => each.at)
  const members: number[][] = Array.from({ length: lists }, () => [])
  vectors.forEach((vector, place) => members[nearestLists(vector)[0] ?? 0]?.push(place))
  return (asked) => {
    const among = nearestLists(asked)
      .slice(0, listsLooked)
      .flatMap((list) => members[list] ?? [])
    return exactly(vectors, among)(asked)
  }
}

/** The share of the truly nearest that a search finds, over the searches that have one. */
function recall(search: Search, truth: Search, asked: readonly Int8Array[]): number {
  let found = 0
  let all = 0
  for (const vector of asked) {
    const [nearest] = truth(vector)
    if (nearest === undefined) continue
    all += 1
    if (search(vector).includes(nearest)) found += 1
  }
  return all === 0 ? 1 : Number((found / all).toFixed(4))
}

function main(count: number, searches: number): void {
  const vectors = Array.from({ length: count }, (_, n) => vectorOf(question(n)))
  const index = new VectorIndex()
  vectors.forEach((vector, place) => index.set(String(place), vector))
  const asked = Array.from({ length: searches }, (_, n) =>
    vectorOf(question(Math.floor((n * count) / searches)).replace('How do I', 'How can I please')),
  )
  // What nothing is like is the usual case, and a near miss the dear one.
  const strange = asked.map((_, n) => vectorOf(`Why would ${n} owls sing about winter songs?`))
  const signatures: Search = (vector) =>
    index.nearest(vector, { threshold, limit }).map((each) => Number(each.id))
  const all = exactly(vectors, vectors.keys())
  const inverted = invertedFile(vectors)
  const few = asked.slice(0, 40)
  const figures = {
    vectors: count,
    searches: 2 * searches,
    signaturesMs: time(signatures, [...asked, ...strange]),
    signaturesRecall: recall(signatures, all, few),
    exactMs: time(all, few),
    invertedFileMs: time(inverted, few),
    invertedFileRecall: recall(inverted, all, few),
    megabytes: Math.round((count * (dimensions + dimensions / 8)) / 1024 / 1024),
  }
  process.stdout.write(`${JSON.stringify(figures)}\n`)
}

const [count = '100000', searches = '1000'] = process.argv.slice(2)
main(Number(count), Number(searches))
