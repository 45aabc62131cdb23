// A recorded turn as the OpenAI wire says it: whole, or in the chunks of a stream.
import type { Run, Turn } from './recording.ts'

const TEXT_CHUNK_CHARS = 24
const ARGUMENTS_CHUNK_CHARS = 32

type Reply = { run: Run; turn: Turn; model: string }

export function recordedCompletion({ run, turn, model }: Reply): object {
  const message = { ...turn.reply, refusal: null }
  return {
    ...envelope({ run, turn, model }),
    object: 'chat.completion',
    choices: [{ index: 0, message, logprobs: null, finish_reason: turn.finishReason }],
    usage: turn.usage,
  }
}

/** The same turn as deltas: role, text, tool calls, finish, and usage where it was asked for. */
export function* recordedChunks(reply: Reply & { withUsage: boolean }): Iterable<object> {
  const { turn, withUsage } = reply
  const head = {
    ...envelope(reply),
    object: 'chat.completion.chunk',
    // With usage asked for, every other chunk carries a null.
    ...(withUsage ? { usage: null } : {}),
  }
  const chunk = (delta: object, finishReason: string | null = null) => ({
    ...head,
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finishReason }],
  })
  yield chunk({ role: 'assistant', content: turn.reply.content === null ? null : '' })
  for (const content of piecesOf(turn.reply.content ?? '', TEXT_CHUNK_CHARS))
    yield chunk({ content })
  for (const [index, call] of (turn.reply.tool_calls ?? []).entries()) {
    const opened = { name: call.function.name, arguments: '' }
    yield chunk({ tool_calls: [{ index, id: call.id, type: call.type, function: opened }] })
    for (const text of piecesOf(call.function.arguments, ARGUMENTS_CHUNK_CHARS))
      yield chunk({ tool_calls: [{ index, function: { arguments: text } }] })
  }
  yield chunk({}, turn.finishReason)
  if (withUsage) yield { ...head, choices: [], usage: turn.usage }
}

function envelope({ run, turn, model }: Reply): object {
  return {
    id: `chatcmpl-recorded-${run.index}-${turn.index}`,
    created: turn.createdAtSeconds,
    model,
    system_fingerprint: 'recorded',
  }
}

// By code point: a surrogate pair cut in two would not survive the wire.
function* piecesOf(text: string, charsMax: number): Iterable<string> {
  const points = Array.from(text)
  for (let start = 0; start < points.length; start += charsMax)
    yield points.slice(start, start + charsMax).join('')
}
