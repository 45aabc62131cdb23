// Whole Responses replies, read and written.
import { AirworthyError } from '../../errors.ts'
import type { OutputPart, Reply, Stop, TranslationContext, Usage } from '../conversation.ts'
import { invalidReply, listMember, member, textMember } from '../read-json.ts'
import { itemId, writeItem } from './items.ts'
import { readResponsesUsage, writeResponsesUsage } from './usage.ts'

/** Throws `upstream.invalid`, and `upstream.refused` where the upstream failed. */
export function readResponsesReply(body: unknown): Reply {
  if (!Array.isArray(member(body, 'output'))) throw invalidReply('no response')
  const parts = listMember(body, 'output').flatMap(readItem)
  const hasCalls = parts.some(({ type }) => type === 'tool_call')
  return {
    id: textMember(body, 'id'),
    model: textMember(body, 'model'),
    parts,
    stop: readStatus(body, hasCalls),
    stopSequence: undefined,
    usage: readResponsesUsage(member(body, 'usage')),
  }
}

export function readStatus(response: unknown, hasCalls: boolean): Stop {
  const status = textMember(response, 'status') ?? ''
  switch (status) {
    case 'completed':
      return hasCalls ? 'tool' : 'end'
    case 'incomplete': {
      const reason = textMember(member(response, 'incomplete_details'), 'reason')
      if (reason === 'content_filter') return 'filter'
      if (reason === 'max_output_tokens') return 'length'
      throw invalidReply(`incompletely: ${reason ?? 'null'}`)
    }
    case 'failed': {
      const code = textMember(member(response, 'error'), 'code') ?? 'error'
      throw new AirworthyError('upstream.refused', `the upstream failed: ${code.slice(0, 100)}`)
    }
    default:
      throw invalidReply(`the status ${status}`)
  }
}

function readItem(item: unknown): OutputPart[] {
  const type = textMember(item, 'type') ?? ''
  switch (type) {
    case 'message':
      return listMember(item, 'content').map(readContent)
    case 'function_call': {
      const [id, name] = [textMember(item, 'call_id'), textMember(item, 'name')]
      if (id === undefined || name === undefined) throw invalidReply('a call without id or name')
      return [{ type: 'tool_call', id, name, arguments: textMember(item, 'arguments') ?? '' }]
    }
    case 'reasoning': {
      const told = [...listMember(item, 'summary'), ...listMember(item, 'content')]
      const text = told.map((part) => textMember(part, 'text') ?? '').join('\n\n')
      return text === '' ? [] : [{ type: 'reasoning', text }]
    }
    default:
      throw invalidReply(`an item of type ${type}, unasked`)
  }
}

function readContent(part: unknown): OutputPart {
  const type = textMember(part, 'type')
  if (type === 'refusal') return { type, text: textMember(part, 'refusal') ?? '' }
  if (type !== 'output_text') throw invalidReply(`a part of type ${type ?? 'null'}, unasked`)
  if (listMember(part, 'annotations').length > 0) throw invalidReply('`annotations`, unasked')
  return { type: 'text', text: textMember(part, 'text') ?? '' }
}

export function writeResponsesReply(reply: Reply, context: TranslationContext): object {
  const written = reply.parts.map((part, index) =>
    writeItem(part, { id: itemId(part.type, context, index), context }),
  )
  const output = written.filter((item) => item !== undefined)
  return { ...startResponse(reply, context), ...endResponse(reply, output, context) }
}

/** How a response looks before anything of it is there: it repeats what was asked. */
export function startResponse(
  { id, model }: { readonly id: string | undefined; readonly model: string | undefined },
  context: TranslationContext,
): object {
  const asked = (name: string): unknown => member(context.body, name)
  const text = asked('text')
  return {
    id: id ?? `resp_${context.id}`,
    object: 'response',
    created_at: context.createdAt,
    status: 'in_progress',
    background: false,
    error: null,
    incomplete_details: null,
    instructions: asked('instructions') ?? null,
    max_output_tokens: asked('max_output_tokens') ?? null,
    metadata: asked('metadata') ?? {},
    model: model ?? asked('model') ?? '',
    output: [],
    parallel_tool_calls: asked('parallel_tool_calls') ?? true,
    previous_response_id: null,
    reasoning: asked('reasoning') ?? { effort: null, summary: null },
    store: false,
    temperature: asked('temperature') ?? null,
    text: { format: { type: 'text' }, ...(typeof text === 'object' ? text : {}) },
    tool_choice: asked('tool_choice') ?? 'auto',
    tools: asked('tools') ?? [],
    top_p: asked('top_p') ?? null,
    truncation: 'disabled',
    usage: null,
    user: asked('user') ?? null,
  }
}

/** What the end of a reply changes in it. */
export function endResponse(
  { stop, usage }: { readonly stop: Stop; readonly usage: Usage | undefined },
  output: readonly object[],
  context: TranslationContext,
): { readonly status: 'completed' | 'incomplete'; readonly [name: string]: unknown } {
  const reason =
    stop === 'length' ? 'max_output_tokens' : stop === 'filter' ? 'content_filter' : undefined
  return {
    status: reason === undefined ? 'completed' : 'incomplete',
    completed_at: reason === undefined ? context.createdAt : null,
    incomplete_details: reason === undefined ? null : { reason },
    output,
    usage: usage === undefined ? null : writeResponsesUsage(usage),
  }
}
