// The scripted model as a client sees it: the official one, plain and streamed.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import OpenAI, { APIError } from 'openai'
import type {
  ChatCompletionMessageParam,
  ChatCompletionMessageToolCall,
  ChatCompletionTool,
} from 'openai/resources/chat/completions'
import { startScriptedModel } from './scripted-model.ts'
import type { ScriptedModel } from './scripted-model.ts'

const tools: ChatCompletionTool[] = [
  { type: 'function', function: { name: 'get_order_details', parameters: { type: 'object' } } },
]
const ask: ChatCompletionMessageParam = {
  role: 'user',
  content: 'I am ada@example.com. Where is my order #W1234567?',
}

function clientOf(model: ScriptedModel): OpenAI {
  return new OpenAI({ baseURL: model.baseUrl, apiKey: 'none', maxRetries: 0 })
}

/** A call of the model and what the tool answered. */
function called(name: string, args: object, result: string): ChatCompletionMessageParam[] {
  const id = `call-${name}`
  const call = { name, arguments: JSON.stringify(args) }
  return [
    { role: 'assistant', content: null, tool_calls: [{ id, type: 'function', function: call }] },
    { role: 'tool', tool_call_id: id, content: result },
  ]
}

function functionsOf(calls: readonly ChatCompletionMessageToolCall[] = []) {
  return calls.map((call) => {
    assert(call.type === 'function')
    return { name: call.function.name, arguments: call.function.arguments }
  })
}

const found = called('find_user_id_by_email', { email: 'ada@example.com' }, 'ada_1')
const order = JSON.stringify({ status: 'pending', items: [{ name: 'Paper Lantern' }] })

describe('the scripted model', () => {
  it('calls a tool with an id and with arguments that are JSON', async () => {
    await using model = await startScriptedModel()
    const request = { model: 'm', messages: [ask], tools }
    const completion = await clientOf(model).chat.completions.create(request)
    const [choice] = completion.choices
    assert.equal(choice?.finish_reason, 'tool_calls')
    const [call] = choice.message.tool_calls ?? []
    assert(call?.type === 'function' && call.id !== '')
    assert.equal(call.function.name, 'find_user_id_by_email')
    assert.deepEqual(JSON.parse(call.function.arguments), { email: 'ada@example.com' })
    assert.equal(typeof model.servedMs(completion.id), 'number')
  })

  it('says the same in a stream as in one piece, with usage', async () => {
    await using model = await startScriptedModel()
    const client = clientOf(model)
    const last = called('get_order_details', { order_id: '#W1234567' }, order)
    for (const messages of [[ask], [ask, ...found], [ask, ...found, ...last]]) {
      const request = { model: 'm', messages, tools }
      const plain = await client.chat.completions.create(request)
      const streamed = await client.chat.completions
        .stream({ ...request, stream_options: { include_usage: true } })
        .finalChatCompletion()
      const [one, other] = [plain.choices[0], streamed.choices[0]]
      assert.equal(one?.message.content, other?.message.content)
      assert.equal(one?.finish_reason, other?.finish_reason)
      assert.deepEqual(functionsOf(one?.message.tool_calls), functionsOf(other?.message.tool_calls))
      assert.deepEqual(plain.usage, streamed.usage)
      assert((plain.usage?.prompt_tokens ?? 0) > 0)
    }
  })

  it('calls its usage an estimate', async () => {
    await using model = await startScriptedModel()
    const { usage } = await clientOf(model).chat.completions.create({ model: 'm', messages: [ask] })
    assert.equal(usage === undefined ? null : Reflect.get(usage, 'is_estimate'), true)
  })

  it('refuses what is no request, in the way of the wire', async () => {
    await using model = await startScriptedModel()
    const request = { model: 'm', messages: [] }
    await assert.rejects(clientOf(model).chat.completions.create(request), (error) => {
      assert(error instanceof APIError)
      assert.equal(error.status, 400)
      return true
    })
  })

  it('takes another port when the one it is given is in use', async () => {
    await using one = await startScriptedModel()
    await using other = await startScriptedModel({ port: one.port })
    assert.notEqual(one.port, other.port)
  })
})
