// What a pact says of escalation: when a person is asked although every rule lets the call go on.
import { z } from 'zod'
import {
  integer,
  list,
  map,
  matching,
  name,
  object,
  oneOf,
  qualifiedTool,
  text,
} from './schema-parts.ts'
import { usd } from './schema-parts.ts'

const NAMES_MAX = 50
const YEAR_DAYS = 366
/** Each may leave four things behind that the agent is known with. */
const LEARNED_CALLS_MAX = 100_000

const globs = list(
  matching(/^[\x21-\x7e]+$/, 'a name or a pattern with "*"', 193),
  'a list of names and patterns',
).min(1, { error: 'at least one name or pattern' })

const probability = z
  .number({ error: 'a number from 0 to 1' })
  .min(0, { error: 'a number from 0 to 1' })
  .max(1, { error: 'a number from 0 to 1' })

const flag = z.boolean({ error: 'true or false' })
const path = matching(/^[^\s.]+(\.[^\s.]+)*$/, 'a path such as "review.confidence"')
const dataClass = matching(/^[a-z][a-z0-9_-]*$/, 'a class of data such as "health"', 64)
const currency = matching(/^[A-Z]{3}$/, 'an ISO 4217 currency such as USD', 3)

const anyTrigger = {
  tools: globs
    .optional()
    .describe('Tools that are asked about, as server/tool. Default: all that write.'),
  // oxlint-disable-next-line unicorn/no-thenable -- the manifest's word; it is a text, no function
  then: oneOf(['hold', 'handover'])
    .default('hold')
    .describe('Whether the call waits for a person, or the whole session goes to one.'),
}

const materiality = object(
  {
    ...anyTrigger,
    amounts: map(currency, integer(1), 'a map of currencies to minor units')
      .optional()
      .describe('This much and more needs a person; so does any amount in another currency.'),
    writes: integer(0).optional().describe('Writes of a session that need no person.'),
    dataClasses: list(dataClass, 'a list of classes of data')
      .optional()
      .describe('Calls of tools with such a class need a person; also where they only read.'),
  },
  'an object with amounts, writes or dataClasses',
)

const confidence = object(
  {
    ...anyTrigger,
    models: globs.optional().describe('Whose replies count. Default: all models.'),
    statement: object({ path, min: probability }, 'an object with path and min')
      .optional()
      .describe("A number in the JSON of the model's last reply."),
    argument: object(
      { name: text('an argument', 128), min: probability },
      'an object with name and min',
    )
      .optional()
      .describe('A number that the call itself has as an argument.'),
    logprobs: object({ min: probability }, 'an object with min')
      .optional()
      .describe("The mean probability of the tokens of the model's last reply."),
    scorer: object(
      { tool: qualifiedTool, path, min: probability },
      'an object with tool, path and min',
    )
      .optional()
      .describe('A tool that is asked about each call, and where its result has the number.'),
    missing: oneOf(['hold', 'ignore'])
      .default('hold')
      .describe('What becomes of a call of which no source is known.'),
  },
  'an object with statement, argument, logprobs or scorer',
)

const competence = object(
  {
    ...anyTrigger,
    provenTasks: map(
      name,
      object(
        { passed: integer(0), of: integer(1) },
        'an object with passed and of: the results of an evaluation',
      ),
      'a map of tasks to results',
    ).describe('What the agent was measured at; any other task needs a person.'),
    minPassRate: probability.default(0.9),
    minRuns: integer(1).default(20),
  },
  'an object with provenTasks',
)

const firstEncounter = object(
  {
    ...anyTrigger,
    of: list(oneOf(['tool', 'arguments', 'counterparty', 'task']), 'a list of kinds')
      .min(1, { error: 'at least one kind' })
      .default(['tool', 'arguments', 'counterparty', 'task']),
    counterparties: map(qualifiedTool, path, 'a map of server/tool to an argument')
      .optional()
      .describe("The argument that names a call's counterparty. Default: its contract's."),
    learning: object(
      {
        calls: integer(1, LEARNED_CALLS_MAX).default(1000).describe('Watched calls of the agent.'),
        days: integer(1, YEAR_DAYS).default(14).describe('Since its first watched call.'),
      },
      'an object with calls and days',
    )
      .optional()
      .describe('While neither is over, what is new is learned and recorded, and not held.'),
  },
  'an object with of, counterparties and learning',
)

const doubt = object(
  {
    ...anyTrigger,
    tool: flag.default(true).describe('Agents are offered airworthy_escalate on MCP.'),
    phrases: list(text('a phrase', 200), 'a list of phrases')
      .max(NAMES_MAX, { error: `at most ${NAMES_MAX} phrases` })
      .optional()
      .describe("Words of the model's reply that say so, in any case. Default: a list of ours."),
    fields: list(path, 'a list of paths')
      .max(NAMES_MAX, { error: `at most ${NAMES_MAX} paths` })
      .default(['needs_human'])
      .describe("Fields that say so by being true: in the reply's JSON, or a call's arguments."),
    models: globs.optional().describe('Whose replies count. Default: all models.'),
  },
  'an object with tool, phrases and fields',
)

const anomaly = object(
  {
    ...anyTrigger,
    measures: list(oneOf(['calls', 'spend']), 'a list of measures')
      .min(1, { error: 'at least one measure' })
      .default(['calls', 'spend']),
    deviations: z
      .number({ error: 'a number from 1 to 100' })
      .min(1, { error: 'a number from 1 to 100' })
      .max(100, { error: 'a number from 1 to 100' })
      .default(4)
      .describe("How far above the agent's own mean an hour may be."),
    minHours: integer(1, 10_000).default(24).describe('Hours of history before anything is odd.'),
    atLeast: object(
      { calls: integer(1).default(20), spendUsd: usd.default('0.10') },
      'an object with calls and spendUsd',
    )
      .default({ calls: 20, spendUsd: '0.10' })
      .describe('An hour below this is never odd.'),
    models: flag.default(false).describe('Also model calls wait for a person.'),
  },
  'an object with measures, deviations and minHours',
)

const taint = object(
  {
    ...anyTrigger,
    after: oneOf(['untrusted', 'private', 'either', 'both']).describe(
      'What the session has read before a call that needs a person.',
    ),
  },
  'an object with after',
)

export const escalation = object(
  {
    materiality: materiality.optional(),
    confidence: confidence.optional(),
    competence: competence.optional(),
    firstEncounter: firstEncounter.optional(),
    doubt: doubt.optional(),
    anomaly: anomaly.optional(),
    taint: taint.optional(),
  },
  'an object with triggers',
).describe('When a person is asked although every rule lets the call go on. Only ever tightens.')

/** What data a tool handles; materiality asks for it. */
export const dataClasses = list(dataClass, 'a list of classes of data')
  .max(20, { error: 'at most 20 classes of data' })
  .describe('Classes of the data that a call handles, such as "health"; escalation asks for them.')
