// What a session may be opened for: data scopes, tasks, and the limits of loops, as the manifest
// writes them.
import { z } from 'zod'
import { integer, list, map, matching, object, oneOf, ruleId, text, usd } from './schema-parts.ts'

const SCOPES_MAX = 16
const TASKS_MAX = 100
const BOUNDS_MAX = 50
const LOOP_CALLS_MAX = 1_000_000
/** How many calls a session remembers; the ring of their digests is written with every batch. */
export const LOOP_WINDOW_MAX = 64

const globs = list(
  matching(/^[\x21-\x7e]+$/, 'a name or a pattern with "*"', 193),
  'a list of names and patterns',
)

export const scopeName = matching(
  // Every object has a `constructor`, so a missing one could not be told from a value.
  /^(?!constructor$)[a-z][a-z0-9_]*$/,
  'the name of a data scope: small letters, digits and "_"',
  64,
)

export const scopes = map(
  scopeName,
  oneOf(['string', 'integer', 'boolean']),
  'a map of data scopes to string, integer or boolean',
).refine((declared) => Object.keys(declared).length <= SCOPES_MAX, {
  error: `at most ${SCOPES_MAX} data scopes`,
})

const taskName = matching(
  /^(?!default$)[A-Za-z0-9][A-Za-z0-9_.-]*$/,
  'a name of letters, digits, "-", "_" and "." that is not "default"',
  64,
)

const bound = object(
  {
    id: ruleId.optional().describe('Default: bound-1 for the first, and so on.'),
    tools: globs.min(1, { error: 'at least one name or pattern' }),
    when: text('a CEL condition').describe('Must be true; a call is denied where it is not.'),
    reason: text('a text', 500).optional().describe('What the agent and the log are told.'),
  },
  'an object with tools and when',
)

const task = object(
  {
    description: text('a text', 500),
    tools: globs.describe('The only tools of such a session, as server/tool; "*" is anything.'),
    models: globs.optional().describe('The only models; without it all models of the manifest.'),
    bounds: list(bound, 'a list of bounds')
      .max(BOUNDS_MAX, { error: `at most ${BOUNDS_MAX} bounds` })
      .default([])
      .describe('Conditions that calls must meet beside the rules of the pact.'),
    scopes: list(scopeName, 'a list of data scopes')
      .default([])
      .describe('Data scopes that a session of this task must carry.'),
    limits: object(
      {
        calls: integer(1).optional(),
        tokens: integer(1).optional().describe('Input and output together.'),
        inputTokens: integer(1).optional(),
        outputTokens: integer(1).optional(),
        moneyUsd: usd.optional(),
      },
      'an object with calls, tokens, inputTokens, outputTokens and moneyUsd',
    )
      .default({})
      .describe('Tighter budgets than those of limits.session.'),
  },
  'an object with description and tools',
)

export const tasks = map(taskName, task, 'a map of tasks').refine(
  (declared) => Object.keys(declared).length <= TASKS_MAX,
  { error: `at most ${TASKS_MAX} tasks` },
)

export const defaultTask = taskName.describe(
  'The task of calls without a session. Without one nothing is permitted to them.',
)

/** Absent: a session writes as its rules say. */
export const writeFlow = object(
  {
    when: text('a CEL condition').describe('Opens the write flow at the first write.'),
    reason: text('a text', 500).optional().describe('What an agent is told that may not write.'),
    expiresAfterSeconds: integer(1, 31_536_000)
      .optional()
      .describe('Then the condition is asked again.'),
    writesMax: integer(1, LOOP_CALLS_MAX)
      .optional()
      .describe('Writes of one flow; another one is opened by an operator only.'),
  },
  'an object with when',
).describe('A session is read-only until this condition lets a write open its write flow.')

/** Generous: an agent that waits for something asks the same again and again. */
export const loopDefaults = {
  identical: 50,
  oscillation: 16,
  window: LOOP_WINDOW_MAX,
  models: false,
} as const

export const loops = object(
  {
    identical: integer(0, LOOP_WINDOW_MAX)
      .optional()
      .describe(
        `Times that one call may be among the last calls; 0: no limit. Default: ${loopDefaults.identical}.`,
      ),
    oscillation: integer(0, LOOP_WINDOW_MAX / 2)
      .optional()
      .describe(
        `Rounds of the same two, three or four calls in turn; 0: no limit. Default: ${loopDefaults.oscillation}.`,
      ),
    window: integer(2, LOOP_WINDOW_MAX)
      .default(loopDefaults.window)
      .describe('How many of the last calls are compared.'),
    steps: integer(1, LOOP_CALLS_MAX).optional().describe('Model calls of one session.'),
    toolCalls: integer(1, LOOP_CALLS_MAX).optional().describe('Tool calls of one session.'),
    models: z
      .boolean({ error: 'true or false' })
      .default(loopDefaults.models)
      .describe('Compare the bodies of model calls as well.'),
  },
  'an object with identical, oscillation, window, steps, toolCalls and models',
).describe('When an agent that goes round in circles is stopped.')
