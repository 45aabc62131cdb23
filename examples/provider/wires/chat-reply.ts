// OpenAI Chat Completions, out: whole and streamed, in the style of a flavour.
import type { Reply, Frame } from '../reply.ts'
import { piecesOf } from '../reply.ts'

const finishReasons = { stop: 'stop', length: 'length', calls: 'tool_calls', refusal: 'stop' }

export function wholeChat(reply: Reply): object {
  const { answer, flavour, asked } = reply
  const { chat } = flavour
  const calls = callsOf(reply)
  const refusal = answer.refusal.join('')
  const reasoning = answer.reasoning.join('')
  const message = {
    role: 'assistant',
    content: answer.text.length > 0 ? answer.text.join('') : null,
    ...(flavour.isStrict ? { refusal: refusal === '' ? null : refusal, annotations: [] } : {}),
    ...(!flavour.isStrict && refusal !== '' ? { content: refusal } : {}),
    ...(chat.reasoningField === undefined || reasoning === ''
      ? {}
      : { [chat.reasoningField]: reasoning }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  }
  const finish = {
    logprobs: null,
    finish_reason: finishReasons[answer.finish],
    ...chat.moreInChoice,
  }
  return {
    ...head(reply, 'chat.completion'),
    choices: Array.from({ length: asked.choices }, (_, index) => ({ index, message, ...finish })),
    ...usageOf(reply),
    ...chat.more({ prompt: reply.usage.prompt, output: reply.usage.output }),
  }
}

function head({ flavour, idSeed, asked, createdAtSeconds }: Reply, object: string): object {
  const { chat } = flavour
  return {
    id: chat.id(idSeed),
    object,
    created: createdAtSeconds,
    model: asked.model,
    ...(chat.fingerprint === undefined ? {} : { system_fingerprint: chat.fingerprint }),
  }
}

function callsOf({ answer, flavour, idSeed }: Reply): object[] {
  const { chat } = flavour
  return answer.calls.map((call, at) => ({
    id: chat.toolCallId(`${idSeed}-${at}`),
    type: 'function',
    function: { name: call.name, arguments: call.arguments.join('') },
    ...(chat.hasToolIndex ? {} : signature(`${idSeed}-${at}`)),
  }))
}

/** Gemini 3 wants this back with the call. */
function signature(seed: string): object {
  const thought = Buffer.from(`thought of ${seed}`).toString('base64')
  return { extra_content: { google: { thought_signature: thought } } }
}

function usageOf({ usage, flavour, tell }: Reply): object {
  const { chat } = flavour
  const completion = chat.countsReasoning ? usage.output : usage.output - usage.reasoning
  const details = {
    prompt_tokens_details: { cached_tokens: usage.cached, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: usage.reasoning, audio_tokens: 0 },
  }
  const told = tell({
    prompt_tokens: usage.prompt,
    completion_tokens: completion,
    total_tokens: usage.prompt + usage.output,
    ...(chat.hasUsageDetails ? details : {}),
  })
  return told === undefined ? {} : { usage: told }
}

export function* streamChat(reply: Reply): Iterable<Frame> {
  const { answer, flavour, asked } = reply
  const { chat } = flavour
  const withUsage = asked.wantsUsage && chat.streamUsage === 'asked'
  const running = asked.wantsUsage && chat.streamUsage === 'each' ? usageOf(reply) : {}
  const start = { ...head(reply, 'chat.completion.chunk'), ...running }
  const nothing = withUsage && flavour.isStrict ? { usage: null } : {}
  const chunk = (delta: object, more: { tokens?: number; finish?: string; index?: number } = {}) =>
    frame(
      {
        ...start,
        choices: [
          {
            index: more.index ?? 0,
            delta,
            logprobs: null,
            finish_reason: more.finish ?? null,
            ...(more.finish === undefined ? {} : chat.moreInChoice),
          },
        ],
        ...nothing,
      },
      more.tokens ?? 0,
      more.finish !== undefined,
    )
  if (chat.firstChunk !== undefined) yield frame(chat.firstChunk, 0, false)
  for (let index = 0; index < asked.choices; index += 1) {
    yield chunk({ role: 'assistant', content: answer.calls.length > 0 ? null : '' }, { index })
    for (const { delta, tokens } of deltasOf(reply)) yield chunk(delta, { tokens, index })
    const isCall = answer.finish === 'calls'
    const finish = isCall ? chat.streamedCallsFinish : finishReasons[answer.finish]
    yield chunk({}, { finish, index })
  }
  const more = chat.more({ prompt: reply.usage.prompt, output: reply.usage.output })
  const told = usageOf(reply)
  if (withUsage && 'usage' in told) {
    yield frame({ ...start, choices: [], ...told, ...more }, 0, true)
  }
  yield { event: undefined, data: '[DONE]', tokens: 0, isEnd: true }
}

type Delta = { readonly delta: object; readonly tokens: number }

function* deltasOf(reply: Reply): Iterable<Delta> {
  const { answer, flavour } = reply
  const { reasoningField } = flavour.chat
  for (const { text, tokens } of piecesOf(answer.reasoning)) {
    // Where reasoning is not shown it is generated all the same.
    yield { delta: reasoningField === undefined ? {} : { [reasoningField]: text }, tokens }
  }
  for (const { text, tokens } of piecesOf(answer.text)) yield { delta: { content: text }, tokens }
  const refusalField = flavour.isStrict ? 'refusal' : 'content'
  for (const { text, tokens } of piecesOf(answer.refusal)) {
    yield { delta: { [refusalField]: text }, tokens }
  }
  for (const [at, call] of answer.calls.entries()) yield* callDeltas(reply, call, at)
}

function* callDeltas(
  { flavour, idSeed }: Reply,
  call: Reply['answer']['calls'][number],
  at: number,
): Iterable<Delta> {
  const { chat } = flavour
  const place = chat.hasToolIndex ? { index: at } : {}
  const id = chat.toolCallId(`${idSeed}-${at}`)
  const isWhole = chat.toolArguments === 'whole'
  const args = isWhole ? call.arguments.join('') : ''
  const opened = {
    ...place,
    id,
    type: 'function',
    function: { name: call.name, arguments: args },
    ...(chat.hasToolIndex ? {} : signature(`${idSeed}-${at}`)),
  }
  const tokens = 1 + (isWhole ? call.arguments.length : 0)
  yield { delta: { tool_calls: [opened] }, tokens }
  if (isWhole) return
  for (const piece of piecesOf(call.arguments)) {
    const fragment = { ...place, function: { arguments: piece.text } }
    yield { delta: { tool_calls: [fragment] }, tokens: piece.tokens }
  }
}

function frame(data: object, tokens: number, isEnd: boolean): Frame {
  return { event: undefined, data: JSON.stringify(data), tokens, isEnd }
}
