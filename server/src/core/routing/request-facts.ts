// What routing knows of a request, read from the body of any model API.
import type { ModelApi } from '../wires/model-api.ts'
import { type Complexity, measureComplexity } from './complexity.ts'
import { listOf, memberOf } from './json-members.ts'

export type RequestFacts = {
  readonly model: string
  /** A word that the client puts on the request (header `airworthy-label`); it only routes. */
  readonly label: string
  readonly stream: boolean
  /** Estimated: a token for four bytes of the body. */
  readonly promptTokens: number
  /** What the client asks for at most; 0 where it leaves it to the model. */
  readonly outputTokens: number
  readonly messages: number
  readonly toolNames: readonly string[]
  readonly images: number
  readonly documents: number
  /** The answer must fit a schema, or be JSON. */
  readonly structured: boolean
  /** The newest text of the user, at most 20,000 characters. */
  readonly text: string
  readonly complexity: Complexity
}

export type RequestInput = {
  readonly api: ModelApi
  readonly body: unknown
  readonly bodyBytes: number
  readonly model: string
  readonly label: string
  readonly stream: boolean
  readonly toolNames: readonly string[]
  readonly outputTokens: number
}

const bytesPerToken = 4
const charactersMax = 20_000

/** Reads the facts. Nothing of an unknown shape is an error: it counts as absent. */
export function readRequestFacts(input: RequestInput): RequestFacts {
  const turns = readTurns(input)
  const promptTokens = Math.ceil(input.bodyBytes / bytesPerToken)
  const structured = isStructured(input.body)
  const seen = countMedia(turns)
  const text = newestText(turns).slice(0, charactersMax)
  const { model, label, stream, outputTokens, toolNames } = input
  const complexity = measureComplexity({
    text,
    promptTokens,
    messages: turns.length,
    tools: toolNames.length,
    structured,
  })
  const messages = turns.length
  return {
    model,
    label,
    stream,
    outputTokens,
    toolNames,
    promptTokens,
    messages,
    ...seen,
    structured,
    text,
    complexity,
  }
}

function readTurns({ api, body }: RequestInput): readonly unknown[] {
  if (api !== 'responses' && api !== 'embeddings') return listOf(body, 'messages')
  const input = memberOf(body, 'input')
  if (typeof input === 'string') return [{ role: 'user', content: input }]
  return Array.isArray(input) ? input : []
}

function isStructured(body: unknown): boolean {
  const formats = [
    memberOf(body, 'response_format'),
    memberOf(memberOf(body, 'text'), 'format'),
    memberOf(body, 'output_format'),
    memberOf(memberOf(body, 'output_config'), 'format'),
  ]
  return formats.some((format) => {
    const type = memberOf(format, 'type')
    return type === 'json_schema' || type === 'json_object'
  })
}

const imageTypes = new Set(['image', 'image_url', 'input_image'])
const documentTypes = new Set(['document', 'file', 'input_file'])

function countMedia(turns: readonly unknown[]): { images: number; documents: number } {
  let images = 0
  let documents = 0
  for (const turn of turns) {
    for (const part of listOf(turn, 'content')) {
      const type = memberOf(part, 'type')
      if (typeof type !== 'string') continue
      if (imageTypes.has(type)) images += 1
      if (documentTypes.has(type)) documents += 1
    }
  }
  return { images, documents }
}

function newestText(turns: readonly unknown[]): string {
  for (const turn of turns.toReversed()) {
    if (memberOf(turn, 'role') !== 'user') continue
    const text = textOf(memberOf(turn, 'content'))
    if (text !== '') return text
  }
  return ''
}

function textOf(content: unknown): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  const texts = content.flatMap((part) => {
    const text = memberOf(part, 'text')
    return typeof text === 'string' ? [text] : []
  })
  return texts.join('\n')
}
