// The model APIs that agents and upstreams speak.

/**
 * `chat` is OpenAI Chat Completions, `responses` OpenAI Responses, `messages` Anthropic Messages,
 * `embeddings` OpenAI Embeddings.
 */
export type ModelApi = 'chat' | 'responses' | 'messages' | 'embeddings'
