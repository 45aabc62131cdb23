// Whole Chat Completions replies, read and written.
import type { OutputPart, Reply, Stop, TranslationContext } from '../conversation.ts'
import { invalidReply, listMember, member, textMember } from '../read-json.ts'
import { readChatUsage, writeChatUsage } from './usage.ts'

/** Throws `upstream.invalid`. */
export function readChatReply(body: unknown): Reply {
  const choices = listMember(body, 'choices')
  const [choice] = choices
  if (choice === undefined || choices.length > 1) throw invalidReply('no single choice')
  const message = member(choice, 'message')
  const parts = readMessage(message)
  return {
    id: textMember(body, 'id'),
    model: textMember(body, 'model'),
    parts,
    stop: readFinish(textMember(choice, 'finish_reason'), parts.some(isCall)),
    stopSequence: undefined,
    usage: readChatUsage(member(body, 'usage')),
  }
}

function isCall(part: OutputPart): boolean {
  return part.type === 'tool_call'
}

/** A named tool that had to be called ends with `stop`; the call counts. */
export function readFinish(reason: string | undefined, hasCalls: boolean): Stop {
  switch (reason ?? '') {
    case 'stop':
      return hasCalls ? 'tool' : 'end'
    case 'tool_calls':
      return 'tool'
    case 'length':
      return 'length'
    case 'content_filter':
      return 'filter'
    default:
      throw invalidReply(`the finish reason ${reason ?? 'null'}`)
  }
}

/** What only some servers of this wire send: the model's thoughts, under one of two names. */
export function readThought(message: unknown): string | undefined {
  return textMember(message, 'reasoning_content') ?? textMember(message, 'reasoning')
}

function readMessage(message: unknown): OutputPart[] {
  if (message === undefined) throw invalidReply('no message')
  refuseForeign(message)
  const parts: OutputPart[] = []
  const thought = readThought(message)
  if (thought !== undefined && thought !== '') parts.push({ type: 'reasoning', text: thought })
  const text = textMember(message, 'content')
  if (text !== undefined && text !== '') parts.push({ type: 'text', text })
  const refusal = textMember(message, 'refusal')
  if (refusal !== undefined && refusal !== '') parts.push({ type: 'refusal', text: refusal })
  for (const call of listMember(message, 'tool_calls')) parts.push(readCall(call))
  return parts
}

/** What was not asked for: a reply that has it would lose it. */
export function refuseForeign(message: unknown): void {
  for (const name of ['audio', 'function_call']) {
    if (member(message, name) !== undefined) throw invalidReply(`\`${name}\`, unasked`)
  }
  if (listMember(message, 'annotations').length > 0) throw invalidReply('`annotations`, unasked')
}

function readCall(call: unknown): OutputPart {
  const called = member(call, 'function')
  const [id, name] = [textMember(call, 'id'), textMember(called, 'name')]
  if (id === undefined || name === undefined) throw invalidReply('a tool call without id or name')
  return { type: 'tool_call', id, name, arguments: textMember(called, 'arguments') ?? '' }
}

export const finishReasons: Readonly<Record<Stop, string>> = {
  end: 'stop',
  sequence: 'stop',
  length: 'length',
  tool: 'tool_calls',
  filter: 'content_filter',
}

export function writeChatReply(reply: Reply, context: TranslationContext): object {
  let [thought, content, refusal] = ['', '', '']
  const calls: object[] = []
  for (const part of reply.parts) {
    if (part.type === 'reasoning') thought += part.text
    if (part.type === 'text') content += part.text
    if (part.type === 'refusal') refusal += part.text
    if (part.type === 'tool_call') {
      const called = { name: part.name, arguments: part.arguments }
      calls.push({ id: part.id, type: 'function', function: called })
    }
  }
  const message = {
    role: 'assistant',
    content: content === '' && (calls.length > 0 || refusal !== '') ? null : content,
    refusal: refusal === '' ? null : refusal,
    ...(thought === '' ? {} : { reasoning_content: thought }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  }
  const choice = { index: 0, message, logprobs: null, finish_reason: finishReasons[reply.stop] }
  return {
    id: reply.id ?? context.id,
    object: 'chat.completion',
    created: context.createdAt,
    model: reply.model ?? textMember(context.body, 'model') ?? '',
    choices: [choice],
    ...(reply.usage === undefined ? {} : { usage: writeChatUsage(reply.usage) }),
  }
}
