// Which model a request gets, as the manifest writes it: names that stand for a choice.
import { z } from 'zod'
import { list, matching, modelName, object, oneOf, ruleId, text } from './schema-parts.ts'

const ROUTES_MAX = 20
const RULES_MAX = 50
const CHECKS_MAX = 20

const check = object(
  {
    id: ruleId,
    accept: text('a CEL condition').describe(
      'Over reply and request; where it is not true the next model is asked.',
    ),
  },
  'an object with id and accept',
)

const cascade = object(
  {
    try: modelName.describe('Asked first.'),
    escalateTo: modelName.describe('Asked when an answer of the first does not pass the checks.'),
    checks: list(check, 'a list of checks')
      .max(CHECKS_MAX, { error: `at most ${CHECKS_MAX} checks` })
      .default([])
      .describe('Beside what is always asked: a whole answer that is not empty and no refusal.'),
  },
  'an object with try and escalateTo',
)

const use = z.union([modelName, cascade], {
  error: 'the name of a model of this manifest, or a cascade with try and escalateTo',
})

const rule = object(
  {
    id: ruleId,
    when: text('a CEL condition').describe('Over request, session, agent and now.'),
    use,
  },
  'an object with id, when and use',
)

const share = matching(/^(0(\.[0-9]{1,4})?|1(\.0{1,4})?)$/, 'a share from 0 to 1 such as "0.05"', 6)

const route = object(
  {
    model: modelName.describe('What the client sends as `model`.'),
    rules: list(rule, 'a list of rules')
      .max(RULES_MAX, { error: `at most ${RULES_MAX} rules` })
      .describe('The first whose condition is true chooses.'),
    otherwise: modelName.describe('Where no rule chooses, or one cannot be evaluated.'),
    mode: oneOf(['enforce', 'shadow'])
      .default('enforce')
      .describe('In shadow the choice is only recorded: `otherwise` answers.'),
    compare: share
      .optional()
      .describe('In shadow: the share of requests whose answers are compared, at a cost.'),
  },
  'an object with model, rules and otherwise',
)

export const routing = list(route, 'a list of routes').max(ROUTES_MAX, {
  error: `at most ${ROUTES_MAX} routes`,
})
