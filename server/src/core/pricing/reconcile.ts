// What a provider charges for against what the record has, by day and model.
import type { AccountLine } from './usage-account.ts'
import { undatedModel } from './usage-account.ts'

/** What the record has of a day and an upstream model. */
export type RecordLine = {
  readonly day: string
  readonly model: string
  readonly calls: number
  readonly inputTokens: number
  readonly outputTokens: number
  readonly costNanoUsd: bigint
  /** Calls whose usage nobody knows; they are not in the figures. */
  readonly unknownCalls: number
}

export type Figures = {
  readonly calls: number | null
  readonly inputTokens: number | null
  readonly outputTokens: number | null
  readonly costNanoUsd: bigint | null
}

export type Difference = {
  readonly day: string
  readonly model: string
  readonly ours: Figures | null
  readonly theirs: Figures | null
  /** Ours less theirs, where both say. */
  readonly difference: Figures
  /** The largest of the differences of tokens and cost in per cent of theirs; null: theirs is 0. */
  readonly percent: number | null
  readonly unknownCalls: number
  readonly isWithin: boolean
}

export type Reconciliation = {
  readonly lines: readonly Difference[]
  readonly total: Difference
  readonly isWithin: boolean
}

/**
 * Compares line by line and in sum. A provider names a model with its date where the record may
 * not: names are equal without one, unless the record itself has several dates of the model.
 */
export function reconcile(
  record: readonly RecordLine[],
  account: readonly AccountLine[],
  tolerancePercent: number,
): Reconciliation {
  const exact = new Set(record.map((line) => line.model))
  const byUndated = Map.groupBy(exact, undatedModel)
  const nameOf = (model: string): string => {
    if (exact.has(model)) return model
    const same = byUndated.get(undatedModel(model)) ?? []
    return same.length === 1 ? (same[0] ?? model) : model
  }
  const theirs = sumBy(account.map((line) => ({ ...line, model: nameOf(line.model) })))
  const ours = new Map(record.map((line) => [keyOf(line), line]))
  const keys = [...new Set([...ours.keys(), ...theirs.keys()])].toSorted()
  const lines = keys.map((key) => {
    const [day = '', model = ''] = key.split('\0')
    const [own, other] = [ours.get(key), theirs.get(key)]
    return differenceOf({ day, model, own, other, tolerancePercent })
  })
  const total = differenceOf({
    day: '',
    model: '',
    own: record.length === 0 ? undefined : sumRecord(record),
    other: account.length === 0 ? undefined : sumAccount(account),
    tolerancePercent,
  })
  return { lines, total, isWithin: total.isWithin && lines.every((line) => line.isWithin) }
}

function keyOf(line: { readonly day: string; readonly model: string }): string {
  return `${line.day}\0${line.model}`
}

function sumBy(lines: readonly AccountLine[]): Map<string, Figures> {
  const groups = Map.groupBy(lines, keyOf)
  return new Map([...groups].map(([key, group]) => [key, sumAccount(group)]))
}

function sumAccount(lines: readonly AccountLine[]): Figures {
  const sum = (name: 'calls' | 'inputTokens' | 'outputTokens'): number | null =>
    lines.reduce<number | null>(
      (total, line) => (line[name] === null ? total : (total ?? 0) + line[name]),
      null,
    )
  const costNanoUsd = lines.reduce<bigint | null>(
    (total, line) => (line.costNanoUsd === null ? total : (total ?? 0n) + line.costNanoUsd),
    null,
  )
  return {
    calls: sum('calls'),
    inputTokens: sum('inputTokens'),
    outputTokens: sum('outputTokens'),
    costNanoUsd,
  }
}

function sumRecord(lines: readonly RecordLine[]): RecordLine {
  return lines.reduce((sum, line) => ({
    day: '',
    model: '',
    calls: sum.calls + line.calls,
    inputTokens: sum.inputTokens + line.inputTokens,
    outputTokens: sum.outputTokens + line.outputTokens,
    costNanoUsd: sum.costNanoUsd + line.costNanoUsd,
    unknownCalls: sum.unknownCalls + line.unknownCalls,
  }))
}

function differenceOf(of: {
  readonly day: string
  readonly model: string
  readonly own: RecordLine | undefined
  readonly other: Figures | undefined
  readonly tolerancePercent: number
}): Difference {
  const { day, model, own, other, tolerancePercent } = of
  const less = (name: 'calls' | 'inputTokens' | 'outputTokens'): number | null =>
    other !== undefined && other[name] === null ? null : (own?.[name] ?? 0) - (other?.[name] ?? 0)
  const cost =
    other !== undefined && other.costNanoUsd === null
      ? null
      : (own?.costNanoUsd ?? 0n) - (other?.costNanoUsd ?? 0n)
  const difference = {
    calls: less('calls'),
    inputTokens: less('inputTokens'),
    outputTokens: less('outputTokens'),
    costNanoUsd: cost,
  }
  const parts = [
    { off: difference.inputTokens, whole: other?.inputTokens },
    { off: difference.outputTokens, whole: other?.outputTokens },
    { off: cost === null ? null : Number(cost), whole: Number(other?.costNanoUsd ?? 0n) },
  ].filter((part) => part.off !== null && part.off !== 0)
  const hasNoBase = parts.some(({ whole }) => (whole ?? 0) === 0)
  const percents = parts.map(({ off, whole }) => (Math.abs(off ?? 0) / Math.abs(whole ?? 0)) * 100)
  const percent = hasNoBase ? null : Math.max(0, ...percents)
  return {
    day,
    model,
    ours: own === undefined ? null : figuresOf(own),
    theirs: other ?? null,
    difference,
    percent,
    unknownCalls: own?.unknownCalls ?? 0,
    isWithin:
      percent === 0 || (own !== undefined && percent !== null && percent <= tolerancePercent),
  }
}

function figuresOf({ calls, inputTokens, outputTokens, costNanoUsd }: RecordLine): Figures {
  return { calls, inputTokens, outputTokens, costNanoUsd }
}
