// The vector of a question: made here, or by a model of the pact, as a call like any other.
import { randomUUIDv7 } from 'node:crypto'
import type { ReadQuestion } from '../../../core/cache/likeness.ts'
import { projectEmbedding } from '../../../core/cache/vector.ts'
import type { CompiledSemanticCache } from '../../../core/pact/cache-schema.ts'
import { CapturedReply } from '../captured-reply.ts'
import { openaiEmbeddings } from '../openai-embeddings.ts'
import type { ModelCallInput } from '../prepare-model-call.ts'
import { listProperty } from '../wire.ts'

/** Runs one call to its end. */
export type RunCall = (input: ModelCallInput, response: CapturedReply) => Promise<void>

/** Undefined where the model gave no embedding: then nothing is found by likeness. */
export async function embedQuestion(
  question: ReadQuestion,
  of: {
    readonly input: ModelCallInput
    readonly config: CompiledSemanticCache
    readonly asked: string
    readonly run: RunCall
  },
): Promise<Int8Array | undefined> {
  const { input, config, asked, run } = of
  if (config.embeddings === undefined) return question.vector
  const body = Buffer.from(JSON.stringify({ model: config.embeddings, input: asked }))
  const captured = new CapturedReply()
  await run(
    {
      callId: randomUUIDv7(),
      principal: input.principal,
      wire: openaiEmbeddings,
      body,
      request: openaiEmbeddings.readRequest(body),
      resume: undefined,
    },
    captured,
  )
  if (captured.status !== 200) return undefined
  return readEmbedding(captured.body())
}

function readEmbedding(body: Buffer): Int8Array | undefined {
  try {
    const json: unknown = JSON.parse(body.toString('utf8'))
    const embedding = listProperty(listProperty(json, 'data')[0], 'embedding')
    if (!embedding.every((value) => typeof value === 'number')) return undefined
    return projectEmbedding(embedding)
  } catch {
    return undefined
  }
}
