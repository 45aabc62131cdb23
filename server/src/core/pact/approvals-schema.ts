// What a manifest says of approvals: who decides about calls that its rules hold.
import { z } from 'zod'
import { levelsMax, quorumMax, voterRoles } from '../approval/policy.ts'
import { integer, list, matching, name, object, oneOf, ruleId, text } from './schema-parts.ts'

const withinSecondsMax = 90 * 24 * 3600

const globs = list(
  matching(/^[\x21-\x7e]+$/, 'a name or a pattern with "*"', 193),
  'a list of names and patterns',
).min(1, { error: 'at least one name or pattern' })

const names = list(text('a name', 100), 'a list of names').min(1, { error: 'at least one name' })

const approvers = object(
  {
    roles: list(oneOf(voterRoles), 'a list of roles')
      .min(1, { error: 'at least one role' })
      .optional(),
    teams: names.optional(),
    operators: names.optional().describe('Names of operators.'),
    onCall: name.optional().describe('A schedule of `airworthy oncall`: who has the shift.'),
  },
  'an object with roles, teams, operators or onCall',
).describe('Whoever one of them names. Nothing named: every operator who may vote.')

const level = object(
  {
    approvers: approvers.default({}),
    quorum: integer(1, quorumMax)
      .default(1)
      .describe('Votes alike of different people: that many approve, that many reject.'),
    withinSeconds: integer(1, withinSecondsMax).describe('Then the next level is asked too.'),
  },
  'an object with approvers, quorum and withinSeconds',
)

const policy = object(
  {
    id: ruleId,
    for: object(
      { rules: globs.optional(), actions: globs.optional() },
      'an object with rules and actions',
    )
      .default({})
      .describe('Rules that hold, and tools or models. What is left out matches everything.'),
    levels: list(level, 'a list of levels')
      .min(1, { error: 'at least one level' })
      .max(levelsMax, { error: `at most ${levelsMax} levels` }),
    onExpiry: oneOf(['deny', 'escalate'])
      .default('deny')
      .describe('escalate: after the last level every admin is asked for the same time.'),
    excludeOwnTeam: z
      .boolean({ error: 'true or false' })
      .default(false)
      .describe("Nobody of the agent's owner team may vote. The author never may."),
    unsigned: oneOf(['allowed', 'refused'])
      .optional()
      .describe('Votes without a signature. Default: refused where the stakes are high.'),
  },
  'an object with id and levels',
)

export const approvals = list(policy, 'a list of approval policies')
