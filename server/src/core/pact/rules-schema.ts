// The pact of a manifest: promises and permissions.
import { escalation } from './escalation-schema.ts'
import { killOn } from './kill-schema.ts'
import { list, matching, object, oneOf, ruleId, text } from './schema-parts.ts'
import { writeFlow } from './tasks-schema.ts'
import { pactTests } from './tests-schema.ts'
import { taint } from './taint-schema.ts'

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

export const pact = object(
  {
    permissions: list(rule, 'a list of rules'),
    promises: list(promise, 'a list of promises').default([]),
    taint: taint.optional(),
    writeFlow: writeFlow.optional(),
    escalation: escalation.optional(),
    killOn: killOn.optional().describe('What stops the agent without a person.'),
    tests: pactTests.optional().describe('Run by `airworthy pact check`, and at each enrolment.'),
    unproven: oneOf(['irreversible', 'declared'])
      .optional()
      .describe('What rules see of an undo that is not proved. Default: irreversible.'),
  },
  'an object with permissions',
)
