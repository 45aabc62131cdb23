// Errors as OpenAI's clients read them: the same for Chat Completions, Responses and Embeddings.
import type { ErrorBody } from '@airworthy/sdk'

export function openaiError(error: ErrorBody['error']): object {
  return { error: { param: null, ...error } }
}

export function openaiErrorEvent(error: ErrorBody['error']): string {
  return `data: ${JSON.stringify(openaiError(error))}\n\n`
}
