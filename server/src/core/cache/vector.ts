// Vectors of a fixed width: 256 dimensions of one signed byte each, of length 127 together or less.
// Whatever an embedding's own width is, it is projected to this one, so that the memory of an index
// is known: the projection keeps a cosine to within about (1 - cosine^2) / 16.

export const dimensions = 256
const embeddingValuesMax = 8_192

/**
 * A vector of unit length as signed bytes. Its scale is the largest of its values, because the
 * length does not matter to a cosine.
 */
export function quantise(values: Float32Array | Float64Array): Int8Array {
  let largest = 0
  for (const value of values) largest = Math.max(largest, Math.abs(value))
  const quantised = new Int8Array(dimensions)
  if (largest === 0) return quantised
  for (let at = 0; at < dimensions; at += 1) {
    quantised[at] = Math.round(((values[at] ?? 0) * 127) / largest)
  }
  return quantised
}

/**
 * Adds the direction that belongs to a feature, `weight` times: 256 signs drawn from the feature's
 * hash. Directions of different features are nearly at right angles (random indexing).
 */
export function addDirection(values: Float64Array, feature: number, weight: number): void {
  let state = feature | 0
  for (let word = 0; word < dimensions; word += 32) {
    state = mix((state + 0x9e3779b9) | 0)
    for (let bit = 0; bit < 32; bit += 1) {
      const at = word + bit
      values[at] = (values[at] ?? 0) + (((state >>> bit) & 1) === 0 ? weight : -weight)
    }
  }
}

/** The finaliser of MurmurHash3: every bit of the result depends on every bit of the argument. */
function mix(value: number): number {
  let mixed = value
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}

/** FNV-1a over UTF-16 units, then mixed. */
export function hashFeature(text: string, seed: number): number {
  let hash = (0x811c9dc5 ^ seed) | 0
  for (let at = 0; at < text.length; at += 1)
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return mix(hash)
}

/** An embedding of any width as one of ours. Throws RangeError for what is no embedding. */
export function projectEmbedding(embedding: readonly number[]): Int8Array {
  if (embedding.length === 0 || embedding.length > embeddingValuesMax) {
    throw new RangeError(`an embedding of ${embedding.length} values`)
  }
  const values = new Float64Array(dimensions)
  embedding.forEach((value, at) => {
    if (!Number.isFinite(value)) throw new RangeError('an embedding with a value that is no number')
    addDirection(values, at + 1, value)
  })
  return quantise(values)
}

/** The cosine of two vectors, from -1 to 1; 0 where one of them is zero. */
export function cosine(a: Int8Array, b: Int8Array): number {
  let product = 0
  let lengthA = 0
  let lengthB = 0
  for (let at = 0; at < dimensions; at += 1) {
    const left = a[at] ?? 0
    const right = b[at] ?? 0
    product += left * right
    lengthA += left * left
    lengthB += right * right
  }
  return lengthA === 0 || lengthB === 0 ? 0 : product / Math.sqrt(lengthA * lengthB)
}
