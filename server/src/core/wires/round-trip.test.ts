// A request that goes to another API and back is the request that it was.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { translateRequest } from './translate.ts'

const text = fc.string({ minLength: 1, unit: 'grapheme' })
const name = fc.stringMatching(/^[a-z][a-z_]{0,10}$/)
const url = fc.webUrl()
const base64 = fc.base64String({ minLength: 4 })

const image = fc.oneof(
  url.map((value) => ({ type: 'image_url', image_url: { url: value } })),
  base64.map((data) => ({
    type: 'image_url',
    image_url: { url: `data:image/png;base64,${data}` },
  })),
)
const file = fc.record({ filename: name, data: base64 }).map(({ filename, data }) => ({
  type: 'file',
  file: { filename, file_data: `data:application/pdf;base64,${data}` },
}))
const parts = fc
  .tuple(text, fc.array(fc.oneof(image, file), { minLength: 1, maxLength: 3 }))
  .map(([said, others]) => [{ type: 'text', text: said }, ...others])

const call = fc
  .record({ called: name, input: fc.dictionary(name, fc.jsonValue(), { noNullPrototype: true }) })
  .map(({ called, input }) => ({ name: called, arguments: JSON.stringify(input) }))

/** A user's turn, and what the model made of it: words, or calls with their results. */
const exchange = fc
  .record({
    user: fc.oneof(text, parts),
    said: fc.option(text, { nil: null }),
    calls: fc.array(fc.tuple(call, text), { maxLength: 3 }),
  })
  .map(({ user, said, calls }) => (index: number): object[] => {
    const id = (at: number): string => `call_${index}_${at}`
    const made = calls.map(([called], at) => ({ id: id(at), type: 'function', function: called }))
    const results = calls.map(([, result], at) => ({
      role: 'tool',
      tool_call_id: id(at),
      content: result,
    }))
    const content = said ?? (made.length > 0 ? null : 'Well.')
    const answer = made.length > 0 ? { content, tool_calls: made } : { content }
    return [{ role: 'user', content: user }, { role: 'assistant', ...answer }, ...results]
  })

const tool = fc.record({ name, description: text, strict: fc.boolean() }).map((described) => ({
  type: 'function',
  function: { ...described, parameters: { type: 'object', properties: {} } },
}))

const request = fc
  .record({
    system: text,
    exchanges: fc.array(exchange, { minLength: 1, maxLength: 4 }),
    last: text,
    tools: fc.array(tool, { minLength: 1, maxLength: 3 }),
    choice: fc.constantFrom('auto', 'none', 'required'),
    limit: fc.integer({ min: 1, max: 9999 }),
    temperature: fc.double({ min: 0, max: 1, noNaN: true }),
    stop: fc.array(text, { minLength: 1, maxLength: 3 }),
    effort: fc.constantFrom('low', 'medium', 'high', 'xhigh', 'max'),
    stream: fc.boolean(),
  })
  .map(({ system, exchanges, last, choice, limit, effort, stream, ...others }) => ({
    model: 'same',
    messages: [
      { role: 'system', content: system },
      ...exchanges.flatMap((write, index) => write(index)),
      { role: 'user', content: last },
    ],
    tool_choice: choice,
    max_completion_tokens: limit,
    reasoning_effort: effort,
    user: 'someone',
    ...(stream ? { stream: true, stream_options: { include_usage: true } } : {}),
    ...others,
  }))

function thereAndBack(via: 'responses' | 'messages', body: object): object {
  const upstreamModel = 'same'
  const there = translateRequest({ from: 'chat', to: via, body, upstreamModel }).body
  return translateRequest({ from: via, to: 'chat', body: there, upstreamModel }).body
}

describe('a chat request comes back as it was', () => {
  test('by way of Messages; that a tool is not strict is its default there', () => {
    fc.assert(
      fc.property(request, (body) => {
        const tools = body.tools.map(({ type, function: { strict, ...described } }) => ({
          type,
          function: strict ? { ...described, strict } : described,
        }))
        assert.deepEqual(thereAndBack('messages', body), { ...body, tools })
      }),
    )
  })

  test('by way of Responses, which has no stop sequences', () => {
    fc.assert(
      fc.property(request, ({ stop, ...body }) => {
        assert.ok(stop.length > 0)
        assert.deepEqual(thereAndBack('responses', body), { ...body, store: false })
      }),
    )
  })
})
