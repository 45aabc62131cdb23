// What the official model clients make of a call that is held: they hear it once, do not repeat it
// by themselves, and find what they need to wait for it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import Anthropic, {
  ConflictError as AnthropicConflict,
  PermissionDeniedError,
} from '@anthropic-ai/sdk'
import OpenAI, { ConflictError } from 'openai'
import { enrol, standGround, type TestAgent, type TestSession } from './harness/ground.ts'
import { at, type Json } from './harness/json.ts'

const ground = await standGround()
const { server, upstream } = ground

const holdModels: Json = { id: 'ask', effect: 'hold', models: ['fake'], reason: 'a person looks' }

/** Counts the requests that a client makes. */
function counted() {
  const counter = { requests: 0 }
  const fetched: typeof fetch = (input, init) => {
    counter.requests += 1
    return fetch(input, init)
  }
  return { counter, fetch: fetched }
}

async function waitFor(agent: TestAgent, session: TestSession, poll: unknown): Promise<unknown> {
  const url = `${server.url}/s/${session.sessionKey}${String(poll)}?wait=30`
  const response = await fetch(url, { headers: { 'x-api-key': agent.apiKey } })
  return response.json()
}

test('the OpenAI client throws a conflict once, and the same call answers after the approval', async () => {
  const agent = await enrol(ground, { rules: [holdModels] })
  await using session = await agent.open()
  const { counter, fetch: fetched } = counted()
  const baseURL = `${server.url}/s/${session.sessionKey}/v1`
  const openai = new OpenAI({ baseURL, apiKey: agent.apiKey, maxRetries: 3, fetch: fetched })
  const body = {
    model: 'fake',
    max_tokens: 50,
    messages: [{ role: 'user', content: 'Hi' }],
  } as const
  const ask = () => openai.chat.completions.create({ ...body, messages: [...body.messages] })
  const thrown: unknown = await ask().catch((error: unknown) => error)
  assert(thrown instanceof ConflictError)
  assert.deepEqual([thrown.status, thrown.code, counter.requests], [409, 'call.held', 1])
  const detail = at(thrown.error, 'detail')
  assert.equal(at(detail, 'held'), true)
  const waiting = waitFor(agent, session, at(detail, 'poll'))
  await server.client.approveHold(String(at(detail, 'id')))
  assert.deepEqual([at(await waiting, 'state'), at(await waiting, 'held')], ['done', false])
  const answered = await ask()
  assert.equal(typeof answered.choices[0]?.message.content, 'string')
  assert.equal(upstream.asked(agent.name).length, 1)
})

test('the Anthropic client throws a conflict once, and a refusal for good after a rejection', async () => {
  const agent = await enrol(ground, {
    wire: 'anthropic',
    behaviour: 'anthropic',
    rules: [holdModels],
  })
  await using session = await agent.open()
  const { counter, fetch: fetched } = counted()
  const baseURL = `${server.url}/s/${session.sessionKey}`
  const anthropic = new Anthropic({ baseURL, apiKey: agent.apiKey, maxRetries: 3, fetch: fetched })
  const ask = () =>
    anthropic.messages.create({
      model: 'fake',
      max_tokens: 50,
      messages: [{ role: 'user', content: 'Hi' }],
    })
  const thrown: unknown = await ask().catch((error: unknown) => error)
  assert(thrown instanceof AnthropicConflict)
  assert.deepEqual([thrown.status, counter.requests], [409, 1])
  const detail = at(thrown.error, 'error.detail')
  assert.equal(at(thrown.error, 'error.code'), 'call.held')
  const waiting = waitFor(agent, session, at(detail, 'poll'))
  await server.client.rejectHold(String(at(detail, 'id')))
  assert.deepEqual(
    [at(await waiting, 'state'), at(await waiting, 'code')],
    ['denied', 'hold.rejected'],
  )
  const refused: unknown = await ask().catch((error: unknown) => error)
  assert(refused instanceof PermissionDeniedError)
  assert.equal(at(refused.error, 'error.code'), 'hold.rejected')
  assert.deepEqual([counter.requests, upstream.asked(agent.name).length], [2, 0])
})
