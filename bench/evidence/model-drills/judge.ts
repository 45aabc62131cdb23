// Whether what a client saw is one well-formed outcome: the whole reply, an error in the shape of
// its wire, or a stream that ends in its wire's own error after a true beginning of the reply.
import { type Ask, toolName } from './ask.ts'
import type { Seen } from './call.ts'
import { parse } from './fields.ts'
import { type Heard, Malformed, readError, readReply, readStream } from './heard.ts'

export type Outcome = {
  readonly kind: 'whole' | 'error' | 'stream-error' | 'malformed' | 'aborted'
  /** The status of an error, what ended a stream, or what is wrong. */
  readonly detail: string
}

export function judge(ask: Ask, seen: Seen): Outcome {
  if (seen.end === 'aborted') return { kind: 'aborted', detail: '' }
  if (seen.end === 'late') return wrong(`no end within ${Math.round(seen.tookMs)} ms`)
  if (seen.end === 'broken') return wrong(`the connection broke, status ${seen.status}`)
  try {
    return judgeWhole(ask, seen)
  } catch (thrown) {
    if (!(thrown instanceof Malformed)) throw thrown
    return wrong(`${thrown.message} (status ${seen.status}): ${seen.text.slice(-160)}`)
  }
}

function wrong(detail: string): Outcome {
  return { kind: 'malformed', detail }
}

function judgeWhole(ask: Ask, { status, headers, text }: Seen): Outcome {
  const type = headers['content-type'] ?? ''
  if (status >= 400) {
    if (!type.startsWith('application/json')) return wrong(`an error as ${type}`)
    return { kind: 'error', detail: `${status} ${readError(ask.api, text)}` }
  }
  if (status !== 200) return wrong(`status ${status}`)
  if (!ask.stream) {
    if (!type.startsWith('application/json')) return wrong(`a reply as ${type}`)
    return judgeContent(ask, readReply(ask.api, text))
  }
  if (!type.startsWith('text/event-stream')) return wrong(`a stream as ${type}`)
  return judgeContent(ask, readStream(ask.api, text))
}

/** How each wire says that the limit of tokens ended it. */
const limits = new Set(['length', 'max_tokens', 'incomplete'])

function judgeContent(ask: Ask, heard: Heard): Outcome {
  const { wanted } = ask
  const isWhole = heard.error === undefined
  if (wanted.kind === 'tool') {
    // Nothing of a tool call may ever turn up as text.
    if (heard.text !== '') return wrong(`a tool call as prose: ${heard.text.slice(0, 80)}`)
    const fault = toolFault(wanted.arguments, heard, isWhole)
    if (fault !== undefined) return wrong(fault)
  } else {
    const text = wanted.kind === 'text' ? wanted.text : 'aye '.repeat(wanted.count)
    if (heard.calls.length > 0) return wrong('a tool call that nobody asked for')
    // A budget may have cut the reply's limit, and the reply says so.
    const isAll = isWhole && !limits.has(heard.finish)
    if (isAll ? heard.text !== text : !text.startsWith(heard.text)) {
      return wrong(`another text than the model said: ${heard.text.slice(0, 80)}`)
    }
  }
  if (isWhole) return { kind: 'whole', detail: '' }
  return { kind: 'stream-error', detail: heard.error ?? '' }
}

function toolFault(
  wanted: Readonly<Record<string, unknown>>,
  heard: Heard,
  isWhole: boolean,
): string | undefined {
  const [call, ...more] = heard.calls
  const json = JSON.stringify(wanted)
  if (more.length > 0) return `${heard.calls.length} tool calls of one`
  if (call === undefined) return isWhole ? 'no tool call' : undefined
  if (call.name !== toolName) return `a call of ${call.name}`
  const isRight = isWhole
    ? JSON.stringify(parse(call.arguments)) === json
    : json.startsWith(call.arguments)
  return isRight ? undefined : `other arguments than the model gave: ${call.arguments}`
}
