import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { calcPrice, waitForUpdate } from '@pydantic/genai-prices'
import { compilePriceList } from '../../core/pricing/price-list.ts'
import { costNanoUsd } from '../../core/pricing/prices.ts'
import { decimalOf, priceListOf, pricesAt } from './catalogue-prices.ts'
import { openPriceCatalogue } from './price-catalogue.ts'

const nowMs = Date.UTC(2026, 10, 22, 12)
const catalogue = await openPriceCatalogue()
const providers = (await waitForUpdate()) ?? []

describe('the price catalogue', () => {
  it('knows a model by its provider, which it tells from the base URL', () => {
    const found = catalogue.find(
      {
        provider: undefined,
        baseUrl: 'https://api.openai.com/v1',
        upstreamModel: 'gpt-4.1-mini-2025-04-14',
      },
      nowMs,
    )
    assert.ok(found.kind === 'found')
    assert.equal(found.from, 'openai/gpt-4.1-mini')
    assert.deepEqual(found.list, {
      inputPerMillionUsd: '0.4',
      cachedInputPerMillionUsd: '0.1',
      outputPerMillionUsd: '1.6',
    })
  })

  it('has tiers, and cache writes for five minutes and an hour', () => {
    const before = Date.UTC(2026, 1, 1)
    const model = { provider: 'anthropic', baseUrl: '', upstreamModel: 'claude-sonnet-4-6' }
    const tiered = catalogue.find(model, before)
    assert.ok(tiered.kind === 'found')
    assert.equal(tiered.list.cacheWrite1hPerMillionUsd, '6')
    assert.equal(tiered.list.tiers?.[0]?.abovePromptTokens, 200_000)
    assert.equal(tiered.list.tiers?.[0]?.outputPerMillionUsd, '22.5')
    const flat = catalogue.find(model, nowMs)
    assert.ok(flat.kind === 'found')
    assert.equal(flat.list.tiers, undefined, 'the tiers ended on 2026-03-13')
  })

  const unknown: [string, Parameters<typeof catalogue.find>[0], string | undefined, string?][] = [
    [
      'a model of a known provider',
      { provider: 'openai', baseUrl: '', upstreamModel: 'gpt-4.1-minii' },
      'openai',
      'gpt-4.1-mini',
    ],
    ['a provider', { provider: 'opena', baseUrl: '', upstreamModel: 'gpt-4.1' }, 'opena', 'openai'],
    [
      'a URL of nobody',
      { provider: undefined, baseUrl: 'http://127.0.0.1:11434/v1', upstreamModel: 'gpt-4.1' },
      undefined,
    ],
  ]
  for (const [name, model, provider, near] of unknown) {
    it(`says that it does not know ${name}, and what is near`, () => {
      const found = catalogue.find(model, nowMs)
      assert.ok(found.kind === 'unknown')
      assert.equal(found.provider, provider)
      assert.equal(found.near[0], near)
    })
  }

  it('computes what its own package computes, for every model with a price for tokens', () => {
    const usage = { promptTokens: 1_000_000, cachedTokens: 250_000, completionTokens: 10_000 }
    let compared = 0
    for (const provider of providers) {
      for (const model of provider.models) {
        const records = pricesAt(model, undefined, nowMs)
        const listed = priceListOf(records)
        const [record] = records
        // Of a price that changes with the hour the dearest counts; the package has that of now.
        if (listed === undefined || record === undefined || records.length > 1) continue
        const theirs = calcPrice(
          {
            input_tokens: 1_000_000,
            cache_read_tokens: 250_000,
            ...(record['output_mtok'] === undefined ? {} : { output_tokens: 10_000 }),
          },
          model.id,
          {
            provider: {
              ...provider,
              models: [{ ...model, match: { equals: model.id.toLowerCase() } }],
            },
            timestamp: new Date(nowMs),
          },
        )
        const own = compilePriceList(listed.list, {
          source: 'catalogue',
          from: '',
          edition: '',
          wire: 'openai',
        })
        const output = record['output_mtok'] === undefined ? 0 : usage.completionTokens
        const cost = Number(costNanoUsd(own, { ...usage, completionTokens: output })) / 1e9
        const expected = theirs?.total_price ?? Number.NaN
        // A price with more than six decimals is rounded up there: at most a millionth a million.
        assert.ok(
          Math.abs(cost - expected) <= 2e-6,
          `${provider.id}/${model.id}: ${cost} is not ${expected}`,
        )
        compared += 1
      }
    }
    assert.ok(compared > 1000, `${compared} models were compared`)
  })

  it('lists every model that is sold by the token, and names what it does not count', () => {
    const models = catalogue.models(nowMs)
    assert.ok(models.length > 1000)
    const gpt = models.find((model) => model.provider === 'openai' && model.model === 'gpt-4.1')
    assert.ok(gpt?.notCounted.includes('web_searches_kcount'))
    assert.equal(gpt?.contextTokens, 1_000_000)
  })

  it('takes the dearest price of a day where it changes with the hour', () => {
    const chat = {
      id: 'm',
      match: { equals: 'm' },
      prices: [
        { prices: { input_mtok: 2, output_mtok: 3 } },
        {
          constraint: {
            type: 'time_of_date' as const,
            start_time: '16:30:00Z',
            end_time: '00:30:00Z',
          },
          prices: { input_mtok: 1, output_mtok: 4 },
        },
      ],
    }
    const listed = priceListOf(pricesAt(chat, undefined, nowMs))
    assert.deepEqual(listed?.list, { inputPerMillionUsd: '2', outputPerMillionUsd: '4' })
  })

  it('rounds up a price with more than six decimals, and knows a double from its noise', () => {
    assert.equal(decimalOf(0.08333333333333334), '0.083334')
    assert.equal(decimalOf(0.18000000000000002), '0.18')
    assert.equal(decimalOf(1e-7), '0.000001')
    assert.equal(decimalOf(15), '15')
    assert.equal(decimalOf(0), '0')
  })

  it('names its edition and the hash of its data', () => {
    assert.match(catalogue.edition, /^@pydantic\/genai-prices@\d+\.\d+\.\d+$/)
    assert.match(catalogue.hash, /^[0-9a-f]{64}$/)
  })
})
