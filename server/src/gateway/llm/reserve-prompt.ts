// The most tokens that a request's prompt can have.
import type { CompiledModel } from '../../core/pact/compiled.ts'
import { countTokens } from './count-tokens.ts'
import { type ModelRequest, property } from './wire.ts'

/** No model reads more: the bound of a prompt of which part lies elsewhere. */
export const promptTokensMost = 100_000_000

/** An image or document may have more tokens than its bytes, when those are compressed. */
const inlinePartTokens = 4096
/** What a provider writes around each message and tool is in the body's own syntax, and this. */
const countedOverheadTokens = 64
/** A longer body is not counted: its bytes are its bound. */
const countedBytesMax = 1024 * 1024

/** By bytes: a token is at least one byte of the body. */
export function boundPrompt(
  body: Buffer,
  request: ModelRequest,
  model: CompiledModel | undefined,
): bigint {
  const most = model?.contextTokens ?? promptTokensMost
  if (request.outside !== undefined) return BigInt(most)
  const bytes = request.promptTokensMax ?? body.length
  return BigInt(Math.min(bytes + request.inlineParts * inlinePartTokens, most))
}

/**
 * By the model's own tokenizer, over the whole text of the body: its syntax stands for what the
 * provider writes around messages and tools. Undefined where that is not exact, or would take long.
 */
export async function countPrompt(
  body: Buffer,
  request: ModelRequest,
  model: CompiledModel,
): Promise<bigint | undefined> {
  if (model.tokenizer === 'bytes' || request.outside !== undefined) return undefined
  if (body.length > countedBytesMax) return undefined
  const tokens = await countTokens(model.tokenizer, body.toString('utf8'))
  const counted = BigInt(tokens + countedOverheadTokens + request.inlineParts * inlinePartTokens)
  const bytes = boundPrompt(body, request, model)
  return counted < bytes ? counted : bytes
}

/**
 * At least so many tokens of prompt were read by a model that has begun to answer: its texts alone,
 * by the model's own tokenizer. 0 where that is not exact, or would take long.
 */
export async function countPromptAtLeast(
  { json }: ModelRequest,
  { tokenizer }: CompiledModel,
): Promise<number> {
  if (tokenizer === 'bytes') return 0
  const texts: string[] = []
  for (const name of promptMembers) collectTexts(property(json, name), texts)
  const text = texts.join('')
  return text.length > countedBytesMax ? 0 : countTokens(tokenizer, text)
}

const promptMembers = ['messages', 'input', 'instructions', 'system']
/** Where turns and their parts have what is said. */
const textMembers = ['content', 'text', 'output']

function collectTexts(value: unknown, texts: string[]): void {
  if (typeof value === 'string') texts.push(value)
  else if (Array.isArray(value)) for (const one of value) collectTexts(one, texts)
  else if (typeof value === 'object' && value !== null) {
    for (const name of textMembers) collectTexts(property(value, name), texts)
  }
}
