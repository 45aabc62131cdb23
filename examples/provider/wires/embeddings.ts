// OpenAI Embeddings: a unit vector for each text, the same one for the same text and model.
import { BadRequest } from '../asked.ts'
import { checkFields } from '../check-fields.ts'
import { digestOf } from '../digest.ts'
import type { Flavour } from '../flavours.ts'
import { countField, type Json, textField } from '../json.ts'
import { countTokens } from '../tokens.ts'

export type EmbeddingsAsked = {
  readonly model: string
  readonly inputs: readonly string[]
  readonly dimensions: number
  readonly isBase64: boolean
  readonly promptTokens: number
}

const dimensionsDefault = 256
const dimensionsMax = 4096
const inputsMax = 2048

export function readEmbeddings(body: Json, flavour: Flavour): EmbeddingsAsked {
  if (flavour.isStrict) checkFields('embeddings', body)
  const model = textField(body, 'model')
  if (model === undefined) throw new BadRequest('you must provide a model parameter')
  const inputs = readInputs(body['input'])
  if (inputs.length === 0 || inputs.length > inputsMax) {
    throw new BadRequest("'$.input' is invalid.", { param: 'input' })
  }
  const dimensions = countField(body, 'dimensions') ?? dimensionsDefault
  if (dimensions < 1 || dimensions > dimensionsMax) {
    throw new BadRequest(`Invalid value for 'dimensions' = ${dimensions}.`, { param: 'dimensions' })
  }
  return {
    model,
    inputs: inputs.map(({ text }) => text),
    dimensions,
    isBase64: flavour.encodesEmbeddings && body['encoding_format'] === 'base64',
    promptTokens: inputs.reduce((sum, { tokens }) => sum + tokens, 0),
  }
}

/** A text, texts, tokens, or lists of tokens. */
function readInputs(input: unknown): { text: string; tokens: number }[] {
  if (typeof input === 'string') return [{ text: input, tokens: countTokens(input) }]
  if (!Array.isArray(input)) return []
  if (typeof input[0] === 'number') return [{ text: input.join(' '), tokens: input.length }]
  return input.flatMap((one: unknown) => readInputs(one))
}

export function embeddingsReply(asked: EmbeddingsAsked, tell: (usage: object) => unknown): object {
  const usage = tell({ prompt_tokens: asked.promptTokens, total_tokens: asked.promptTokens })
  return {
    object: 'list',
    data: asked.inputs.map((text, index) => ({
      object: 'embedding',
      index,
      embedding: encode(vectorOf(asked.model, text, asked.dimensions), asked.isBase64),
    })),
    model: asked.model,
    ...(usage === undefined ? {} : { usage }),
  }
}

function vectorOf(model: string, text: string, dimensions: number): Float32Array {
  const vector = new Float32Array(dimensions)
  for (let at = 0; at < dimensions; at += 32) {
    const bytes = digestOf(model, text, at)
    for (let n = 0; n < 32 && at + n < dimensions; n += 1) {
      vector[at + n] = ((bytes[n] ?? 0) - 127.5) / 127.5
    }
  }
  const length = Math.hypot(...vector)
  return vector.map((value) => value / length)
}

function encode(vector: Float32Array, isBase64: boolean): string | number[] {
  if (!isBase64) return Array.from(vector)
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64')
}
