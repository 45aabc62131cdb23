// The single values of some JSON, as texts.

/** The name of a field, which the tool's author chose; anything else, such as an address, is data. */
const fieldName = /^[A-Za-z_$][A-Za-z0-9_$-]*$/

/** Walks no deeper; what lies below is not looked at, and the walk says so. */
const depthMax = 64

export type Leaves = {
  readonly texts: readonly string[]
  /** True when not all was walked. */
  readonly isCut: boolean
}

/**
 * Strings, numbers, and names of members that are no names of fields. Booleans and null say nothing
 * about where they came from.
 */
export function leavesOf(value: unknown, textsMax: number): Leaves {
  const texts: string[] = []
  let isCut = false
  const walk = (part: unknown, depth: number): void => {
    if (texts.length >= textsMax || depth > depthMax) {
      isCut = true
      return
    }
    if (typeof part === 'string') texts.push(part)
    else if (typeof part === 'number' || typeof part === 'bigint') texts.push(String(part))
    else if (Array.isArray(part)) for (const item of part) walk(item, depth + 1)
    else if (typeof part === 'object' && part !== null) {
      for (const [name, member] of Object.entries(part)) {
        if (!fieldName.test(name)) texts.push(name)
        walk(member, depth + 1)
      }
    }
  }
  walk(value, 0)
  return { texts, isCut }
}
