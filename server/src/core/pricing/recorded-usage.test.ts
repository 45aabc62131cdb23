import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readRecordedLine } from './recorded-usage.ts'

const read = (value: unknown) => readRecordedLine(JSON.stringify(value), 3)

describe('a line of recorded calls', () => {
  it('is a call with the usage of OpenAI Chat Completions', () => {
    const usage = {
      prompt_tokens: 100,
      completion_tokens: 20,
      prompt_tokens_details: { cached_tokens: 60, audio_tokens: 5 },
      completion_tokens_details: { reasoning_tokens: 12, audio_tokens: 1 },
    }
    const [call, ...others] = read({ model: 'gpt-5', session: 's', usage, cost: 0.00015 })
    assert.deepEqual(others, [])
    assert.deepEqual(call, {
      session: 's',
      role: 'assistant',
      model: 'gpt-5',
      costNanoUsd: 150_000n,
      atMs: undefined,
      usage: {
        promptTokens: 100,
        cachedTokens: 60,
        cacheWriteTokens: 0,
        cacheWriteLongTokens: 0,
        completionTokens: 20,
        reasoningTokens: 12,
        mediaPromptTokens: 5,
        mediaCompletionTokens: 1,
      },
    })
  })

  it('has all of the prompt where Anthropic leaves out what a cache holds', () => {
    const usage = {
      input_tokens: 10,
      cache_read_input_tokens: 500,
      cache_creation_input_tokens: 300,
      cache_creation: { ephemeral_5m_input_tokens: 100, ephemeral_1h_input_tokens: 200 },
      output_tokens: 7,
    }
    const [call] = read({ model: 'claude-sonnet-4-6', usage })
    const { promptTokens, cachedTokens, cacheWriteTokens, cacheWriteLongTokens } = call?.usage ?? {}
    assert.deepEqual(
      [promptTokens, cachedTokens, cacheWriteTokens, cacheWriteLongTokens],
      [810, 500, 100, 200],
    )
  })

  it('is a call with the usage of the Responses API, in the output of a batch', () => {
    const usage = {
      input_tokens: 50,
      output_tokens: 9,
      input_tokens_details: { cached_tokens: 30 },
      output_tokens_details: { reasoning_tokens: 4 },
    }
    const body = { model: 'gpt-5', usage, service_tier: 'batch' }
    const [call] = read({ custom_id: 'x', response: { status_code: 200, body } })
    assert.equal(call?.model, 'gpt-5')
    assert.equal(call?.usage.cachedTokens, 30)
    assert.equal(call?.usage.reasoningTokens, 4)
    assert.equal(call?.usage.serviceTier, 'batch')
  })

  it('is every message of a run that has usage, and no other', () => {
    const usage = { prompt_tokens: 1, completion_tokens: 2 }
    const calls = read({
      run_info: { simulation_id: 'r' },
      messages: [
        { role: 'assistant', content: 'hi', cost: 0, usage: null },
        { role: 'user', usage, cost: 0.0000000014 },
        { role: 'assistant', usage, cost: null, timestamp: '2026-02-26T01:33:49Z' },
        { role: 'tool', content: 'x' },
      ],
    })
    assert.deepEqual(
      calls.map(({ session, role, costNanoUsd }) => [session, role, costNanoUsd]),
      [
        ['r', 'user', 1n],
        ['r', 'assistant', undefined],
      ],
    )
    assert.equal(calls[1]?.atMs, Date.UTC(2026, 1, 26, 1, 33, 49))
  })

  it('without usage, or with counts that are none, is no call', () => {
    assert.deepEqual(read({ model: 'x' }), [])
    assert.deepEqual(read({ model: 'x', usage: { prompt_tokens: -1, completion_tokens: 2 } }), [])
    assert.deepEqual(read({ model: 'x', usage: { prompt_tokens: 1.5, completion_tokens: 2 } }), [])
  })

  it('is refused with its number where it is no JSON object', () => {
    assert.throws(() => readRecordedLine('{', 7), { message: 'line 7 is no JSON' })
    assert.throws(() => readRecordedLine('[]', 8), { message: 'line 8 is no JSON object' })
  })
})
