// Arithmetic of the benches: medians and percentiles over samples.

/** The middle of the samples, or the mean of the two middle ones. Throws on none. */
export function median(samples: readonly number[]): number {
  const sorted = samples.toSorted((a, b) => a - b)
  const upper = sorted[Math.floor(sorted.length / 2)]
  const lower = sorted[Math.ceil(sorted.length / 2) - 1]
  if (upper === undefined || lower === undefined) throw new RangeError('median of no samples')
  return (lower + upper) / 2
}

/** Nearest rank: the smallest sample that at least `share` (0 to 1) of the samples do not pass. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b)
  const found = sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)]
  if (found === undefined) throw new RangeError('percentile of no samples')
  return found
}

export function round(value: number, decimals: number): number {
  return Number(value.toFixed(decimals))
}
