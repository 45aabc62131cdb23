// What a manifest, or an override, may say of the price of a model.
import { z } from 'zod'
import { decimal, integer, list, object } from './schema-parts.ts'

const tiersMax = 16
const promptTokensMax = 100_000_000

const rates = {
  inputPerMillionUsd: decimal,
  cachedInputPerMillionUsd: decimal
    .optional()
    .describe('Input that the provider reads from its cache. Default: the input price.'),
  cacheWritePerMillionUsd: decimal
    .optional()
    .describe(
      'Input that it writes to its cache, for five minutes. Default: the input price; 1.25 times ' +
        'that on the anthropic wire.',
    ),
  cacheWrite1hPerMillionUsd: decimal
    .optional()
    .describe(
      'The same for an hour. Default: as above; twice the input price on the anthropic wire.',
    ),
  outputPerMillionUsd: decimal,
  reasoningPerMillionUsd: decimal
    .optional()
    .describe('Output that is only thought. Default: the output price.'),
  mediaInputPerMillionUsd: decimal
    .optional()
    .describe('Tokens of sound, images and video. Default: the input price.'),
  mediaOutputPerMillionUsd: decimal.optional().describe('Default: the output price.'),
}

const tier = object(
  {
    abovePromptTokens: integer(1, promptTokensMax).describe(
      'These prices are those of all tokens of a call whose prompt is longer than this.',
    ),
    ...rates,
  },
  'an object with abovePromptTokens, inputPerMillionUsd and outputPerMillionUsd',
)

const tiered = {
  ...rates,
  tiers: list(tier, 'a list of tiers')
    .max(tiersMax, { error: `at most ${tiersMax} tiers` })
    .optional()
    .describe('Other prices for long prompts, the shortest first.'),
}

const expected = 'an object with inputPerMillionUsd and outputPerMillionUsd'
const another = object(tiered, expected).optional()

export const priceList = object(
  {
    ...tiered,
    perCallUsd: decimal.optional().describe('US dollars for each call, besides its tokens.'),
    batch: another.describe('When the provider serves the call as a batch.'),
    flex: another.describe('When the provider serves the call with its service tier flex.'),
    priority: another.describe('When the provider serves the call with its service tier priority.'),
  },
  expected,
).describe('US dollars for a million tokens, with at most six decimals.')

export const prices = z
  .union([z.literal('free'), priceList], { error: `"free", or ${expected}` })
  .describe(
    'What the model costs; "free" for one of your own. Default: what an override of the operators ' +
      'says, else the price catalogue.',
  )
