// Runs pairs of questions through the offline embedding and the vetoes, as the semantic cache would:
// each alone, and each against all cached questions together.
import { candidatesMax, lexicalThreshold, readQuestion, type ReadQuestion } from './likeness.ts'
import { readText } from './read-text.ts'
import { cosine } from './vector.ts'
import { VectorIndex } from './vector-index.ts'
import { findVeto, type VetoKind, type VetoOptions } from './veto.ts'

export type QuestionPair = {
  readonly cached: string
  readonly asked: string
  /** Whether the cached answer does; undefined where nobody says. */
  readonly same?: boolean | undefined
}

export type CheckedPair = {
  readonly similarity: number
  readonly veto: VetoKind | 'unlike' | undefined
  readonly isHit: boolean
}

export type CheckOptions = VetoOptions & { readonly threshold: number }

export const checkDefaults: CheckOptions = {
  threshold: lexicalThreshold,
  unmatchedWords: 'refuse',
}

export function checkPair(pair: QuestionPair, options: CheckOptions): CheckedPair {
  const veto = findVeto(readText(pair.cached), readText(pair.asked), options)
  const cached = readQuestion(pair.cached)
  const asked = readQuestion(pair.asked)
  const similarity = cached && asked ? cosine(cached.vector, asked.vector) : 0
  if (veto !== undefined) return { similarity, veto, isHit: false }
  const isUnlike = similarity < options.threshold
  return { similarity, veto: isUnlike ? 'unlike' : undefined, isHit: !isUnlike }
}

/** For each pair the place of the pair whose cached question answers it, among all of them. */
export function checkPool(
  pairs: readonly QuestionPair[],
  options: CheckOptions,
): (number | undefined)[] {
  const index = new VectorIndex()
  const read = new Map<string, { place: number; question: ReadQuestion }>()
  pairs.forEach((pair, place) => {
    const question = readQuestion(pair.cached)
    // Of equal questions the first is the one that is cached.
    if (question === undefined || read.has(pair.cached)) return
    read.set(pair.cached, { place, question })
    index.set(pair.cached, question.vector)
  })
  return pairs.map((pair) => {
    const question = readQuestion(pair.asked)
    if (question === undefined) return undefined
    const near = index.nearest(question.vector, { ...options, limit: candidatesMax })
    for (const { id } of near) {
      const found = read.get(id)
      const veto = found && findVeto(found.question.text, question.text, options)
      if (found !== undefined && veto === undefined) return found.place
    }
    return undefined
  })
}
