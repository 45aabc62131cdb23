// What a whole reply of any model API says: its text, its tool calls, how it ended.
import type { ModelApi } from '../wires/model-api.ts'
import type { Answer } from './compare-answers.ts'
import type { ReplyFacts } from './environment.ts'
import { countAt, listOf, memberOf, textAt } from './json-members.ts'

export type ReadReply = { readonly facts: ReplyFacts; readonly answer: Answer }

/** Reads the first answer of a reply; what has no known shape ended in `other`. */
export function readReplyFacts(api: ModelApi, body: unknown): ReadReply {
  if (api === 'chat') return readChat(body)
  if (api === 'messages') return readMessages(body)
  if (api === 'responses') return readResponses(body)
  return made({ text: '', toolCalls: [] }, { finish: 'stop', outputTokens: 0 })
}

function made(answer: Answer, end: Pick<ReplyFacts, 'finish' | 'outputTokens'>): ReadReply {
  const facts = { text: answer.text, toolCalls: answer.toolCalls.length, ...end }
  return { facts, answer }
}

const chatFinishes: Readonly<Record<string, ReplyFacts['finish']>> = {
  stop: 'stop',
  length: 'length',
  tool_calls: 'tools',
  function_call: 'tools',
  content_filter: 'refusal',
}

function readChat(body: unknown): ReadReply {
  const [choice] = listOf(body, 'choices')
  const message = memberOf(choice, 'message')
  const toolCalls = listOf(message, 'tool_calls').map((call) => {
    const called = memberOf(call, 'function')
    return { name: textAt(called, 'name'), arguments: textAt(called, 'arguments') }
  })
  const isRefusal = textAt(message, 'refusal') !== ''
  const finish = chatFinishes[textAt(choice, 'finish_reason')] ?? 'other'
  const outputTokens = countAt(memberOf(body, 'usage'), 'completion_tokens')
  const answer = { text: textAt(message, 'content'), toolCalls }
  return made(answer, { finish: isRefusal ? 'refusal' : finish, outputTokens })
}

const messageFinishes: Readonly<Record<string, ReplyFacts['finish']>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  max_tokens: 'length',
  tool_use: 'tools',
  refusal: 'refusal',
}

function readMessages(body: unknown): ReadReply {
  const blocks = listOf(body, 'content')
  const texts = blocks.filter((block) => textAt(block, 'type') === 'text')
  const calls = blocks.filter((block) => textAt(block, 'type') === 'tool_use')
  const answer = {
    text: texts.map((block) => textAt(block, 'text')).join(''),
    toolCalls: calls.map((block) => ({
      name: textAt(block, 'name'),
      arguments: JSON.stringify(memberOf(block, 'input') ?? {}),
    })),
  }
  const outputTokens = countAt(memberOf(body, 'usage'), 'output_tokens')
  const finish = messageFinishes[textAt(body, 'stop_reason')] ?? 'other'
  return made(answer, { finish, outputTokens })
}

function readResponses(body: unknown): ReadReply {
  const items = listOf(body, 'output')
  const parts = items
    .filter((item) => textAt(item, 'type') === 'message')
    .flatMap((item) => listOf(item, 'content'))
  const calls = items.filter((item) => textAt(item, 'type') === 'function_call')
  const answer = {
    text: parts.map((part) => textAt(part, 'text')).join(''),
    toolCalls: calls.map((item) => ({
      name: textAt(item, 'name'),
      arguments: textAt(item, 'arguments'),
    })),
  }
  const outputTokens = countAt(memberOf(body, 'usage'), 'output_tokens')
  const isRefusal = parts.some((part) => textAt(part, 'type') === 'refusal')
  return made(answer, { finish: isRefusal ? 'refusal' : endOf(body, calls.length), outputTokens })
}

function endOf(body: unknown, calls: number): ReplyFacts['finish'] {
  const status = textAt(body, 'status')
  if (status === 'completed') return calls > 0 ? 'tools' : 'stop'
  const reason = textAt(memberOf(body, 'incomplete_details'), 'reason')
  if (status === 'incomplete' && reason === 'max_output_tokens') return 'length'
  return reason === 'content_filter' ? 'refusal' : 'other'
}
