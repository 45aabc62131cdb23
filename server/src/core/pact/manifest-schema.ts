// The agent manifest as a zod schema.
import { z } from 'zod'
import { approvals } from './approvals-schema.ts'
import { contract } from './contract-schema.ts'
import { identity } from './identity-schema.ts'
import { model } from './model-schema.ts'
import { pact } from './rules-schema.ts'
import { routing } from './routing-schema.ts'
import { runs } from './runs-schema.ts'
import {
  NAME_MAX,
  integer,
  list,
  map,
  matching,
  name,
  object,
  oneOf,
  qualifiedTool,
  serverName,
  text,
  usd,
} from './schema-parts.ts'
import { defaultTask, loops, scopes, tasks } from './tasks-schema.ts'
import { toolServer } from './tool-server-schema.ts'

const TEMPLATE_MAX = 100_000
const concurrencyMax = 100_000

const agent = object(
  {
    name: name.describe('The agent, unique in its organisation.'),
    owner: text('a person or a team').describe('Who answers for the agent.'),
    stakes: oneOf(['low', 'medium', 'high']).describe('What a mistake of this agent can cost.'),
    description: text('a text').optional(),
  },
  'an object with name, owner and stakes',
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

const limit = object(
  {
    calls: integer(1).optional(),
    tokens: integer(1).optional().describe('Input and output together.'),
    inputTokens: integer(1).optional(),
    outputTokens: integer(1).optional(),
    moneyUsd: usd.optional(),
  },
  'an object with calls, tokens, inputTokens, outputTokens and moneyUsd',
)

const limits = object(
  {
    session: limit.default({}).describe('Budgets of each session.'),
    agent: limit.default({}).describe('Budgets over all sessions.'),
    defaultSession: limit
      .default({})
      .describe('Budgets of the session of calls without a session.'),
    loops: loops.optional(),
    concurrency: integer(1, concurrencyMax)
      .optional()
      .describe('Model calls of the agent at a time on one gateway; more wait for their turn.'),
  },
  'an object with session, agent, defaultSession, loops and concurrency',
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
    identity: identity.optional().describe('How the agent shows who it is.'),
    routing: routing.optional().describe('Names that stand for a choice between models.'),
    approvals: approvals
      .optional()
      .describe('Who decides about calls that rules hold. The first that matches a rule counts.'),
    runs: runs.optional().describe('Writes that stand or fall together.'),
    scopes: scopes
      .optional()
      .describe('Data scopes that a session may carry; rules read them as session.scope.'),
    tasks: tasks.optional().describe('What a session may be opened for; each session names one.'),
    defaultTask: defaultTask.optional(),
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
