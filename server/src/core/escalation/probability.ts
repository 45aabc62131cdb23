/** A number from 0 to 1; undefined for anything else, so that nothing else can count as sure. */
export function readProbability(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 && value <= 1 ? value : undefined
}
