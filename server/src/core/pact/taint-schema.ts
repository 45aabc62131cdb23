// What a manifest says of taint: what a tool's results are, what leaves the organisation.
import { z } from 'zod'
import { object, oneOf } from './schema-parts.ts'

const flag = z.boolean({ error: 'true or false' })

export const returns = object(
  {
    trust: oneOf(['trusted', 'untrusted']).describe(
      'untrusted: the result may hold what an outsider wrote.',
    ),
    private: flag.describe('The result is not meant for the public.'),
    origin: oneOf(['tool', 'web'])
      .optional()
      .describe('Where its values come from. Default: tool.'),
  },
  'an object with trust and private',
).describe('What a result of the tool brings into a session.')

export const outward = flag.describe(
  'A call sends data out of the organisation. Default: false; true for results of the web.',
)

export const taint = object(
  { trifecta: oneOf(['hold', 'deny', 'off']).default('hold') },
  'an object with trifecta',
).describe('What becomes of an outward call after untrusted content and private data were read.')
