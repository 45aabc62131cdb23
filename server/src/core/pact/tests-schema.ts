// Tests of a pact, written beside its rules: a call, what the session did before, and the verdict.
import { z } from 'zod'
import {
  decimal,
  integer,
  list,
  map,
  modelName,
  object,
  oneOf,
  plainText,
  qualifiedTool,
  text,
} from './schema-parts.ts'

const json = z.record(z.string(), z.json(), { error: 'an object' })
const count = integer(0)
const flag = z.boolean({ error: 'true or false' })
const counts = map(qualifiedTool, count, 'a map of server/tool to a number of calls')

const call = object(
  {
    tool: qualifiedTool.optional(),
    arguments: json.optional(),
    amount: decimal
      .optional()
      .describe('What the quote says, in the currency of the contract; of arguments it is read.'),
    origins: z
      .record(z.string(), z.array(z.string().max(200)).max(20), { error: 'a map of lists' })
      .optional()
      .describe('Where arguments come from, by name: user, system, web, tool:server/tool.'),
    proved: flag.optional().describe('The undo of the tool is proved.'),
    model: modelName.optional(),
    stream: flag.optional(),
  },
  'an object with tool or model',
)

const session = object(
  {
    task: plainText.optional(),
    endUser: plainText.optional(),
    scope: z
      .record(z.string(), z.union([z.string(), z.number(), z.boolean()]), { error: 'an object' })
      .optional(),
    flow: oneOf(['read', 'write']).optional(),
    untrusted: flag.optional().describe('The session has read what an outsider wrote.'),
    private: flag.optional().describe('The session has read private data.'),
    modelCalls: count.optional(),
    toolCalls: count.optional().describe('Default: what the counts below add up to.'),
    writes: count.optional().describe('Default: what the counts of tools that write add up to.'),
    denied: count.optional(),
    held: count.optional(),
    tokens: count.optional(),
    spentNanoUsd: count.optional(),
    made: counts.optional().describe('Default: done, failed and unknown together.'),
    done: counts.optional(),
    failed: counts.optional(),
    unknown: counts.optional(),
  },
  'an object with facts of the session',
)

export const pactTest = object(
  {
    name: text('a name of the test', 200),
    call,
    agent: object(
      { name: text('a name', 64).optional(), stakes: oneOf(['low', 'medium', 'high']).optional() },
      'an object with name and stakes',
    )
      .optional()
      .describe('Default: as the manifest has it.'),
    session: session.optional().describe('Default: a session that has done nothing.'),
    now: z.iso
      .datetime({ offset: true, error: 'a time such as "2026-11-22T12:00:00Z"' })
      .optional()
      .describe('Default: 2026-01-01T12:00:00Z.'),
    expect: oneOf(['allow', 'hold', 'deny']),
    rule: text('the id of a rule', 200)
      .optional()
      .describe('A rule that must have spoken for this verdict.'),
    code: text('an error code such as policy.denied', 100).optional(),
  },
  'an object with name, call and expect',
)

export const pactTests = list(pactTest, 'a list of tests')
