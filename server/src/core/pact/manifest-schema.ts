// The agent manifest as a zod schema. Each leaf's error text is the phrase that follows "expected".
import { z } from 'zod'

const NAME_MAX = 64
const TEXT_MAX = 2000
const TEMPLATE_MAX = 100_000
const LIST_MAX = 500
const TIMEOUT_MS_MAX = 3_600_000

function matching(pattern: RegExp, expected: string, max = 128) {
  return z
    .string({ error: expected })
    .max(max, { error: `at most ${max} characters` })
    .regex(pattern, { error: expected })
}

function text(expected: string, max = TEXT_MAX) {
  return z
    .string({ error: expected })
    .min(1, { error: expected })
    .max(max, { error: `${expected} of at most ${max} characters` })
}

function integer(min: number, max = Number.MAX_SAFE_INTEGER) {
  const expected =
    max === Number.MAX_SAFE_INTEGER ? `an integer >= ${min}` : `an integer from ${min} to ${max}`
  return z.int({ error: expected }).min(min, { error: expected }).max(max, { error: expected })
}

function oneOf<const Values extends readonly [string, ...string[]]>(values: Values) {
  return z.enum(values, { error: values.join(' or ') })
}

function list<Item extends z.ZodType>(item: Item, expected: string) {
  return z
    .array(item, { error: expected })
    .max(LIST_MAX, { error: `${expected} of at most ${LIST_MAX} items` })
}

function map<Key extends z.ZodString, Value extends z.ZodType>(
  key: Key,
  value: Value,
  expected: string,
) {
  return z.record(key, value, { error: expected })
}

function object<Shape extends z.ZodRawShape>(shape: Shape, expected: string) {
  // `error` also covers unknown keys; those are named one by one when problems are made.
  return z.strictObject(shape, { error: expected })
}

const name = matching(
  /^[A-Za-z0-9][A-Za-z0-9_.-]*$/,
  'a name of letters, digits, "-", "_" and "."',
  NAME_MAX,
)
const ruleId = matching(
  /^[a-z0-9][a-z0-9._-]*$/,
  'a rule id of small letters, digits, "-", "_" and "."',
  NAME_MAX,
)
const modelName = matching(/^[\x21-\x7e]+$/, 'a model name without spaces')
const serverName = matching(
  /^[A-Za-z0-9][A-Za-z0-9_-]*$/,
  'a server name of letters, digits, "-" and "_"',
  NAME_MAX,
)
const bareTool = matching(/^[A-Za-z0-9_.-]+$/, 'the name of a tool of the same server')
const qualifiedTool = matching(
  /^[A-Za-z0-9][A-Za-z0-9_-]*\/[A-Za-z0-9_.-]+$/,
  'a tool as server/tool',
  193,
)
const environmentName = matching(
  /^[A-Za-z_][A-Za-z0-9_]*$/,
  'the name of an environment variable of the server',
)
const httpUrl = matching(/^https?:\/\/[^\s]+$/, 'an http:// or https:// URL', TEXT_MAX)
const decimal = matching(/^[0-9]+(\.[0-9]+)?$/, 'a decimal string such as "0.40"', 32)
const usd = matching(/^[0-9]+(\.[0-9]{1,9})?$/, 'US dollars as a decimal string such as "2.50"', 32)
const timeoutMs = integer(1, TIMEOUT_MS_MAX)

const agent = object(
  {
    name: name.describe('The agent, unique in its organisation.'),
    owner: text('a person or a team').describe('Who answers for the agent.'),
    stakes: oneOf(['low', 'medium', 'high']).describe('What a mistake of this agent can cost.'),
    description: text('a text').optional(),
  },
  'an object with name, owner and stakes',
)

const prices = object(
  {
    inputPerMillionUsd: decimal,
    cachedInputPerMillionUsd: decimal
      .optional()
      .describe('Input that the provider reads from its cache. Default: the input price.'),
    outputPerMillionUsd: decimal,
  },
  'an object with inputPerMillionUsd and outputPerMillionUsd',
).describe('US dollars for a million tokens; a whole number of nano-USD for one token.')

const model = object(
  {
    name: modelName.describe('What the client sends as `model`.'),
    wire: oneOf(['openai', 'anthropic']).describe('The wire format of the upstream.'),
    baseUrl: httpUrl.describe('The upstream, with its version path: https://api.openai.com/v1.'),
    upstreamModel: modelName.optional().describe('The name there, when it is another one.'),
    apiKeyEnv: environmentName.optional().describe('Where the server finds the API key.'),
    prices,
    maxOutputTokens: integer(1).describe('Upper bound of a reply; reserved before each call.'),
    timeoutMs: timeoutMs.default(600_000).describe('Longest wait for a whole reply.'),
  },
  'an object with name, wire, baseUrl, prices and maxOutputTokens',
)

const prompt = object(
  {
    name,
    template: text('a prompt template', TEMPLATE_MAX).describe(
      'The system prompt; {{name}} is a variable part.',
    ),
    variables: list(
      matching(/^[A-Za-z_][A-Za-z0-9_]*$/, 'the name of a variable part', NAME_MAX),
      'a list of names',
    ).default([]),
  },
  'an object with name and template',
)

const recordOrHold = oneOf(['record', 'hold'])
const drift = object(
  { prompt: recordOrHold.default('record'), tools: recordOrHold.default('record') },
  'an object with prompt and tools',
).describe('What happens when a prompt or a tool on the wire is not as it was enrolled.')

const plainText = z
  .string({ error: 'a string' })
  .max(TEXT_MAX, { error: `at most ${TEXT_MAX} characters` })

const stdioServer = object(
  {
    transport: z.literal('stdio'),
    command: text('a command'),
    args: list(plainText, 'a list of strings').default([]),
    env: map(environmentName, plainText, 'a map of strings').default({}),
    cwd: text('a directory').optional(),
    timeoutMs: timeoutMs.default(30_000),
  },
  'an object with transport, command and args',
)

const httpServer = object(
  {
    transport: z.literal('http'),
    url: httpUrl,
    headersEnv: map(
      matching(/^[a-z0-9-]+$/, 'a header name in small letters'),
      environmentName,
      'a map of header names to environment variables',
    ).default({}),
    timeoutMs: timeoutMs.default(30_000),
  },
  'an object with transport and url',
)

const toolServer = z.discriminatedUnion('transport', [stdioServer, httpServer], {
  error: 'stdio or http',
})

const template = text('a text or a template such as "{{args.order_id}}"')
const argumentTemplates = map(
  matching(/^[^\s]+$/, 'an argument name'),
  z.union([z.string(), z.number(), z.boolean()], {
    error: 'a template such as "{{args.order_id}}", a number or a boolean',
  }),
  'a map of argument names to templates',
)

const followUp = { tool: bareTool, arguments: argumentTemplates.default({}) }

const amount = object(
  {
    argument: matching(/^[^\s.]+(\.[^\s.]+)*$/, 'the name of an argument').optional(),
    quote: object(
      { ...followUp, path: text('the path of the amount in the result') },
      'an object with tool, arguments and path',
    )
      .optional()
      .describe('A tool that tells the amount before the call.'),
    currency: matching(/^[A-Z]{3}$/, 'an ISO 4217 currency such as USD', 3),
  },
  'an object with currency and argument or quote',
).describe('How much money a call moves; a rule reads it as call.amount, in minor units.')

const contract = object(
  {
    effect: oneOf(['read', 'reversible', 'compensable', 'irreversible']),
    key: template
      .optional()
      .describe('What makes two calls the same effect. Default: all arguments.'),
    scope: oneOf(['session', 'agent'])
      .optional()
      .describe('Where a key is unique. Default: session.'),
    windowSeconds: integer(1).optional().describe('How long a result answers repeats.'),
    subject: template
      .optional()
      .describe('Whose key encrypts the payloads. Default: the end user.'),
    amount: amount.optional(),
    undo: object(followUp, 'an object with tool and arguments').optional(),
    probe: object(
      { ...followUp, done: text('a CEL condition over result') },
      'an object with tool, arguments and done',
    )
      .optional()
      .describe('How to find out what became of a call whose outcome is unknown.'),
  },
  'an object with effect',
)

const limit = object(
  { calls: integer(1).optional(), tokens: integer(1).optional(), moneyUsd: usd.optional() },
  'an object with calls, tokens and moneyUsd',
)

const limits = object(
  {
    session: limit.default({}).describe('Budgets of each session.'),
    agent: limit.default({}).describe('Budgets over all sessions.'),
    defaultSession: limit
      .default({})
      .describe('Budgets of the session of calls without a session.'),
  },
  'an object with session, agent and defaultSession',
)

const globs = list(
  matching(/^[\x21-\x7e]+$/, 'a name or a pattern with "*"', 193),
  'a list of names and patterns',
).min(1, { error: 'at least one name or pattern' })

const rule = object(
  {
    id: ruleId,
    effect: oneOf(['allow', 'hold', 'deny']),
    tools: globs.optional().describe('Tools as server/tool; "*" stands for anything.'),
    models: globs.optional(),
    when: text('a CEL condition').optional().describe('Without one the rule always speaks.'),
    reason: text('a text', 500).optional().describe('What the agent and the log are told.'),
  },
  'an object with id, effect and tools or models',
)

const promise = object(
  { id: ruleId, description: text('a text') },
  'an object with id and description',
)

const pact = object(
  {
    permissions: list(rule, 'a list of rules'),
    promises: list(promise, 'a list of promises').default([]),
  },
  'an object with permissions',
)

export const manifestSchema = object(
  {
    schema: z
      .literal('airworthy.manifest/1', { error: '"airworthy.manifest/1"' })
      .describe('The version of this format.'),
    agent,
    models: list(model, 'a list of models').default([]),
    prompts: list(prompt, 'a list of prompts').default([]),
    settings: z
      .record(z.string(), z.json(), { error: 'an object' })
      .default({})
      .describe('Any JSON; part of the version fingerprint.'),
    drift: drift.default({ prompt: 'record', tools: 'record' }),
    toolServers: map(serverName, toolServer, 'a map of tool servers').default({}),
    tools: map(qualifiedTool, contract, 'a map of contracts').default({}),
    limits: limits.default({ session: {}, agent: {}, defaultSession: {} }),
    holdExpiresAfterSeconds: integer(1).default(3600),
    pact,
  },
  'a manifest: an object with schema, agent and pact',
)

/** An agent's manifest as it is enrolled, with the defaults filled in. */
export type Manifest = z.output<typeof manifestSchema>

/** The published JSON Schema of a manifest, for editors. */
export function manifestJsonSchema(): Record<string, unknown> {
  return {
    title: 'Airworthy agent manifest',
    ...z.toJSONSchema(manifestSchema, { io: 'input', target: 'draft-2020-12' }),
  }
}
