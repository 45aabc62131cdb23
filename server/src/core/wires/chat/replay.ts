// A whole Chat Completions reply as its stream.
import { isObject } from '../fields.ts'
import { listMember, member } from '../read-json.ts'
import { writeEvent } from '../sse.ts'

export function replayChat(body: object, includeUsage: boolean): string[] {
  const rest = Object.entries(body).filter(([name]) => name !== 'choices' && name !== 'usage')
  const head = { ...Object.fromEntries(rest), object: 'chat.completion.chunk' }
  const events: string[] = []
  const send = (members: object): void => {
    events.push(writeEvent(undefined, JSON.stringify({ ...head, ...members })))
  }
  for (const choice of listMember(body, 'choices')) {
    if (!isObject(choice)) continue
    const { message, ...end } = { message: undefined, ...choice }
    const index = member(choice, 'index') ?? 0
    send({ choices: [{ index, delta: readDelta(message), finish_reason: null }] })
    send({ choices: [{ ...end, delta: {} }] })
  }
  const usage = member(body, 'usage')
  if (includeUsage && usage !== undefined) send({ choices: [], usage })
  events.push(writeEvent(undefined, '[DONE]'))
  return events
}

/** The whole message in one piece. */
function readDelta(message: unknown): object {
  if (!isObject(message)) return {}
  const calls = listMember(message, 'tool_calls')
  if (calls.length === 0) return message
  const numbered = calls.map((call, index) => ({ index, ...(isObject(call) ? call : {}) }))
  return { ...message, tool_calls: numbered }
}
