// The AI SDK (`ai`) with its official providers.
import assert from 'node:assert/strict'
import { createAnthropic } from '@ai-sdk/anthropic'
import { createOpenAI } from '@ai-sdk/openai'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import {
  APICallError,
  embedMany,
  generateText,
  isStepCount,
  type LanguageModel,
  Output,
  streamText,
  tool,
} from 'ai'
import { z } from 'zod'
import {
  afterOne,
  afterTwo,
  assertAborted,
  assertFails,
  assertSeen,
  assertUsage,
  callOne,
  callTwo,
  type Feature,
  type Ground,
  lastEntry,
  line,
  type MatrixClient,
  pdf,
  png,
  sayLine,
  system,
  toolAbout,
  toolName,
  weather,
  writeMuch,
} from './feature.ts'

type Open = (ground: Ground, model: string) => LanguageModel

const schema = z.object({ city: z.string(), degrees: z.number(), sunny: z.boolean() })
const tools = {
  [toolName]: tool({
    description: toolAbout,
    inputSchema: z.object({ city: z.string() }),
    execute: ({ city }) => weather(city),
  }),
}

/**
 * The Responses provider refers to earlier items by their ids, which only the provider that stored
 * them can resolve. Where another wire answers it is told not to store.
 */
function optionsFor({ upstream }: Ground) {
  if (upstream.apis.includes('responses')) return { maxRetries: 0 }
  return { maxRetries: 0, providerOptions: { openai: { store: false } } }
}

async function toolLoop(
  open: Open,
  ground: Ground,
  prompt: string,
  expected: string,
): Promise<void> {
  const result = streamText({
    ...optionsFor(ground),
    model: open(ground, ground.model),
    system,
    prompt,
    tools,
    stopWhen: isStepCount(4),
    onError: ({ error }) => {
      throw error
    },
  })
  assert.equal(await result.text, expected)
  const steps = await result.steps
  assert.equal(steps.length, 2)
  const { usage } = steps[1] ?? {}
  assertUsage(ground, { input: usage?.inputTokens, output: usage?.outputTokens })
}

async function sees(open: Open, ground: Ground, kind: 'image' | 'document'): Promise<void> {
  const file =
    kind === 'image'
      ? { type: 'file' as const, mediaType: 'image/png', data: png }
      : { type: 'file' as const, mediaType: 'application/pdf', data: pdf, filename: 'one.pdf' }
  const { text } = await generateText({
    ...optionsFor(ground),
    model: open(ground, ground.model),
    messages: [{ role: 'user', content: [{ type: 'text', text: 'What is it?' }, file] }],
  })
  assertSeen(text, kind, kind === 'image' ? png : pdf)
}

function checkCall(status: number, pattern: RegExp): (thrown: unknown) => void {
  return (thrown) => {
    assert.ok(APICallError.isInstance(thrown), String(thrown))
    assert.equal(thrown.statusCode, status)
    assert.match(`${thrown.message} ${thrown.responseBody}`, pattern)
  }
}

function featuresOf(open: Open): MatrixClient['features'] {
  const call = (ground: Ground, model: string): Promise<unknown> =>
    generateText({ ...optionsFor(ground), model: open(ground, model), prompt: sayLine })
  return {
    chat: async (ground) => {
      const { text, usage, finishReason } = await generateText({
        ...optionsFor(ground),
        model: open(ground, ground.model),
        system,
        prompt: sayLine,
      })
      assert.equal(text, line)
      assert.equal(finishReason, 'stop')
      assertUsage(ground, { input: usage.inputTokens, output: usage.outputTokens })
    },
    stream: async (ground) => {
      const result = streamText({
        ...optionsFor(ground),
        model: open(ground, ground.model),
        prompt: sayLine,
        onError: ({ error }) => {
          throw error
        },
      })
      let pieces = 0
      for await (const piece of result.textStream) if (piece !== '') pieces += 1
      assert.equal(await result.text, line)
      assert.ok(pieces > 1, 'the text came in one piece')
      const usage = await result.usage
      assertUsage(ground, { input: usage.inputTokens, output: usage.outputTokens })
    },
    tools: (ground) => toolLoop(open, ground, callOne, afterOne),
    'parallel tools': (ground) => toolLoop(open, ground, callTwo, afterTwo),
    'structured output': async (ground) => {
      const { output } = await generateText({
        ...optionsFor(ground),
        model: open(ground, ground.model),
        prompt: 'What is the weather?',
        output: Output.object({ schema }),
      })
      assert.equal(typeof output.degrees, 'number')
    },
    abort: async (ground) => {
      const gone = new AbortController()
      const result = streamText({
        ...optionsFor(ground),
        model: open(ground, `${ground.model}-slow`),
        prompt: writeMuch,
        abortSignal: gone.signal,
      })
      let pieces = 0
      for await (const piece of result.textStream) {
        if (piece !== '') pieces += 1
        if (pieces === 4) gone.abort()
      }
      await assertAborted(ground)
    },
    error: (ground) =>
      assertFails(call(ground, `${ground.model}-forbidden`), checkCall(403, /policy\.denied/)),
    'upstream error': (ground) =>
      assertFails(call(ground, `${ground.model}-failing`), checkCall(400, /a fake 400/)),
    image: (ground) => sees(open, ground, 'image'),
    document: (ground) => sees(open, ground, 'document'),
  }
}

const openOpenai = ({ url, apiKey }: Ground) => createOpenAI({ baseURL: `${url}/v1`, apiKey })

const openCompatible = ({ url, apiKey }: Ground) =>
  createOpenAICompatible({
    name: 'airworthy',
    baseURL: `${url}/v1`,
    apiKey,
    includeUsage: true,
    supportsStructuredOutputs: true,
  })

const embeddings: Partial<Record<Feature, (ground: Ground) => Promise<void>>> = {
  embeddings: async (ground) => {
    const { embeddings: vectors, usage } = await embedMany({
      model: openOpenai(ground).embedding(ground.model),
      values: ['one text', 'another text'],
      maxRetries: 0,
    })
    assert.deepEqual(
      vectors.map((vector) => vector.length),
      [256, 256],
    )
    assert.equal(usage.tokens, lastEntry(ground).promptTokens)
  },
}

export const aiSdkClients: readonly MatrixClient[] = [
  {
    name: 'ai + @ai-sdk/openai (responses)',
    packages: ['ai', '@ai-sdk/openai'],
    api: 'responses',
    features: featuresOf((ground, model) => openOpenai(ground).responses(model)),
  },
  {
    name: 'ai + @ai-sdk/openai (chat)',
    packages: ['ai', '@ai-sdk/openai'],
    api: 'chat',
    features: featuresOf((ground, model) => openOpenai(ground).chat(model)),
  },
  {
    name: 'ai + @ai-sdk/openai (embeddings)',
    packages: ['ai', '@ai-sdk/openai'],
    api: 'embeddings',
    features: embeddings,
  },
  {
    name: 'ai + @ai-sdk/anthropic',
    packages: ['ai', '@ai-sdk/anthropic'],
    api: 'messages',
    features: featuresOf((ground, model) =>
      createAnthropic({ baseURL: `${ground.url}/v1`, apiKey: ground.apiKey })(model),
    ),
  },
  {
    name: 'ai + @ai-sdk/openai-compatible',
    packages: ['ai', '@ai-sdk/openai-compatible'],
    api: 'chat',
    features: featuresOf((ground, model) => openCompatible(ground)(model)),
  },
]
