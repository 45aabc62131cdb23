// The runs of a manifest: what becomes of the done steps when one fails, is denied, or is aborted.
import { z } from 'zod'
import { integer, object, oneOf } from './schema-parts.ts'

const reaction = oneOf(['compensate', 'keep'])
const DAY_SECONDS = 86_400

export const runs = object(
  {
    wholeSession: z
      .boolean({ error: 'true or false' })
      .default(false)
      .describe('Every session is one run from its first write on. Default: only declared runs.'),
    onFailure: reaction
      .default('compensate')
      .describe('When a write of the run fails: undo what was done, or keep it.'),
    onDenied: reaction
      .default('compensate')
      .describe('When a call of the run is denied for exceeding its authority.'),
    irreversibleLast: z
      .boolean({ error: 'true or false' })
      .default(false)
      .describe('Irreversible calls wait until the run is completed.'),
    expiresAfterSeconds: integer(1, 30 * DAY_SECONDS)
      .default(3600)
      .describe('A run that is not completed by then is undone.'),
  },
  'an object with onFailure, onDenied, irreversibleLast and expiresAfterSeconds',
)

export const runsDefault: z.output<typeof runs> = {
  wholeSession: false,
  onFailure: 'compensate',
  onDenied: 'compensate',
  irreversibleLast: false,
  expiresAfterSeconds: 3600,
}
