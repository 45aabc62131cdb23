// A whole Messages reply as its stream.
import { isObject } from '../fields.ts'
import { invalidReply, member, textMember } from '../read-json.ts'
import { send } from './event.ts'

/** Told at the end of a stream. */
const ends = new Set(['stop_reason', 'stop_sequence', 'stop_details', 'container'])

export function replayMessages(body: object): string[] {
  const content = member(body, 'content')
  if (!Array.isArray(content)) throw invalidReply('no message')
  const usage = member(body, 'usage') ?? {}
  const open = { content: [], stop_reason: null, stop_sequence: null }
  const events = [send('message_start', { message: { ...body, ...open } })]
  content.forEach((block: unknown, index) => events.push(...replayBlock(block, index)))
  const delta = Object.fromEntries(Object.entries(body).filter(([name]) => ends.has(name)))
  events.push(send('message_delta', { delta, usage }), send('message_stop', {}))
  return events
}

function replayBlock(block: unknown, index: number): string[] {
  const { head, deltas } = split(isObject(block) ? block : {})
  return [
    send('content_block_start', { index, content_block: head }),
    ...deltas.map((delta) => send('content_block_delta', { index, delta })),
    send('content_block_stop', { index }),
  ]
}

/** A block that does not stream opens as a whole. */
function split(block: object): { readonly head: object; readonly deltas: object[] } {
  switch (textMember(block, 'type') ?? '') {
    case 'text':
      return {
        head: { ...block, text: '' },
        deltas: [{ type: 'text_delta', text: textMember(block, 'text') ?? '' }],
      }
    case 'thinking':
      return {
        head: { ...block, thinking: '', signature: '' },
        deltas: [
          { type: 'thinking_delta', thinking: textMember(block, 'thinking') ?? '' },
          { type: 'signature_delta', signature: textMember(block, 'signature') ?? '' },
        ],
      }
    case 'tool_use':
    case 'server_tool_use': {
      const input = JSON.stringify(member(block, 'input') ?? {})
      const delta = { type: 'input_json_delta', partial_json: input }
      return { head: { ...block, input: {} }, deltas: [delta] }
    }
    default:
      return { head: block, deltas: [] }
  }
}
