// What a model's reply says of itself: how sure it is, and whether it doubts. The model's own words
// are only ever taken against it.
import { hasKeyTwice } from '../canonical.ts'
import type { ModelApi } from '../wires/model-api.ts'
import type { Reading, ReplyReading } from './escalation.ts'
import { plainWords } from './plain-words.ts'
import { readProbability } from './probability.ts'

/** Longer texts are no structured output, and only their beginning is searched for phrases. */
const textCharsMax = 256 * 1024
const tokensMax = 100_000

/** Reads a whole reply of the wire; of what is none, nothing is known. */
export function readReply(api: ModelApi, body: unknown, reading: ReplyReading): Reading {
  const choices = textsOf(api, body).map((texts) =>
    texts.map((each) => each.slice(0, textCharsMax)),
  )
  const texts = choices.flat()
  const structured = choices.map((each) => each.flatMap(parseStructured))
  const documents = structured.flat().map(({ value }) => value)
  const logprobs = reading.readsLogprobs ? meanProbability(logprobsOf(api, body)) : undefined
  const isMarked = documents.some((document) =>
    reading.fields.some((path) => valueAt(document, path) === true),
  )
  const words = texts.map((text) => plainWords(text))
  const isSaid = reading.phrases.some((phrase) => words.some((text) => text.includes(phrase)))
  const doubt = isMarked ? 'field' : isSaid ? 'phrase' : undefined
  return { ...readStatements(structured, reading.statedPath), logprobs, doubt }
}

/** The lowest that is said; and whether a choice says nothing, something else, or two things. */
function readStatements(
  choices: readonly (readonly Structured[])[],
  path: readonly string[] | undefined,
): Pick<Reading, 'stated' | 'isUnclear'> {
  if (path === undefined) return { stated: undefined }
  const said = choices.map((documents) =>
    documents.flatMap(({ value: document, isTwice }) => {
      const value = valueAt(document, path)
      if (value === undefined) return []
      const probability = readProbability(value)
      return [{ probability, isUnclear: isTwice || probability === undefined }]
    }),
  )
  const all = said.flat()
  const isUnclear =
    all.some((each) => each.isUnclear) ||
    (all.length > 0 && said.some((statements) => statements.length === 0))
  const stated = lowest(all.map(({ probability }) => probability))
  return { stated, ...(isUnclear ? { isUnclear } : {}) }
}

/** The geometric mean of the tokens' probabilities; undefined where there are none. */
export function meanProbability(logprobs: readonly number[]): number | undefined {
  if (logprobs.length === 0) return undefined
  const sum = logprobs.reduce((total, each) => total + each, 0)
  return readProbability(Math.exp(sum / logprobs.length))
}

function lowest(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined)
  return known.length === 0 ? undefined : Math.min(...known)
}

const fence = /^\s*```(?:json)?\s*\n([\s\S]*?)\n```\s*$/

type Structured = {
  readonly value: unknown
  /** A key stands in it twice: which of the two counts is anybody's guess. */
  readonly isTwice: boolean
}

function parseStructured(text: string): Structured[] {
  const [, fenced] = fence.exec(text) ?? []
  const candidate = (fenced ?? text).trim()
  if (!candidate.startsWith('{')) return []
  try {
    const value: unknown = JSON.parse(candidate)
    return [{ value, isTwice: hasKeyTwice(candidate, value) }]
  } catch {
    return []
  }
}

/** The value at a path of members; undefined where there is none. */
export function valueAt(document: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, step) => member(value, step), document)
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  return Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined
}

function items(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function textOf(value: unknown): string[] {
  return typeof value === 'string' && value !== '' ? [value] : []
}

/** What the model says to the user, by choice; not its thoughts. */
function textsOf(api: ModelApi, body: unknown): string[][] {
  switch (api) {
    case 'chat':
      return items(member(body, 'choices')).map((choice) => {
        const message = member(choice, 'message')
        return [...textOf(member(message, 'content')), ...textOf(member(message, 'refusal'))]
      })
    case 'responses':
      return [
        contentsOf(body).flatMap((content) => [
          ...textOf(member(content, 'text')),
          ...textOf(member(content, 'refusal')),
        ]),
      ]
    case 'messages':
      return [items(member(body, 'content')).flatMap((block) => textOf(member(block, 'text')))]
    case 'embeddings':
    default:
      return []
  }
}

function contentsOf(body: unknown): readonly unknown[] {
  return items(member(body, 'output')).flatMap((item) => items(member(item, 'content')))
}

function logprobsOf(api: ModelApi, body: unknown): number[] {
  const tokens =
    api === 'chat'
      ? items(member(body, 'choices')).flatMap((choice) =>
          items(valueAt(choice, ['logprobs', 'content'])),
        )
      : api === 'responses'
        ? contentsOf(body).flatMap((content) => items(member(content, 'logprobs')))
        : []
  return tokens.slice(0, tokensMax).flatMap((token) => {
    const logprob = member(token, 'logprob')
    return typeof logprob === 'number' && logprob <= 0 ? [logprob] : []
  })
}
