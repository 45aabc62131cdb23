// Anthropic Messages, out: whole and streamed. `input_tokens` is what was neither read from nor
// written to the prompt cache.
import { lettersOf } from '../digest.ts'
import { parseJson } from '../json.ts'
import type { Frame, Reply } from '../reply.ts'
import { piecesOf } from '../reply.ts'

const stopReasons = {
  stop: 'end_turn',
  length: 'max_tokens',
  calls: 'tool_use',
  refusal: 'refusal',
} as const

export function wholeMessages(reply: Reply): object {
  const told = reply.tell(usageOf(reply, reply.usage.output))
  return {
    ...head(reply),
    content: blocksOf(reply).map(({ whole }) => whole),
    stop_reason: stopReasons[reply.answer.finish],
    stop_sequence: null,
    ...(told === undefined ? {} : { usage: told }),
  }
}

function head({ idSeed, asked }: Reply): object {
  return {
    id: `msg_01${lettersOf(22, idSeed)}`,
    type: 'message',
    role: 'assistant',
    model: asked.model,
  }
}

function usageOf({ usage }: Reply, outputTokens: number): object {
  return {
    input_tokens: usage.prompt - usage.cached - usage.written - usage.writtenLong,
    cache_creation_input_tokens: usage.written + usage.writtenLong,
    cache_read_input_tokens: usage.cached,
    cache_creation: {
      ephemeral_5m_input_tokens: usage.written,
      ephemeral_1h_input_tokens: usage.writtenLong,
    },
    output_tokens: outputTokens,
    service_tier: 'standard',
  }
}

type Block = {
  readonly whole: object
  readonly start: object
  readonly deltas: readonly { readonly delta: object; readonly tokens: number }[]
}

function blocksOf({ answer, idSeed }: Reply): Block[] {
  const blocks: Block[] = []
  if (answer.reasoning.length > 0) {
    const thinking = answer.reasoning.join('')
    const signature = Buffer.from(`signed ${idSeed}`).toString('base64')
    const deltas = piecesOf(answer.reasoning).map(({ text, tokens }) => ({
      delta: { type: 'thinking_delta', thinking: text } as object,
      tokens,
    }))
    deltas.push({ delta: { type: 'signature_delta', signature }, tokens: 0 })
    blocks.push({
      whole: { type: 'thinking', thinking, signature },
      start: { type: 'thinking', thinking: '', signature: '' },
      deltas,
    })
  }
  const text = [...answer.text, ...answer.refusal]
  if (text.length > 0) {
    blocks.push({
      whole: { type: 'text', text: text.join('') },
      start: { type: 'text', text: '' },
      deltas: piecesOf(text).map((piece) => ({
        delta: { type: 'text_delta', text: piece.text },
        tokens: piece.tokens,
      })),
    })
  }
  for (const [at, call] of answer.calls.entries()) {
    const id = `toolu_01${lettersOf(22, `${idSeed}-${at}`)}`
    // A call whose arguments were cut has none: they are no JSON.
    const input = parseJson(call.arguments.join('')) ?? {}
    const first = { delta: { type: 'input_json_delta', partial_json: '' }, tokens: 1 }
    const rest = piecesOf(call.arguments).map((piece) => ({
      delta: { type: 'input_json_delta', partial_json: piece.text },
      tokens: piece.tokens,
    }))
    blocks.push({
      whole: { type: 'tool_use', id, name: call.name, input },
      start: { type: 'tool_use', id, name: call.name, input: {} },
      deltas: [first, ...rest],
    })
  }
  return blocks
}

export function* streamMessages(reply: Reply): Iterable<Frame> {
  const { answer, tell } = reply
  const begun = tell(usageOf(reply, 1))
  const message = {
    ...head(reply),
    content: [],
    stop_reason: null,
    stop_sequence: null,
    ...(begun === undefined ? {} : { usage: begun }),
  }
  yield frame({ type: 'message_start', message })
  for (const [index, { start, deltas }] of blocksOf(reply).entries()) {
    yield frame({ type: 'content_block_start', index, content_block: start })
    if (index === 0) yield frame({ type: 'ping' })
    for (const { delta, tokens } of deltas) {
      yield frame({ type: 'content_block_delta', index, delta }, tokens)
    }
    yield frame({ type: 'content_block_stop', index })
  }
  const told = tell(usageOf(reply, reply.usage.output))
  const delta = { stop_reason: stopReasons[answer.finish], stop_sequence: null }
  const usage = told === undefined ? {} : { usage: told }
  yield frame({ type: 'message_delta', delta, ...usage }, 0, true)
  yield frame({ type: 'message_stop' }, 0, true)
}

type Event = { readonly type: string } & Readonly<Record<string, unknown>>

function frame(data: Event, tokens = 0, isEnd = false): Frame {
  return { event: data.type, data: JSON.stringify(data), tokens, isEnd }
}
