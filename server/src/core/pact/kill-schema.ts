// What a pact says of being stopped by itself, without a person.
import { integer, list, object, oneOf } from './schema-parts.ts'

const NAMED_MAX = 10

const killRule = object(
  {
    trigger: oneOf(['anomaly', 'budget', 'incident']).describe(
      'anomaly: the trigger of that name fires; budget: a budget is used up; incident: writes fail.',
    ),
    mode: oneOf(['freeze', 'unwind']).default('freeze'),
    scope: oneOf(['session', 'agent']).default('agent'),
    count: integer(1, 1000)
      .default(3)
      .describe('Of an incident: so many writes that failed, or whose end is not known.'),
    withinSeconds: integer(1, 3600).default(60).describe('Of an incident: begun in so long.'),
  },
  'an object with trigger',
)

export const killOn = list(killRule, 'a list of rules that stop the agent').max(NAMED_MAX, {
  error: `at most ${NAMED_MAX} rules`,
})
