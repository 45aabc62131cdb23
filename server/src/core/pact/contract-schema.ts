// The contract of a tool: what a call of it does to the world, and how that is known and undone.
import { z } from 'zod'
import { dataClasses } from './escalation-schema.ts'
import { outward, returns } from './taint-schema.ts'
import {
  bareTool,
  integer,
  list,
  map,
  matching,
  object,
  oneOf,
  ruleId,
  text,
} from './schema-parts.ts'

const template = text('a text or a template such as "{{args.order_id}}"')
const argumentTemplates = map(
  matching(/^[^\s]+$/, 'an argument name'),
  z.union([z.string(), z.number(), z.boolean()], {
    error: 'a template such as "{{args.order_id}}", a number or a boolean',
  }),
  'a map of argument names to templates',
)

const followUp = { tool: bareTool, arguments: argumentTemplates.default({}) }

const probe = object(
  { ...followUp, done: text('a CEL condition over result') },
  'an object with tool, arguments and done',
)

const undo = object(
  {
    ...followUp,
    windowSeconds: integer(1)
      .optional()
      .describe('How long after the call it can be undone. Default: for ever.'),
    probe: probe
      .optional()
      .describe(
        'How to find out whether an undo took place. Default: the effect was found no more.',
      ),
  },
  'an object with tool and arguments',
)

const postCondition = object(
  {
    id: ruleId,
    that: text('a CEL condition over args, result and call'),
    reason: text('a sentence').optional().describe('What an agent is told when it does not hold.'),
  },
  'an object with id and that',
)

const sample = z.record(z.string(), z.json(), { error: 'an object of arguments' })
const snapshot = object(followUp, 'an object with tool and arguments')

const proof = object(
  {
    arguments: z.union([sample, list(sample, 'a list of arguments').min(1)], {
      error: 'sample arguments: an object, or a list of objects',
    }),
    snapshot: z.union([snapshot, list(snapshot, 'a list of calls').min(1)], {
      error: 'an object with tool and arguments, or a list of them',
    }),
  },
  'an object with arguments and snapshot',
).describe('How `airworthy tool prove` tries the undo: what to do, and what to compare.')

const argumentPath = matching(/^[^\s.]+(\.[^\s.]+)*$/, 'the name of an argument')

const authorisation = object(
  {
    does: oneOf(['opens', 'captures', 'voids']),
    id: template.describe('Which one: over args; of one that is opened also over result.'),
  },
  'an object with does and id',
).describe('Money that is set aside for somebody before it leaves: escrow, card authorisations.')

const amount = object(
  {
    argument: argumentPath.optional(),
    quote: object(
      { ...followUp, path: text('the path of the amount in the result') },
      'an object with tool, arguments and path',
    )
      .optional()
      .describe('A tool that tells the amount before the call.'),
    currency: matching(/^[A-Z]{3}$/, 'an ISO 4217 currency such as USD', 3).optional(),
    currencyArgument: argumentPath
      .optional()
      .describe('Where the ISO 4217 code stands: in the arguments, or in the quote.'),
    asset: text('a CAIP-19 asset such as eip155:1/erc20:0x…')
      .optional()
      .describe('An asset that is no currency of ISO 4217, by its CAIP-19 identifier.'),
    decimals: integer(0)
      .max(36, { error: 'at most 36 decimals' })
      .optional()
      .describe('Of the asset, as it is registered with `airworthy asset add`.'),
    unit: oneOf(['major', 'minor'])
      .optional()
      .describe('Whether the amount is given in dollars (default) or in cents.'),
  },
  'an object with argument or quote, and currency, currencyArgument or asset',
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
    keyArgument: matching(/^[^\s.]+$/, 'the name of an argument')
      .optional()
      .describe('An argument that Airworthy fills with the effect key; the agent never sees it.'),
    waitFor: oneOf(['checkpoint'])
      .optional()
      .describe('What a call waits for after its intent is durable: a signed checkpoint of it.'),
    otherArguments: oneOf(['refuse', 'replace'])
      .optional()
      .describe('What a call with the same key and other arguments is. Default: refuse.'),
    touches: list(template, 'a list of templates')
      .max(20, { error: 'at most 20 things' })
      .optional()
      .describe('The things that a call changes: others that touch them wait for its end.'),
    ensures: list(postCondition, 'a list of post-conditions')
      .max(20, { error: 'at most 20 post-conditions' })
      .optional()
      .describe('What must hold of a result.'),
    subject: template
      .optional()
      .describe('Whose key encrypts the payloads. Default: the end user.'),
    amount: amount.optional(),
    counterparty: argumentPath
      .optional()
      .describe('The argument that says who gets the money: limits and lists of them read it.'),
    direction: oneOf(['out', 'in', 'refund'])
      .optional()
      .describe('Where the amount goes. Default: out. refund: what had left comes back.'),
    authorisation: authorisation.optional(),
    returns: returns.optional(),
    outward: outward.optional(),
    dataClasses: dataClasses.optional(),
    undo: undo.optional(),
    probe: probe
      .optional()
      .describe('How to find out what became of a call whose outcome is unknown.'),
    proof: proof.optional(),
  },
  'an object with effect',
)
