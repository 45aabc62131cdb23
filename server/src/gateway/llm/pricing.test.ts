import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import type { CompiledModel } from '../../core/pact/compiled.ts'
import { compilePriceList } from '../../core/pricing/price-list.ts'
import { boundAmounts, isPlain } from './pricing.ts'

const list = { inputPerMillionUsd: '3', outputPerMillionUsd: '15' }
const prices = compilePriceList(list, {
  source: 'manifest',
  from: '',
  wire: 'anthropic',
  edition: '',
})
const endpoint = { prices }
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only prices are read here
const model = { endpoints: [endpoint] } as unknown as CompiledModel
const text = { inlineParts: 0, outside: undefined }

describe('what a call is held at', () => {
  it('is the price of text where nothing else is asked for', () => {
    const body = Buffer.from('{"model":"m","messages":[{"role":"user","content":"Hi \\u00e9"}]}')
    assert.equal(isPlain(model, body, text), true)
    const tokens = { promptTokens: 1000n, completionTokens: 10n }
    const plain = boundAmounts(model, { ...tokens, isPlain: true }).nanoUsd
    assert.equal(plain, 1000n * 3000n + 10n * 15_000n)
    // An hour in the provider's cache is charged twice.
    const worst = boundAmounts(model, { ...tokens, isPlain: false }).nanoUsd
    assert.equal(worst, 1000n * 6000n + 10n * 15_000n)
  })

  it('is the dearest price where a body may ask for more than text', () => {
    const bodies = [
      '{"system":[{"text":"a","cache_control":{"type":"ephemeral"}}]}',
      '{"system":[{"text":"a","cache\\u005fcontrol":{"type":"ephemeral"}}]}',
      '{"\\u006dodalities":["audio"]}',
      '{"modalities":["audio"]}',
    ]
    for (const body of bodies) assert.equal(isPlain(model, Buffer.from(body), text), false, body)
    const plain = Buffer.from('{}')
    assert.equal(isPlain(model, plain, { ...text, inlineParts: 1 }), false)
    assert.equal(isPlain(model, plain, { ...text, outside: 'image_url' }), false)
  })

  it('no spelling of a name hides it', () => {
    const spelled = fc.array(fc.boolean(), { minLength: 13, maxLength: 13 }).map((escaped) =>
      Array.from('cache_control')
        .map((letter, at) =>
          escaped[at] === true
            ? `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`
            : letter,
        )
        .join(''),
    )
    fc.assert(
      fc.property(spelled, (name) => {
        const body = `{"${name}":1}`
        assert.deepEqual(Object.keys(JSON.parse(body)), ['cache_control'])
        assert.equal(isPlain(model, Buffer.from(body), text), false)
      }),
    )
  })
})
