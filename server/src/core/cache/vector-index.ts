// Finds the nearest of many vectors: a signature of 256 signs a vector is compared first, by counting
// the bits that differ; only what is near by its signature is compared exactly.
import { cosine, dimensions } from './vector.ts'

const wordsPerSignature = dimensions / 32
const capacityMin = 4
/** How many are compared exactly. */
const rerankedMax = 64
/**
 * Signs of two vectors at an angle differ in angle/pi of the bits. This many standard deviations more
 * may differ before a vector is left out; one in seven hundred at the threshold is missed, and
 * costs a call.
 */
const deviations = 3
/** A distance and a place in 32 bits: an index holds at most 16 million vectors. */
const placeBits = 24
const placeMask = 2 ** placeBits - 1
/** Of those at the last distance not all need be looked at. */
const overMax = 4 * rerankedMax
/** Memory of one vector: its bytes, its signature, its place in the map. */
export const bytesPerVector: number = dimensions + dimensions / 8 + 124

export type Neighbour = { readonly id: string; readonly similarity: number }

export class VectorIndex {
  #signatures = new Uint32Array(capacityMin * wordsPerSignature)
  #vectors = new Int8Array(capacityMin * dimensions)
  /** What a search found near, kept so that no search makes garbage. */
  #near = new Uint32Array(capacityMin)
  readonly #ids: string[] = []
  readonly #places = new Map<string, number>()

  get size(): number {
    return this.#ids.length
  }

  /** Adds a vector, or replaces the one of this id. */
  set(id: string, vector: Int8Array): void {
    const known = this.#places.get(id)
    const place = known ?? this.#ids.length
    if (known === undefined) {
      this.#grow(place + 1)
      this.#ids.push(id)
      this.#places.set(id, place)
    }
    this.#vectors.set(vector, place * dimensions)
    sign(vector, this.#signatures, place * wordsPerSignature)
  }

  /** The last one takes the place of the one that goes. */
  delete(id: string): void {
    const place = this.#places.get(id)
    if (place === undefined) return
    const last = this.#ids.length - 1
    const moved = this.#ids[last]
    if (moved !== undefined && last !== place) {
      this.#ids[place] = moved
      this.#places.set(moved, place)
      this.#vectors.copyWithin(place * dimensions, last * dimensions, (last + 1) * dimensions)
      const from = last * wordsPerSignature
      this.#signatures.copyWithin(place * wordsPerSignature, from, from + wordsPerSignature)
    }
    this.#ids.pop()
    this.#places.delete(id)
    // What is left in the arrays is a person's: it goes with the entry.
    this.#vectors.fill(0, last * dimensions, (last + 1) * dimensions)
    this.#signatures.fill(0, last * wordsPerSignature, (last + 1) * wordsPerSignature)
  }

  /** The nearest whose cosine is at least `threshold`, the nearest first; at most `limit`. */
  nearest(vector: Int8Array, options: { threshold: number; limit: number }): Neighbour[] {
    const places = this.#nearBySignature(vector, options.threshold)
    const found: Neighbour[] = []
    for (const place of places) {
      const id = this.#ids[place]
      const start = place * dimensions
      const similarity = cosine(vector, this.#vectors.subarray(start, start + dimensions))
      if (id !== undefined && similarity >= options.threshold) found.push({ id, similarity })
    }
    found.sort((a, b) => b.similarity - a.similarity)
    return found.slice(0, options.limit)
  }

  #nearBySignature(vector: Int8Array, threshold: number): number[] {
    const asked = new Uint32Array(wordsPerSignature)
    sign(vector, asked, 0)
    const near = this.#near
    const histogram = new Uint32Array(dimensions + 1)
    const found = scan({
      asked,
      signatures: this.#signatures,
      count: this.#ids.length,
      limits: bitsThatMayDiffer(threshold),
      near,
      histogram,
    })
    let cut = 0
    for (let total = histogram[0] ?? 0; cut < dimensions && total < rerankedMax;) {
      cut += 1
      total += histogram[cut] ?? 0
    }
    const places: number[] = []
    for (let at = 0; at < found; at += 1) {
      const packed = near[at] ?? 0
      if (packed >>> placeBits < cut || (packed >>> placeBits === cut && places.length < overMax)) {
        places.push(packed & placeMask)
      }
    }
    return places
  }

  #grow(count: number): void {
    const capacity = this.#vectors.length / dimensions
    if (count <= capacity) return
    const vectors = new Int8Array(capacity * 2 * dimensions)
    vectors.set(this.#vectors)
    this.#vectors = vectors
    const signatures = new Uint32Array(capacity * 2 * wordsPerSignature)
    signatures.set(this.#signatures)
    this.#signatures = signatures
    this.#near = new Uint32Array(capacity * 2)
  }
}

function sign(vector: Int8Array, signatures: Uint32Array, at: number): void {
  for (let word = 0; word < wordsPerSignature; word += 1) {
    let bits = 0
    for (let bit = 0; bit < 32; bit += 1) {
      if ((vector[word * 32 + bit] ?? 0) < 0) bits |= 1 << bit
    }
    signatures[at + word] = bits
  }
}

type Limits = { readonly first: number; readonly all: number }

function bitsThatMayDiffer(threshold: number): Limits {
  const share = Math.acos(Math.min(1, Math.max(-1, threshold))) / Math.PI
  const of = (bits: number): number =>
    Math.min(bits, Math.ceil(bits * share + deviations * Math.sqrt(bits * share * (1 - share))))
  return { first: of(dimensions / 2), all: of(dimensions) }
}

/**
 * The one loop over all vectors; most are out after the first half of their bits. Writes those that are
 * near, and how many there are at each distance; gives how many.
 */
function scan(options: {
  asked: Uint32Array
  signatures: Uint32Array
  count: number
  limits: Limits
  near: Uint32Array
  histogram: Uint32Array
}): number {
  const { asked, signatures, count, limits, near, histogram } = options
  let found = 0
  const [a0 = 0, a1 = 0, a2 = 0, a3 = 0, a4 = 0, a5 = 0, a6 = 0, a7 = 0] = asked
  const { first, all } = limits
  // Written out: this runs for every vector of the index, and a loop within costs it twice the time.
  for (let place = 0, at = 0; place < count; place += 1, at += wordsPerSignature) {
    const half =
      countBits((signatures[at] ?? 0) ^ a0) +
      countBits((signatures[at + 1] ?? 0) ^ a1) +
      countBits((signatures[at + 2] ?? 0) ^ a2) +
      countBits((signatures[at + 3] ?? 0) ^ a3)
    if (half > first) continue
    const distance =
      half +
      countBits((signatures[at + 4] ?? 0) ^ a4) +
      countBits((signatures[at + 5] ?? 0) ^ a5) +
      countBits((signatures[at + 6] ?? 0) ^ a6) +
      countBits((signatures[at + 7] ?? 0) ^ a7)
    if (distance > all) continue
    // 256 bits differ only between a vector and its opposite, which no threshold lets through.
    const kept = Math.min(distance, 255)
    near[found] = (kept << placeBits) | place
    histogram[kept] = (histogram[kept] ?? 0) + 1
    found += 1
  }
  return found
}

function countBits(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555)
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333)
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}
