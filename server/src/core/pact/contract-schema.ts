// The contract of a tool: what a call of it does to the world, and how that is known and undone.
import { z } from 'zod'
import { bareTool, integer, map, matching, object, oneOf, text } from './schema-parts.ts'

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

export const contract = object(
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
