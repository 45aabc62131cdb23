// How much a request asks of a model, from 0 (small talk) to 1 (hard work). It is a fixed sum of
// what can be counted in the text, so that the same request always has the same score and the
// record can say where it came from. It measures form, not meaning: rules should leave room.

export type ComplexityInput = {
  /** The newest text of the user. */
  readonly text: string
  /** Of the whole request, estimated. */
  readonly promptTokens: number
  readonly messages: number
  readonly tools: number
  readonly structured: boolean
}

/** What each feature adds to the score, all in the range 0 to 1. */
export type Complexity = { readonly score: number; readonly parts: Readonly<Record<Part, number>> }

type Part = 'length' | 'question' | 'reasoning' | 'code' | 'demands' | 'tools' | 'turns'

const weights: Readonly<Record<Part, number>> = {
  length: 0.2,
  question: 0.15,
  reasoning: 0.25,
  code: 0.15,
  demands: 0.1,
  tools: 0.1,
  turns: 0.05,
}

/** Longer texts are judged by their beginning: the score must not cost more than a call. */
const charactersMax = 20_000

const reasoningWords =
  /\b(?:why|prove|derive|explain|analy[sz]e|compare|contrast|evaluate|optimi[sz]e|design|refactor|debug|diagnose|plan|trade-?offs?|step by step|root cause|implications?|strategy|estimate|calculate|reconcile|reason)\b/gi
const codeMarks =
  /```|\b(?:function|class|def|import|SELECT|return|const|var|async|await|struct|regex)\b|[{};]\s*$|=>|::|<\/?[a-z]+>/gim
const demandMarks =
  /^\s*(?:[-*•]|\d+[.)])\s|\b(?:must|should|exactly|at least|at most|only|never|always|except|unless|without)\b/gim

/** The score and its parts. Time grows with the text, up to 20,000 characters. */
export function measureComplexity(input: ComplexityInput): Complexity {
  const text = input.text.slice(0, charactersMax)
  const words = count(text, /\S+/g)
  const shares: Record<Part, number> = {
    length: saturate(input.promptTokens, 4000),
    question: saturate(words, 150),
    reasoning: saturate(count(text, reasoningWords), 3),
    code: saturate(count(text, codeMarks), 6),
    demands: saturate(count(text, demandMarks) + (input.structured ? 2 : 0), 8),
    tools: saturate(input.tools, 12),
    turns: saturate(Math.max(input.messages - 2, 0), 12),
  }
  const parts = { ...shares }
  let score = 0
  for (const part of partNames) {
    parts[part] = round(shares[part] * weights[part])
    score += parts[part]
  }
  return { score: round(Math.min(score, 1)), parts }
}

const partNames: readonly Part[] = [
  'length',
  'question',
  'reasoning',
  'code',
  'demands',
  'tools',
  'turns',
]

function count(text: string, pattern: RegExp): number {
  let found = 0
  for (const _ of text.matchAll(pattern)) found += 1
  return found
}

/** 0 at 0, nearly 1 at `full`, and never more. */
function saturate(value: number, full: number): number {
  return value >= full ? 1 : Math.sqrt(value / full)
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000
}
