// A straight line through samples, by least squares, and how sure its slope is.

export type Slope = {
  /** Change of y for each 1 of x. */
  readonly slope: number
  readonly standardError: number
}

/** At least three points with different x. */
export function fitSlope(points: readonly (readonly [x: number, y: number])[]): Slope {
  const count = points.length
  if (count < 3) throw new RangeError('a slope needs three points')
  const xMean = points.reduce((sum, [x]) => sum + x, 0) / count
  const yMean = points.reduce((sum, [, y]) => sum + y, 0) / count
  const xx = points.reduce((sum, [x]) => sum + (x - xMean) ** 2, 0)
  const xy = points.reduce((sum, [x, y]) => sum + (x - xMean) * (y - yMean), 0)
  if (xx === 0) throw new RangeError('a slope needs points apart')
  const slope = xy / xx
  const residuals = points.reduce((sum, [x, y]) => sum + (y - yMean - slope * (x - xMean)) ** 2, 0)
  return { slope, standardError: Math.sqrt(residuals / (count - 2) / xx) }
}

/** Means of so many stretches of equal length: samples close to each other say the same thing. */
export function meansOf(
  points: readonly (readonly [x: number, y: number])[],
  stretches: number,
): [x: number, y: number][] {
  const length = Math.max(1, Math.floor(points.length / stretches))
  const means: [number, number][] = []
  for (let from = 0; from + length <= points.length; from += length) {
    const part = points.slice(from, from + length)
    means.push([
      part.reduce((sum, [x]) => sum + x, 0) / length,
      part.reduce((sum, [, y]) => sum + y, 0) / length,
    ])
  }
  return means
}
