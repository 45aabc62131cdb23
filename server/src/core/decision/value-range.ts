// The values that one variable may still have: an interval, or a set.

export type Primitive = string | number | bigint | boolean
export type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>='

type Bound = { readonly value: number | bigint; readonly isOpen: boolean }

export type Domain = {
  readonly isInteger?: boolean
  readonly min?: number | bigint
  readonly max?: number | bigint
  readonly values?: readonly Primitive[]
}

/** Largest integer interval whose members are counted one by one against excluded values. */
const MEMBERS_MAX = 64n

/** Starts as a domain and is narrowed by comparisons; `isEmpty` says when nothing is left. */
export class Range {
  readonly #isInteger: boolean
  readonly #excluded = new Set<Primitive>()
  #allowed: ReadonlySet<Primitive> | undefined
  #lower: Bound | undefined
  #upper: Bound | undefined

  constructor(domain: Domain) {
    this.#isInteger = domain.isInteger ?? false
    if (domain.min !== undefined) this.#lower = { value: domain.min, isOpen: false }
    if (domain.max !== undefined) this.#upper = { value: domain.max, isOpen: false }
    if (domain.values !== undefined) this.allow(domain.values)
  }

  /** Narrows to the values for which `value <op> constant` holds. */
  compare(op: Comparison, constant: Primitive): void {
    if (op === '==') return this.allow([constant])
    if (op === '!=') {
      this.#excluded.add(normal(constant))
      return
    }
    if (typeof constant !== 'number' && typeof constant !== 'bigint') return
    const bound = { value: constant, isOpen: op === '<' || op === '>' }
    if (op === '<' || op === '<=') this.#upper = lesser(this.#upper, bound)
    else this.#lower = greater(this.#lower, bound)
  }

  /** Narrows to some of these values. */
  allow(values: readonly Primitive[]): void {
    const next = new Set(values.map(normal))
    this.#allowed = this.#allowed === undefined ? next : next.intersection(this.#allowed)
  }

  isEmpty(): boolean {
    if (this.#allowed !== undefined) {
      return [...this.#allowed].every((value) => this.#excluded.has(value) || !this.#holds(value))
    }
    const lower = this.#lower
    const upper = this.#upper
    if (lower === undefined || upper === undefined) return false
    if (this.#isInteger) return this.#hasNoInteger(lower, upper)
    if (lower.value > upper.value) return true
    if (lower.value < upper.value) return false
    return lower.isOpen || upper.isOpen || this.#excluded.has(normal(lower.value))
  }

  #holds(value: Primitive): boolean {
    if (typeof value !== 'number' && typeof value !== 'bigint') return true
    const { value: low, isOpen: isLowOpen } = this.#lower ?? { value: -Infinity, isOpen: false }
    const { value: high, isOpen: isHighOpen } = this.#upper ?? { value: Infinity, isOpen: false }
    return (isLowOpen ? value > low : value >= low) && (isHighOpen ? value < high : value <= high)
  }

  #hasNoInteger(lower: Bound, upper: Bound): boolean {
    const first = firstInteger(lower)
    const last = -firstInteger({ value: -upper.value, isOpen: upper.isOpen })
    if (first > last) return true
    if (last - first >= MEMBERS_MAX) return false
    for (let value = first; value <= last; value += 1n) if (!this.#excluded.has(value)) return false
    return true
  }
}

/** 1 and 1.0 are one value. */
function normal(value: Primitive): Primitive {
  return typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : value
}

/** The least integer at or above a lower bound. */
function firstInteger({ value, isOpen }: Bound): bigint {
  if (typeof value === 'bigint') return isOpen ? value + 1n : value
  if (!Number.isFinite(value)) return value < 0 ? -(2n ** 63n) : 2n ** 63n
  const ceiling = BigInt(Math.ceil(value))
  return isOpen && Number.isInteger(value) ? ceiling + 1n : ceiling
}

function lesser(old: Bound | undefined, bound: Bound): Bound {
  if (old === undefined || bound.value < old.value) return bound
  return bound.value > old.value || old.isOpen ? old : bound
}

function greater(old: Bound | undefined, bound: Bound): Bound {
  if (old === undefined || bound.value > old.value) return bound
  return bound.value < old.value || old.isOpen ? old : bound
}
