// What a manifest may say of a model: one endpoint in short, or a pool of them, and how calls are
// spread, retried and bounded. Absent members are left out, so that old manifests keep their hash.
import { cache } from './cache-schema.ts'
import { prices } from './prices-schema.ts'
import {
  environmentName,
  httpUrl,
  integer,
  list,
  matching,
  modelName,
  name,
  object,
  oneOf,
  timeoutMs,
  usd,
} from './schema-parts.ts'

const tierMax = 15
const weightMax = 1000
const attemptsMax = 10
const delayMsMax = 600_000
const contextTokensMax = 100_000_000

const wire = oneOf(['openai', 'anthropic'])
const baseUrl = httpUrl.describe('The upstream, with its version path: https://api.openai.com/v1.')
const apiKeyEnv = environmentName.describe('Where the server finds the API key.')
const apiKeyEnvs = list(environmentName, 'a list of environment variables').describe(
  'Several keys, used in turn; one that is told to wait (429) rests alone.',
)

const probe = object(
  {
    path: matching(/^\/[\x21-\x7e]*$/, 'a path below the base URL such as /models'),
    intervalMs: integer(1000, 3_600_000).default(10_000),
  },
  'an object with path and intervalMs',
).describe('Asks this path by GET, although no call is due. Default: health is told by traffic.')

/** What both an endpoint and a model of one endpoint may say. */
const endpointFields = {
  provider: name
    .optional()
    .describe('Whose prices count, as the price catalogue names it. Default: told by baseUrl.'),
  apis: list(oneOf(['chat', 'responses', 'messages', 'embeddings']), 'a list of model APIs')
    .min(1, { error: 'at least one model API' })
    .optional()
    .describe(
      'What the endpoint speaks. Default: messages for anthropic; chat and embeddings for openai, ' +
        'and responses at api.openai.com.',
    ),
  upstreamModel: modelName.optional().describe('The name there, when it is another one.'),
  apiKeyEnv: apiKeyEnv.optional(),
  apiKeyEnvs: apiKeyEnvs.optional(),
  auth: oneOf(['bearer', 'x-api-key', 'api-key'])
    .optional()
    .describe('The header that carries the key. Default: x-api-key for anthropic, else bearer.'),
  outputLimitField: oneOf(['max_tokens', 'max_completion_tokens'])
    .optional()
    .describe(
      'Which one bounds a chat completion that names none. Default: max_completion_tokens at OpenAI and Azure, else max_tokens.',
    ),
  probe: probe.optional(),
}

const endpoint = object(
  {
    name: name.describe('Unique among the endpoints of the model.'),
    wire: wire.describe('The wire format of the endpoint.'),
    baseUrl,
    ...endpointFields,
    tier: integer(0, tierMax)
      .optional()
      .describe('0 comes first; a higher one when no endpoint of a lower one can be tried.'),
    weight: integer(1, weightMax).optional().describe('Its share within the tier. Default: 1.'),
    prices: prices.optional().describe('Where they are not those of the model.'),
  },
  'an object with name, wire and baseUrl',
)

const retries = object(
  {
    attempts: integer(1, attemptsMax)
      .default(3)
      .describe('Over all endpoints and keys together, the first one included.'),
    baseDelayMs: integer(0, delayMsMax).default(250),
    maxDelayMs: integer(0, delayMsMax).default(8000),
    retryAfterMaxMs: integer(0, delayMsMax)
      .default(20_000)
      .describe('An upstream that asks for a longer wait is not waited for.'),
  },
  'an object with attempts, baseDelayMs, maxDelayMs and retryAfterMaxMs',
)

export const model = object(
  {
    name: modelName.describe('What the client sends as `model`.'),
    wire: wire.optional().describe('The wire format of the upstream. Not with endpoints.'),
    baseUrl: baseUrl.optional(),
    ...endpointFields,
    endpoints: list(endpoint, 'a list of endpoints')
      .min(1, { error: 'at least one endpoint' })
      .optional()
      .describe('Instead of wire and baseUrl: where the model is served.'),
    prices: prices.optional(),
    unknownPriceHoldUsd: usd
      .optional()
      .describe('Held and charged for a call whose price nobody knows. Default: it is refused.'),
    maxOutputTokens: integer(1).describe('Upper bound of a reply; reserved before each call.'),
    minOutputTokens: integer(1)
      .optional()
      .describe('A budget that leaves less for the reply refuses the call. Default: 64.'),
    contextTokens: integer(1, contextTokensMax)
      .optional()
      .describe('The most a prompt can be: bounds what the body only refers to, such as images.'),
    tokenizer: oneOf(['bytes', 'o200k_base', 'cl100k_base'])
      .optional()
      .describe('How a prompt is counted. Default bytes: a token is at least one byte.'),
    balance: oneOf(['weighted', 'least-in-flight', 'peak-ewma'])
      .optional()
      .describe('How calls are spread over the endpoints of a tier. Default: weighted.'),
    timeoutMs: timeoutMs.default(600_000).describe('Longest wait for a whole reply.'),
    firstByteTimeoutMs: timeoutMs
      .optional()
      .describe('Longest wait for the head of a reply. Default: timeoutMs.'),
    idleTimeoutMs: timeoutMs
      .optional()
      .describe('Longest silence within a reply. Default: timeoutMs.'),
    retries: retries
      .optional()
      .describe('Default: three attempts where endpoints are listed, else one.'),
    onBudget: object({ redirect: modelName }, 'an object with redirect')
      .optional()
      .describe('The model that takes a call for which the budget leaves too little.'),
    cache: cache.optional(),
  },
  'an object with name, wire, baseUrl, prices and maxOutputTokens',
)
