// The form of a call's arguments: which there are, of what type, of what order of size. Two calls of
// one form differ in their values only, so that a form that was never seen is worth a person's look.

const depthMax = 16

/** A text of names, types and sizes; none of the values themselves. As long as the arguments. */
export function argumentShape(args: Readonly<Record<string, unknown>>): string {
  return shapeOf(args, 0)
}

function shapeOf(value: unknown, depth: number): string {
  if (value === null) return 'null'
  if (typeof value === 'string') return `string${sizeOf(value.length)}`
  if (typeof value === 'number') return `number${value < 0 ? '-' : ''}${sizeOf(Math.abs(value))}`
  if (typeof value !== 'object') return typeof value
  if (depth >= depthMax) return 'deep'
  if (Array.isArray(value)) {
    const items = new Set(value.map((item) => shapeOf(item, depth + 1)))
    return `[${[...items].toSorted().join('|')}]${sizeOf(value.length)}`
  }
  const members = Object.entries(value).map(
    ([name, each]) => `${JSON.stringify(name)}:${shapeOf(each, depth + 1)}`,
  )
  return `{${members.toSorted().join(',')}}${sizeOf(Object.keys(value).length)}`
}

/** The power of ten that it is below: 0, then 1 for less than ten, 2 for less than a hundred. */
function sizeOf(size: number): string {
  if (!Number.isFinite(size)) return '*'
  return size < 1 ? '0' : String(Math.floor(Math.log10(size)) + 1)
}
