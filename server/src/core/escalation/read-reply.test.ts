import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { doubtPhrases } from './doubt-phrases.ts'
import type { Reading, ReplyReading } from './escalation.ts'
import { meanProbability, readReply } from './read-reply.ts'

const reading: ReplyReading = {
  models: undefined,
  statedPath: ['review', 'confidence'],
  readsLogprobs: true,
  phrases: doubtPhrases,
  fields: [['needs_human'], ['review', 'unsure']],
}

const chat = (content: string, more: object = {}): unknown => ({
  choices: [{ message: { role: 'assistant', content }, finish_reason: 'stop', ...more }],
})
const responses = (text: string, more: object = {}): unknown => ({
  output: [{ type: 'message', content: [{ type: 'output_text', text, ...more }] }],
})
const messages = (text: string): unknown => ({ content: [{ type: 'text', text }] })

const choices = (...contents: (string | null)[]): unknown => ({
  choices: contents.map((content) => ({ message: { content } })),
})

const sure = '{"review":{"confidence":0.4},"answer":"x"}'
const half = [{ token: 'a', logprob: Math.log(0.5) }]
const nothing: Reading = { stated: undefined, logprobs: undefined, doubt: undefined }

suite('what a reply says of itself', () => {
  test('a number at the path is read on every wire, and from a fenced block', () => {
    for (const [api, body] of [
      ['chat', chat(sure)],
      ['chat', chat(`\`\`\`json\n${sure}\n\`\`\``)],
      ['responses', responses(sure)],
      ['messages', messages(sure)],
    ] as const) {
      assert.deepEqual(readReply(api, body, reading), { ...nothing, stated: 0.4 }, api)
    }
  })

  test('of several choices the least sure counts', () => {
    const more = '{"review":{"confidence":0.9}}'
    const body = { choices: [{ message: { content: more } }, { message: { content: sure } }] }
    assert.equal(readReply('chat', body, reading).stated, 0.4)
  })

  test('what is no number from 0 to 1 is no confidence', () => {
    for (const value of ['0.9', 90, -0.1, 1.1, null, true, [1], {}]) {
      const text = JSON.stringify({ review: { confidence: value } })
      assert.equal(readReply('chat', chat(text), reading).stated, undefined, text)
    }
  })

  test('what cannot be read, or says two things, is told beside what can', () => {
    const sureText = '{"review":{"confidence":0.9}}'
    const cases: readonly (readonly [unknown, Partial<Reading>])[] = [
      [choices(sureText, '{"review":{"confidence":"low"}}'), { stated: 0.9, isUnclear: true }],
      [choices(sureText, 'no idea'), { stated: 0.9, isUnclear: true }],
      [choices(sureText, null), { stated: 0.9, isUnclear: true }],
      [choices('{"review":{"confidence":0.1,"confidence":0.9}}'), { stated: 0.9, isUnclear: true }],
      [choices('{"review":{"confidence":1e999}}'), { isUnclear: true }],
      [choices('{"review":{"confidence":"0.99 ignore"}}'), { isUnclear: true }],
      [choices(sureText, sureText), { stated: 0.9 }],
      [choices('no idea', null), {}],
    ]
    for (const [body, found] of cases) {
      assert.deepEqual(readReply('chat', body, reading), { ...nothing, ...found })
    }
  })

  test('log-probabilities become the geometric mean of the tokens', () => {
    const body = chat('yes', { logprobs: { content: [...half, ...half] } })
    const found = readReply('chat', body, reading).logprobs ?? 0
    assert(Math.abs(found - 0.5) < 1e-9)
    const other = readReply('responses', responses('yes', { logprobs: half }), reading).logprobs
    assert(Math.abs((other ?? 0) - 0.5) < 1e-9)
  })

  test('the mean lies between the least and the most sure token', () => {
    const logprobs = fc.array(fc.double({ min: -20, max: 0, noNaN: true }), { minLength: 1 })
    fc.assert(
      fc.property(logprobs, (values) => {
        const mean = meanProbability(values) ?? -1
        assert(mean >= Math.exp(Math.min(...values)) - 1e-9)
        assert(mean <= Math.exp(Math.max(...values)) + 1e-9)
      }),
    )
    assert.equal(meanProbability([]), undefined)
  })

  test('words of doubt are found in any case, with any apostrophe and spacing', () => {
    for (const text of ["I'm not sure.", 'I\u2019M  NOT\nSURE', 'This needs human review!']) {
      assert.equal(readReply('messages', messages(text), reading).doubt, 'phrase', text)
    }
    for (const text of [
      'I\u00A0am\u202Fnot\u2003sure.',
      'I am n\u200Bot su\u00ADre.',
      '\uFF29 \uFF41\uFF4D not sure.',
      'I am **not** _sure_.',
      'I`m not sure.',
    ]) {
      assert.equal(readReply('messages', messages(text), reading).doubt, 'phrase', text)
    }
    const confident = 'I am sure. The refund is done.'
    assert.equal(readReply('messages', messages(confident), reading).doubt, undefined)
  })

  test('a marked field says so, and only by being true', () => {
    const marked = '{"needs_human":true}'
    assert.equal(readReply('chat', chat(marked), reading).doubt, 'field')
    assert.equal(readReply('chat', chat('{"review":{"unsure":true}}'), reading).doubt, 'field')
    assert.equal(readReply('chat', chat('{"needs_human":"true"}'), reading).doubt, undefined)
  })

  test('of what is no reply nothing is known', () => {
    for (const body of [undefined, null, 7, 'text', [], {}, { choices: [null] }, { output: 3 }]) {
      for (const api of ['chat', 'responses', 'messages', 'embeddings'] as const) {
        assert.deepEqual(readReply(api, body, reading), nothing)
      }
    }
  })

  test('whatever the reply is, what is read is a probability or nothing', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string(), (value, text) => {
        const bodies = [value, chat(text), chat(JSON.stringify({ review: { confidence: value } }))]
        for (const body of bodies) {
          const { stated = 0, logprobs = 0 } = readReply('chat', body, reading)
          assert(stated >= 0 && stated <= 1 && logprobs >= 0 && logprobs <= 1)
        }
      }),
    )
  })
})
