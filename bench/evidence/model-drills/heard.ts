// What a client of a wire has heard: text, tool calls, and how it ended. A reply or stream that its
// wire does not allow is malformed, and says why.
import type { ClientApi } from './ask.ts'
import { readEvents, type SentEvent } from './events.ts'
import { at, listAt, parse, textAt } from './fields.ts'
import { isRecord } from '../../processes.ts'

export type ToolCall = { name: string; arguments: string }

export type Heard = {
  text: string
  calls: ToolCall[]
  /** The wire's word for why it ended; '' while it has not. */
  finish: string
  /** The message of the error that ended it. */
  error: string | undefined
}

export class Malformed extends Error {
  override readonly name = 'Malformed'
}

function demand(condition: boolean, why: string): asserts condition {
  if (!condition) throw new Malformed(why)
}

const nothing = (): Heard => ({ text: '', calls: [], finish: '', error: undefined })

/** Throws Malformed. */
export function readReply(api: ClientApi, text: string): Heard {
  const body = parse(text)
  demand(isRecord(body), 'the reply is no JSON object')
  const heard = nothing()
  if (api === 'chat') {
    demand(body['object'] === 'chat.completion', 'no chat.completion')
    heard.text = textAt(body, 'choices.0.message.content') ?? ''
    heard.finish = textAt(body, 'choices.0.finish_reason') ?? ''
    for (const call of listAt(body, 'choices.0.message.tool_calls')) {
      heard.calls.push(callOf(at(call, 'function'), 'name', 'arguments'))
    }
  } else if (api === 'messages') {
    demand(body['type'] === 'message', 'no message')
    heard.finish = textAt(body, 'stop_reason') ?? ''
    for (const block of listAt(body, 'content')) {
      heard.text += textAt(block, 'text') ?? ''
      if (at(block, 'type') !== 'tool_use') continue
      heard.calls.push({
        name: textAt(block, 'name') ?? '',
        arguments: JSON.stringify(at(block, 'input')),
      })
    }
  } else {
    demand(body['object'] === 'response', 'no response')
    heard.finish = textAt(body, 'status') ?? ''
    for (const item of listAt(body, 'output')) takeItem(heard, item)
  }
  demand(heard.finish !== '', 'the reply does not say why it ended')
  return heard
}

function takeItem(heard: Heard, item: unknown): void {
  for (const part of listAt(item, 'content')) heard.text += textAt(part, 'text') ?? ''
  if (at(item, 'type') === 'function_call') heard.calls.push(callOf(item, 'name', 'arguments'))
}

function callOf(value: unknown, name: string, args: string): ToolCall {
  return { name: textAt(value, name) ?? '', arguments: textAt(value, args) ?? '' }
}

/** The message of an error reply in the wire's own shape. Throws Malformed. */
export function readError(api: ClientApi, text: string): string {
  const body = parse(text)
  const error = at(body, 'error')
  const message = textAt(error, 'message')
  demand(message !== undefined, 'the error is not in the shape of the wire')
  demand(textAt(error, 'type') !== undefined, 'the error has no type')
  if (api === 'messages') demand(at(body, 'type') === 'error', 'the error is not of the type error')
  return message
}

/** A stream to its end. Throws Malformed, also for one that ends in neither way of its wire. */
export function readStream(api: ClientApi, text: string): Heard {
  const { events, rest } = readEvents(text)
  demand(rest === '', `the stream ends inside an event: ${rest.slice(0, 60)}`)
  const heard = nothing()
  const state = { started: '', isOver: false, open: new Set<number>() }
  for (const event of events) {
    demand(!state.isOver, 'something comes after the last event')
    takers[api](heard, state, event)
  }
  demand(state.isOver, 'the stream ends without a terminal event')
  return heard
}

type State = { started: string; isOver: boolean; readonly open: Set<number> }
type Take = (heard: Heard, state: State, event: SentEvent) => void

const takers: Readonly<Record<ClientApi, Take>> = {
  chat: takeChat,
  messages: takeMessages,
  responses: takeResponses,
}

function takeChat(heard: Heard, state: State, { data }: SentEvent): void {
  if (data === '[DONE]') {
    demand(heard.finish !== '', '[DONE] without a finish_reason')
    state.isOver = true
    return
  }
  const json = parse(data)
  demand(isRecord(json), `an event is no JSON: ${data.slice(0, 60)}`)
  if (json['error'] !== undefined) {
    heard.error = readError('chat', data)
    state.isOver = true
    return
  }
  startOnce(state, textAt(json, 'id'))
  const delta = at(json, 'choices.0.delta')
  if (heard.finish !== '') demand(textAt(delta, 'content') === undefined, 'text after its end')
  heard.text += textAt(delta, 'content') ?? ''
  heard.finish = textAt(json, 'choices.0.finish_reason') ?? heard.finish
  for (const part of listAt(delta, 'tool_calls')) {
    const index = Number(at(part, 'index'))
    const named = textAt(part, 'function.name')
    if (named !== undefined) heard.calls[index] = { name: named, arguments: '' }
    const call = heard.calls[index]
    demand(call !== undefined, 'arguments of a tool call that was not begun')
    call.arguments += textAt(part, 'function.arguments') ?? ''
  }
}

/** Two replies in one stream have two ids. */
function startOnce(state: State, id: string | undefined): void {
  if (id === undefined || id === '') return
  demand(state.started === '' || state.started === id, 'a second reply within the stream')
  state.started = id
}

function takeMessages(heard: Heard, state: State, { event, data }: SentEvent): void {
  const json = parse(data)
  demand(isRecord(json), `an event is no JSON: ${data.slice(0, 60)}`)
  const type = textAt(json, 'type') ?? ''
  demand(event === type, `the event ${event} holds a ${type}`)
  const index = Number(at(json, 'index') ?? -1)
  if (type === 'error') {
    heard.error = readError('messages', data)
    state.isOver = true
  } else if (type === 'message_start') {
    demand(state.started === '', 'a second reply within the stream')
    state.started = textAt(json, 'message.id') ?? 'started'
  } else if (type === 'content_block_start') {
    demand(state.started !== '' && !state.open.has(index), 'a block begins out of turn')
    state.open.add(index)
    const block = at(json, 'content_block')
    if (at(block, 'type') === 'tool_use') heard.calls.push(callOf(block, 'name', ''))
  } else if (type === 'content_block_delta') {
    demand(state.open.has(index), 'a delta outside of its block')
    heard.text += textAt(json, 'delta.text') ?? ''
    const part = textAt(json, 'delta.partial_json')
    const call = heard.calls.at(-1)
    if (part !== undefined) demand(call !== undefined, 'arguments without a tool call')
    if (call !== undefined) call.arguments += part ?? ''
  } else if (type === 'content_block_stop') {
    demand(state.open.delete(index), 'a block ends that was not begun')
  } else if (type === 'message_delta') {
    heard.finish = textAt(json, 'delta.stop_reason') ?? heard.finish
  } else if (type === 'message_stop') {
    demand(heard.finish !== '', 'message_stop without a stop_reason')
    demand(state.open.size === 0, 'message_stop with an open block')
    state.isOver = true
  } else {
    demand(type === 'ping', `an event of the type ${type}`)
  }
}

const responseEnds = new Set(['response.completed', 'response.incomplete'])

function takeResponses(heard: Heard, state: State, { data }: SentEvent): void {
  const json = parse(data)
  demand(isRecord(json), `an event is no JSON: ${data.slice(0, 60)}`)
  const type = textAt(json, 'type') ?? ''
  if (type === 'error' || type === 'response.failed') {
    const message = textAt(json, 'message') ?? textAt(json, 'response.error.message')
    demand(message !== undefined, 'an error without a message')
    heard.error = message
    state.isOver = true
  } else if (type === 'response.created') {
    demand(state.started === '', 'a second reply within the stream')
    state.started = textAt(json, 'response.id') ?? 'started'
  } else if (responseEnds.has(type)) {
    demand(state.started === textAt(json, 'response.id'), 'the end of another reply')
    heard.finish = textAt(json, 'response.status') ?? ''
    state.isOver = true
  } else if (type === 'response.output_text.delta') {
    heard.text += textAt(json, 'delta') ?? ''
  } else if (type === 'response.output_item.added') {
    const item = at(json, 'item')
    if (at(item, 'type') === 'function_call') heard.calls.push(callOf(item, 'name', ''))
  } else if (type === 'response.function_call_arguments.delta') {
    const call = heard.calls.at(-1)
    demand(call !== undefined, 'arguments without a tool call')
    call.arguments += textAt(json, 'delta') ?? ''
  } else {
    demand(type.startsWith('response.'), `an event of the type ${type}`)
  }
}
