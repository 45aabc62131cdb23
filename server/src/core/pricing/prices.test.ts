import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { comparePrices } from './compare.ts'
import {
  compilePriceList,
  flatPrices,
  freePrices,
  picoUsdPerToken,
  type PriceList,
  priceListProblems,
} from './price-list.ts'
import { costNanoUsd, type PricedUsage, worstCaseNanoUsd } from './prices.ts'

const origin = { source: 'manifest', from: '', edition: '', wire: 'openai' } as const

function pricesOf(list: Partial<PriceList>, wire: 'openai' | 'anthropic' = 'openai') {
  const whole = { inputPerMillionUsd: '1', outputPerMillionUsd: '2', ...list }
  return compilePriceList(whole, { ...origin, wire })
}

const usage = (part: Partial<PricedUsage>): PricedUsage => ({
  promptTokens: 0,
  cachedTokens: 0,
  completionTokens: 0,
  ...part,
})

describe('the cost of a call', () => {
  const claude: PriceList = {
    inputPerMillionUsd: '3',
    cachedInputPerMillionUsd: '0.3',
    cacheWritePerMillionUsd: '3.75',
    cacheWrite1hPerMillionUsd: '6',
    outputPerMillionUsd: '15',
    tiers: [
      {
        abovePromptTokens: 200_000,
        inputPerMillionUsd: '6',
        cachedInputPerMillionUsd: '0.6',
        outputPerMillionUsd: '22.5',
      },
    ],
    batch: { inputPerMillionUsd: '1.5', outputPerMillionUsd: '7.5' },
  }
  const cases: [string, PriceList, Partial<PricedUsage>, bigint][] = [
    [
      'has cached tokens at their own price',
      { ...claude },
      { promptTokens: 1000, cachedTokens: 400, completionTokens: 10 },
      // 600 x 3,000 + 400 x 300 + 10 x 15,000
      1_800_000n + 120_000n + 150_000n,
    ],
    [
      'has both kinds of cache writes at theirs',
      { ...claude },
      { promptTokens: 1000, cacheWriteTokens: 300, cacheWriteLongTokens: 200 },
      // 500 x 3,000 + 300 x 3,750 + 200 x 6,000
      1_500_000n + 1_125_000n + 1_200_000n,
    ],
    [
      'stays in the lower tier with a prompt of just its length',
      { ...claude },
      { promptTokens: 200_000 },
      600_000_000n,
    ],
    [
      'is all in the higher tier with one token more, the output too',
      { ...claude },
      { promptTokens: 200_001, completionTokens: 2 },
      200_001n * 6000n + 2n * 22_500n,
    ],
    [
      'has the price of the service tier that served it',
      { ...claude },
      { promptTokens: 10, completionTokens: 10, serviceTier: 'batch' },
      90_000n,
    ],
    [
      'has the standard price where the service tier has none of its own',
      { ...claude },
      { promptTokens: 10, serviceTier: 'priority' },
      30_000n,
    ],
    [
      'has reasoning at its own price, as a part of the output',
      { ...claude, reasoningPerMillionUsd: '30' },
      { completionTokens: 10, reasoningTokens: 4 },
      6n * 15_000n + 4n * 30_000n,
    ],
    [
      'has sound at its own price, as a part of prompt and output',
      { ...claude, mediaInputPerMillionUsd: '40', mediaOutputPerMillionUsd: '80' },
      { promptTokens: 10, mediaPromptTokens: 4, completionTokens: 3, mediaCompletionTokens: 1 },
      6n * 3000n + 4n * 40_000n + 2n * 15_000n + 80_000n,
    ],
    [
      'is rounded up once, not token by token',
      { inputPerMillionUsd: '0.000001', outputPerMillionUsd: '0.0375' },
      // 1 pico-USD, and 3 x 37,500 pico-USD
      { promptTokens: 1, completionTokens: 3 },
      113n,
    ],
    [
      'has a part for the call itself',
      { inputPerMillionUsd: '1', outputPerMillionUsd: '1', perCallUsd: '0.005' },
      { promptTokens: 1 },
      5_001_000n,
    ],
    [
      'never falls because the parts are more than the whole',
      { ...claude },
      { promptTokens: 100, cachedTokens: 500 },
      150_000n,
    ],
  ]
  for (const [name, list, part, expected] of cases) {
    it(name, () => assert.equal(costNanoUsd(pricesOf(list), usage(part)), expected))
  }

  it('has what a list leaves out at the price of its kind, and never at zero', () => {
    const openai = pricesOf({}).tiers[0].rates
    assert.deepEqual(
      [openai.cachedInput, openai.cacheWrite, openai.cacheWriteLong, openai.reasoning],
      [1_000_000n, 1_000_000n, 1_000_000n, 2_000_000n],
    )
    const anthropic = pricesOf({}, 'anthropic').tiers[0].rates
    assert.deepEqual([anthropic.cacheWrite, anthropic.cacheWriteLong], [1_250_000n, 2_000_000n])
  })

  it('is nothing only where somebody said so, and a flat sum whatever the call used', () => {
    const long = usage({ promptTokens: 1_000_000, completionTokens: 1_000_000 })
    assert.equal(costNanoUsd(freePrices, long), 0n)
    assert.equal(costNanoUsd(flatPrices(7n), long), 7n)
    assert.equal(worstCaseNanoUsd(flatPrices(7n), 1_000_000n, 1_000_000n), 7n)
  })
})

describe('a price', () => {
  it('is exact to a millionth of a dollar for a million tokens, or refused', () => {
    assert.equal(picoUsdPerToken('0.0375'), 37_500n)
    assert.equal(picoUsdPerToken('0.000001'), 1n)
    assert.equal(picoUsdPerToken('0.0000001'), undefined)
    assert.equal(picoUsdPerToken('-1'), undefined)
  })

  it('is told apart by its hash: rates, source, edition and name', () => {
    const list = { inputPerMillionUsd: '1', outputPerMillionUsd: '2' }
    const hashes = [
      compilePriceList(list, origin),
      compilePriceList({ ...list, outputPerMillionUsd: '2.000001' }, origin),
      compilePriceList(list, { ...origin, source: 'catalogue' }),
      compilePriceList(list, { ...origin, edition: 'b' }),
      compilePriceList(list, { ...origin, from: 'openai/x' }),
      compilePriceList({ ...list, batch: list }, origin),
      compilePriceList({ ...list, perCallUsd: '1' }, origin),
    ].map((prices) => prices.hash)
    assert.equal(new Set(hashes).size, hashes.length)
    assert.equal(compilePriceList(list, origin).hash, hashes[0])
    assert.match(hashes[0] ?? '', /^[0-9a-f]{64}$/)
  })

  it('is compared price by price with another', () => {
    const used = pricesOf({ cachedInputPerMillionUsd: '0.5' })
    const listed = pricesOf({ cachedInputPerMillionUsd: '0.25', perCallUsd: '0.01' })
    assert.deepEqual(comparePrices(used, listed), [
      { price: 'cachedInput', used: '0.5', catalogue: '0.25' },
      { price: 'call', used: '0', catalogue: '0.01' },
    ])
    assert.deepEqual(comparePrices(used, used), [])
  })

  const wrong: [string, Partial<PriceList>, string][] = [
    ['too fine a price', { inputPerMillionUsd: '0.0000001' }, 'inputPerMillionUsd'],
    [
      'too fine a price in a tier of a service tier',
      {
        batch: {
          inputPerMillionUsd: '1',
          outputPerMillionUsd: '1',
          tiers: [
            { abovePromptTokens: 5, inputPerMillionUsd: '1', outputPerMillionUsd: '0.00000015' },
          ],
        },
      },
      'batch.tiers.0.outputPerMillionUsd',
    ],
    [
      'tiers that do not rise',
      {
        tiers: [5, 5].map((abovePromptTokens) => ({
          abovePromptTokens,
          inputPerMillionUsd: '1',
          outputPerMillionUsd: '1',
        })),
      },
      'tiers.1.abovePromptTokens',
    ],
    ['too fine a price of a call', { perCallUsd: '0.0000000001' }, 'perCallUsd'],
  ]
  for (const [name, list, path] of wrong) {
    it(`is refused for ${name}`, () => {
      const whole = { inputPerMillionUsd: '1', outputPerMillionUsd: '1', ...list }
      assert.deepEqual(
        priceListProblems(whole).map((problem) => problem.path.join('.')),
        [path],
      )
    })
  }
})

const rate = fc.integer({ min: 0, max: 100_000_000 }).map((units) => {
  const digits = String(units).padStart(7, '0')
  return `${digits.slice(0, -6).replace(/^0+(?=\d)/, '')}.${digits.slice(-6)}`
})
const rates = fc.record(
  {
    inputPerMillionUsd: rate,
    outputPerMillionUsd: rate,
    cachedInputPerMillionUsd: rate,
    cacheWritePerMillionUsd: rate,
    cacheWrite1hPerMillionUsd: rate,
    reasoningPerMillionUsd: rate,
    mediaInputPerMillionUsd: rate,
    mediaOutputPerMillionUsd: rate,
  },
  { requiredKeys: ['inputPerMillionUsd', 'outputPerMillionUsd'] },
)
const tiered = fc
  .record({ base: rates, tiers: fc.array(rates, { maxLength: 3 }) })
  .map(({ base, tiers }) => ({
    ...base,
    tiers: tiers.map((tier, index) => ({ ...tier, abovePromptTokens: (index + 1) * 100 })),
  }))
const lists: fc.Arbitrary<PriceList> = fc
  .record({ own: tiered, batch: fc.option(tiered, { nil: undefined }), call: rate })
  .map(({ own, batch, call }) => ({ ...own, batch, perCallUsd: call }))
const count = fc.integer({ min: 0, max: 500 })
const usages = fc.record({
  prompt: fc.array(count, { minLength: 5, maxLength: 5 }),
  completion: fc.array(count, { minLength: 3, maxLength: 3 }),
  isBatch: fc.boolean(),
})

const sum = (parts: readonly number[]): number => parts.reduce((all, part) => all + part, 0)

describe('the worst case of a call', () => {
  it('is never less than what it costs, whatever the tokens turn out to be', () => {
    fc.assert(
      fc.property(lists, usages, count, count, (list, parts, more, moreOut) => {
        const prices = pricesOf(list)
        const [, cachedTokens = 0, cacheWriteTokens, cacheWriteLongTokens, mediaPromptTokens] =
          parts.prompt
        const [, reasoningTokens, mediaCompletionTokens] = parts.completion
        const promptTokens = sum(parts.prompt)
        const completionTokens = sum(parts.completion)
        const cost = costNanoUsd(prices, {
          promptTokens,
          cachedTokens,
          cacheWriteTokens,
          cacheWriteLongTokens,
          mediaPromptTokens,
          completionTokens,
          reasoningTokens,
          mediaCompletionTokens,
          serviceTier: parts.isBatch ? 'batch' : undefined,
        })
        const bound = [BigInt(promptTokens + more), BigInt(completionTokens + moreOut)] as const
        assert.ok(cost <= worstCaseNanoUsd(prices, ...bound))
      }),
    )
  })

  it('bounds text without cache writes more closely, and still never too low', () => {
    fc.assert(
      fc.property(lists, count, count, count, (list, prompt, cached, completion) => {
        const prices = pricesOf(list)
        const promptTokens = prompt + cached
        const bound = [BigInt(promptTokens), BigInt(completion)] as const
        const plain = worstCaseNanoUsd(prices, ...bound, { isPlain: true })
        const part = { promptTokens, cachedTokens: cached, completionTokens: completion }
        assert.ok(costNanoUsd(prices, usage(part)) <= plain)
        assert.ok(plain <= worstCaseNanoUsd(prices, ...bound))
      }),
    )
  })

  it('never falls when a count grows', () => {
    fc.assert(
      fc.property(lists, count, count, count, count, (list, prompt, completion, more, moreOut) => {
        const prices = pricesOf(list)
        const less = worstCaseNanoUsd(prices, BigInt(prompt), BigInt(completion))
        const most = worstCaseNanoUsd(prices, BigInt(prompt + more), BigInt(completion + moreOut))
        assert.ok(less <= most)
      }),
    )
  })
})
